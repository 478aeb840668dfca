/**
 * A peer's identity, its static key, where it lies: made at the first start, shown, carried to
 * another machine, and the passphrase of the store around it changed; and the store as a whole,
 * copied and put back. But for `loadStaticKeys` all of it is for a peer that does not run: the
 * store is held by one process.
 */
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { bytes } from './bytes.ts';
import type { PeerConfig } from './config.ts';
import {
  type CryptoProvider,
  equal,
  KEY_SIZE,
  type KeyPair,
  type PrivateKey,
  providerOf,
  systemRandomBytes,
} from './crypto/index.ts';
import { StoreError } from './failures.ts';
import type { Settings, Store } from './messenger/index.ts';
import { fingerprint } from './protocol/index.ts';
import {
  changeStoreKey,
  exportIdentity,
  importIdentity,
  keyProtection,
  openStore,
  type StoreKey,
  unpackBackup,
} from './store/index.ts';
import { createLog } from './surroundings.ts';

/** Of the store's settings. */
const STATIC_KEY = 'static_key';

export interface ShownIdentity {
  /** 64 hex digits. */
  readonly public_key: string;
  /** 30 digits, PROTOCOL §5.1. */
  readonly fingerprint: string;
}

/** The key pair of this store; made and kept if there is none. */
export function loadStaticKeys(settings: Settings, crypto: CryptoProvider): KeyPair {
  const kept = settings.get(STATIC_KEY);
  const privateKey = kept ?? systemRandomBytes(KEY_SIZE);
  if (kept === undefined) settings.set(STATIC_KEY, privateKey);
  const keys = crypto.importPrivateKey(asPrivateKey(privateKey));
  privateKey.fill(0);
  return keys;
}

/** To be wiped by who asks. */
export function staticKeyOf(settings: Settings): PrivateKey {
  return asPrivateKey(settings.get(STATIC_KEY) ?? new Uint8Array(0));
}

/** @throws {StoreError} `busy` while the peer runs. */
export function showIdentity(config: PeerConfig): Promise<ShownIdentity> {
  return withStore(config, async (store, crypto) =>
    shown(loadStaticKeys(store.settings, crypto), crypto),
  );
}

/** Whether all of a peer's data can be read. @throws {StoreError} `damaged`, or why it cannot open */
export async function checkData(config: PeerConfig): Promise<void> {
  const store = await openStore(await storeOptions(config));
  try {
    store.check();
  } finally {
    store.close();
  }
}

/** The identity as text that only `passphrase` opens. @throws {StoreError} */
export function writeIdentity(config: PeerConfig, passphrase: Uint8Array): Promise<string> {
  return withStore(config, async (store, crypto) => {
    loadStaticKeys(store.settings, crypto).wipe();
    const privateKey = staticKeyOf(store.settings);
    try {
      return await exportIdentity(crypto, privateKey, passphrase);
    } finally {
      privateKey.fill(0);
    }
  });
}

/**
 * Takes over an identity. A store that has talked as somebody else keeps its own: its contacts
 * have pinned that one. @throws {StoreError} `conflict`, `wrong_key`, `damaged`, `foreign`
 */
export async function readIdentity(
  config: PeerConfig,
  text: string,
  passphrase: Uint8Array,
): Promise<ShownIdentity> {
  // First, so that no store is made for what cannot be read.
  const privateKey = await importIdentity(await providerOf(config.crypto), text, passphrase);
  return withStore(config, async (store, crypto) => {
    const present = store.settings.get(STATIC_KEY);
    if (present !== undefined && !equal(present, privateKey) && store.contacts.all().length > 0) {
      const empty = 'import it into an empty data folder';
      throw new StoreError('conflict', `this peer has contacts under another identity: ${empty}`);
    }
    store.settings.set(STATIC_KEY, privateKey);
    privateKey.fill(0);
    return shown(loadStaticKeys(store.settings, crypto), crypto);
  });
}

/** Protects the store by another passphrase, or by a key file. @throws {StoreError} */
export async function changePassphrase(
  config: PeerConfig,
  passphrase: Uint8Array | undefined,
): Promise<void> {
  const next: StoreKey = passphrase === undefined ? 'key file' : { passphrase };
  await changeStoreKey(await storeOptions(config), next);
}

/** Whether a passphrase protects the data that are there. */
export function needsPassphrase({ dataFolder }: PeerConfig): boolean {
  return existsSync(dataFolder) && keyProtection(dataFolder) === 'passphrase';
}

/** As a tar, for a peer that does not run. @throws {StoreError} */
export async function backUp(config: PeerConfig, take: (tar: Readable) => Promise<void>) {
  const store = await openStore(await storeOptions(config));
  try {
    await take(await store.backup());
  } finally {
    store.close();
  }
}

/** @throws {StoreError} */
export function restore({ dataFolder }: PeerConfig, tar: Readable): Promise<void> {
  return unpackBackup(tar, dataFolder);
}

async function withStore<T>(
  config: PeerConfig,
  work: (store: Store, crypto: CryptoProvider) => Promise<T>,
): Promise<T> {
  const options = await storeOptions(config);
  const store = await openStore(options);
  try {
    return await work(store, options.crypto);
  } finally {
    store.close();
  }
}

async function storeOptions({ dataFolder, passphrase, crypto }: PeerConfig) {
  const key: StoreKey = passphrase === undefined ? 'key file' : { passphrase };
  return { folder: dataFolder, key, log: createLog('error'), crypto: await providerOf(crypto) };
}

function shown(keys: KeyPair, crypto: CryptoProvider): ShownIdentity {
  const { publicKey } = keys;
  keys.wipe();
  const public_key = Buffer.from(publicKey).toString('hex');
  return { public_key, fingerprint: fingerprint(crypto, publicKey) };
}

function asPrivateKey(key: Uint8Array): PrivateKey {
  return bytes(KEY_SIZE, key, 'static key') as PrivateKey;
}
