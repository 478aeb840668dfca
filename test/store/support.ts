/** A store in a temporary folder, cheap to open: a key file, no passphrase. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { StoreError, type StoreFailure } from '../../src/failures.ts';
import type { Log, NewContact, Received, Store } from '../../src/messenger/index.ts';
import { openStore, type StoreOptions } from '../../src/store/index.ts';

export const SILENT: Log = { info: () => {}, warn: () => {} };

/** scrypt at the least it may cost: what is tested is not how slow it is. */
export const CHEAP = { N: 16, r: 1, p: 1 };

export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-store-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

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
