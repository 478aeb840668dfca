/** A store in a temporary folder, cheap to open: a key file, no passphrase. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { StoreError, type StoreFailure } from '../../src/failures.ts';
import type { Log, NewContact, Received, Store } from '../../src/messenger/index.ts';
import { openStore, type StoreOptions } from '../../src/store/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export const NOW = new Date('2026-01-01T00:00:00Z');

/** See child.ts. */
export const CHILD = join(import.meta.dirname, 'child.ts');

export const SILENT: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** scrypt at the least it may cost: what is tested is not how slow it is. */
export const CHEAP = { N: 16, r: 1, p: 1 };

export function options(folder: string, change: Partial<StoreOptions> = {}): StoreOptions {
  return { folder, key: 'key file', log: SILENT, crypto: openssl, cost: CHEAP, ...change };
}

export function open(folder: string): Promise<Store> {
  return openStore(options(folder));
}

export function contact(name: string, change: Partial<NewContact> = {}): NewContact {
  return {
    name,
    address: `http://127.0.0.1:5001`,
    publicKey: undefined,
    verified: false,
    capabilities: 3,
    maxFrame: 65_535,
    ...change,
  };
}

export function received(from: number, epoch: bigint, sequence: bigint): Received {
  const at = new Date('2026-01-01T00:00:00Z');
  return { contact: from, id: { epoch, sequence }, carrier: 'session', verified: true, at };
}

/** Why `work` was refused; undefined if it was not. */
export function failureOf(work: () => unknown): StoreFailure | undefined {
  try {
    work();
    return undefined;
  } catch (cause) {
    if (cause instanceof StoreError) return cause.failure;
    throw cause;
  }
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function joined(slices: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...slices]));
}

/** A store with something in every table, closed again. */
export async function filled(t: Test, change: Parameters<typeof options>[1] = {}): Promise<string> {
  const folder = temporaryFolder(t);
  const store = await openStore(options(folder, change));
  const alice = store.contacts.insert(contact('alice')).id;
  store.transaction(() => {
    for (let i = 0; i < 400; i += 1) {
      store.outbox.append(alice, utf8(`out ${i} `.repeat(20)), NOW);
      store.inbox.add(received(alice, 1n, BigInt(i)), utf8(`in ${i} `.repeat(20)));
    }
  });
  store.close();
  return folder;
}

/** Everything that `filled` put there; throws what the store throws. */
export function readAll(store: Store): string {
  const [alice] = store.contacts.all();
  const out = store.outbox.pending(alice?.id ?? 0, 0n, 1000, 2 ** 30).map((item) => item.content);
  const came = store.inbox.unopened().map(({ row }) => joined(store.inbox.content(row)));
  return createHash('sha256')
    .update(joined([...out, ...came]))
    .digest('hex');
}

export async function refused(opening: Promise<Store>): Promise<StoreError> {
  try {
    (await opening).close();
  } catch (cause) {
    if (cause instanceof StoreError) return cause;
    throw cause;
  }
  throw new Error('it opened');
}

/** Names, modes and contents of all files in the folder. */
export function snapshot(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => {
      const path = join(folder, name);
      const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
      return `${name} ${statSync(path).mode.toString(8)} ${hash}`;
    })
    .sort();
}

export function flip(path: string, offset: number): void {
  const file = openSync(path, 'r+');
  const byte = readFileSync(path)[offset] ?? 0;
  writeSync(file, Uint8Array.of(byte ^ 1), 0, 1, offset);
  closeSync(file);
}
