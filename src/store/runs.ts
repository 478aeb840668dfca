/**
 * Notices that the database is an earlier copy of itself, brought back by whatever means. Each
 * start puts a fresh number into the database and into a file beside it. A backup leaves the file
 * out, and an earlier copy holds an earlier number: then this peer has sent messages that the
 * database does not know of, and must not use their ids again. PROTOCOL §8.2.
 */
import { systemRandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type { Settings } from '../messenger/index.ts';
import type { Folder } from './folder.ts';
import { hex } from './hex.ts';

const RUN_FILE = 'peer.run';
const SETTING = 'run';
const NUMBER_SIZE = 16;

interface Numbered {
  readonly settings: Settings;
  transaction(work: () => void): void;
}

/** Whether a peer has ever started here: its database was whole by then. */
export function hasRun(folder: Folder): boolean {
  return folder.has(RUN_FILE);
}

/**
 * Call at each start. Returns whether the database was brought back; then `renew` was called, in
 * the transaction that makes this the newest copy. @throws {StoreError}
 */
export function beginRun(folder: Folder, store: Numbered, renew: () => void): boolean {
  const kept = store.settings.get(SETTING);
  const last = kept === undefined ? [] : [hex(kept)];
  const known = folder.has(RUN_FILE) ? folder.read(RUN_FILE).trim().split('\n') : [];
  const isNew = last.length === 0 && known.length === 0;
  const isRestored = !isNew && !last.some((number) => known.includes(number));
  const next = systemRandomBytes(NUMBER_SIZE);
  try {
    // Either number will do if this is cut short. That of a copy from before must not.
    folder.replace(RUN_FILE, lines(isRestored ? [hex(next)] : [...last, hex(next)]));
    store.transaction(() => {
      if (isRestored) renew();
      store.settings.set(SETTING, next);
    });
    if (!isRestored) folder.replace(RUN_FILE, lines([hex(next)]));
  } catch (cause) {
    // A full disk keeps nobody from starting who may go on as before.
    const isFull = cause instanceof StoreError && cause.failure === 'full';
    if (isRestored || !isFull) throw cause;
  }
  return isRestored;
}

function lines(numbers: readonly string[]): string {
  return numbers.map((number) => `${number}\n`).join('');
}
