/** What every module that writes files needs: folders, failures in words, and durable names. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
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

/**
 * Makes a folder, and those above it, if it is not there. Not by `recursive`: where the system makes
 * no folders, as in /proc, that never returns.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw cause;
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
