/** What every module that writes into a data folder needs: failures in words, and durable names. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { StoreError } from './failures.ts';

/**
 * Runs `work` on something at `path`. A system call that fails there ends in a StoreError.
 * @param cannot what could not be done, and the cure, as `cannot use it` and `change its owner`.
 * @throws {StoreError} `full`, `unwritable`; any other error passes as it is.
 */
export function onDisk<T>(path: string, [cannot, cure]: readonly [string, string], work: () => T) {
  try {
    return work();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new StoreError('full', `no space left in ${path}; free some`, { cause });
    }
    throw new StoreError('unwritable', `${cannot} (${code}); ${cure}`, { cause });
  }
}

/** `E…` of a failed system call; undefined for any other error. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
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
