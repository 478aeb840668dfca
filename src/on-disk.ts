/** What every module that handles files needs: folders, failures in words, durable names, bounds. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
} from 'node:fs';
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

/**
 * All that a file or an open descriptor holds, also a pipe or a device that never ends.
 * @returns undefined if it is more than `sizeMax` bytes; one beyond them is the last that is read.
 */
export function readAtMost(source: string | number, sizeMax: number): Uint8Array | undefined {
  const descriptor = typeof source === 'number' ? source : openSync(source, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size > sizeMax) return undefined;
    // One more than there is, so that the end shows.
    let held = new Uint8Array(size + 1);
    for (let length = 0; ; ) {
      const read = readSync(descriptor, held, length, held.length - length, null);
      length += read;
      if (length > sizeMax) return undefined;
      if (read === 0) return held.subarray(0, length);
      if (length === held.length) held = moved(held, Math.min(2 * length + 4_096, sizeMax + 1));
    }
  } finally {
    if (typeof source === 'string') closeSync(descriptor);
  }
}

/** Into a larger place; it may be a secret, so the old one is wiped. */
function moved(from: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(size);
  to.set(from);
  from.fill(0);
  return to;
}
