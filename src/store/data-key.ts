/**
 * The database is encrypted with a random data key. The data key lies beside it: sealed with a
 * passphrase in `key.json`, or bare in `peer.key`, which protects a copied database and nothing
 * else. So another passphrase is one small file replaced at once, and the database stays as it is.
 *
 * If both files are there a change was cut short, and `key.json` counts.
 */
import { type Bytes, bytes, type Role } from '../bytes.ts';
import { type CryptoProvider, type ScryptCost, systemRandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type { Folder } from './folder.ts';
import { hex, unhex } from './hex.ts';
import { seal, unseal } from './sealed-file.ts';

export type DataKey = Bytes<32> & Role<'DataKey'>;

/** How the data key is protected: by a passphrase, or by nothing but the file's mode. */
export type StoreKey = { readonly passphrase: Uint8Array } | 'key file';

export const SEALED_KEY = 'key.json';
export const KEY_FILE = 'peer.key';
const KEY_SIZE = 32;

export function hasKey(folder: Folder): boolean {
  return folder.has(SEALED_KEY) || folder.has(KEY_FILE);
}

/** @param isNew there is no database yet, so a key may be made. */
export async function loadDataKey(
  folder: Folder,
  key: StoreKey,
  crypto: CryptoProvider,
  isNew: boolean,
  cost?: ScryptCost,
): Promise<DataKey> {
  if (!hasKey(folder)) {
    if (!isNew) throw keyMissing(folder);
    await create(folder, key, crypto, cost);
  }
  if (folder.has(SEALED_KEY)) return unsealKey(folder, key, crypto);
  if (key !== 'key file') throw notProtected(folder);
  return readKeyFile(folder);
}

/** Protects `dataKey` by `key` from now on. Holds the old way or the new one at every moment. */
export async function protectDataKey(
  folder: Folder,
  dataKey: DataKey,
  key: StoreKey,
  crypto: CryptoProvider,
  cost?: ScryptCost,
): Promise<void> {
  if (key === 'key file') {
    folder.replace(KEY_FILE, keyFileText(dataKey));
    folder.remove(SEALED_KEY);
  } else {
    const text = await seal(crypto, 'sotto database key', dataKey, key.passphrase, cost);
    folder.replace(SEALED_KEY, text);
    folder.remove(KEY_FILE);
  }
}

/** Finishes a change that was cut short. Call once the sealed key has opened the database. */
export function removeStaleKeyFile(folder: Folder): void {
  if (folder.has(SEALED_KEY) && folder.has(KEY_FILE)) folder.remove(KEY_FILE);
}

/** Loses a race without harm: whoever comes second reads what the first one made. */
async function create(
  folder: Folder,
  key: StoreKey,
  crypto: CryptoProvider,
  cost?: ScryptCost,
): Promise<void> {
  const dataKey = systemRandomBytes(KEY_SIZE);
  if (key === 'key file') folder.create(KEY_FILE, keyFileText(dataKey));
  else {
    const text = await seal(crypto, 'sotto database key', dataKey, key.passphrase, cost);
    folder.create(SEALED_KEY, text);
  }
  dataKey.fill(0);
}

async function unsealKey(folder: Folder, key: StoreKey, crypto: CryptoProvider): Promise<DataKey> {
  if (key === 'key file') {
    const message = `${folder.path} is protected by a passphrase; give it by --passphrase-file`;
    throw new StoreError('wrong_key', message);
  }
  const text = folder.read(SEALED_KEY);
  const dataKey = await unseal(crypto, 'sotto database key', text, key.passphrase);
  return bytes(KEY_SIZE, dataKey, 'data key') as DataKey;
}

function readKeyFile(folder: Folder): DataKey {
  folder.protect(KEY_FILE);
  const text = folder.read(KEY_FILE).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    const message = `${folder.pathOf(KEY_FILE)} is damaged; restore a backup of it`;
    throw new StoreError('damaged', message);
  }
  return bytes(KEY_SIZE, unhex(text), 'data key') as DataKey;
}

function keyFileText(dataKey: Uint8Array): string {
  return `${hex(dataKey)}\n`;
}

function keyMissing(folder: Folder): StoreError {
  const message = `${folder.path} has a database but neither ${SEALED_KEY} nor ${KEY_FILE}; put it back`;
  return new StoreError('wrong_key', message);
}

function notProtected(folder: Folder): StoreError {
  const message = `${folder.path} is not protected by a passphrase; give none, or set one first`;
  return new StoreError('wrong_key', message);
}
