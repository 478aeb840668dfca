/** What every module that writes into a data folder needs: failures in words, and durable names. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { StoreError } from './failures.ts';
import { isDiskFull, reasonOf, systemCode } from './reasons.ts';

/**
 * Runs `work` on something at `path`. A system call that fails there ends in a StoreError.
 * @param cannot what could not be done, and the cure, as `cannot use it` and `change its owner`.
 * @throws {StoreError} `full`, `unwritable`; any other error passes as it is.
 */
export function onDisk<T>(path: string, [cannot, cure]: readonly [string, string], work: () => T) {
  try {
    return work();
  } catch (cause) {
    if (systemCode(cause) === undefined) throw cause;
    if (isDiskFull(cause)) {
      throw new StoreError('full', `no space left in ${path}; free some`, { cause });
    }
    throw new StoreError('unwritable', `${cannot}, ${reasonOf(cause)}; ${cure}`, { cause });
  }
}

/** Makes the names in a folder durable: flushing a file keeps only what is in it. */
export function syncNames(folder: string): void {
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
