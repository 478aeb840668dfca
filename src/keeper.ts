/** What protects the data of a peer that runs: its store is open, and the key around it lies in a file. */
import type { PeerConfig } from './config.ts';
import type { CryptoProvider } from './crypto/index.ts';
import { StoreError } from './failures.ts';
import { staticKeyOf } from './identity.ts';
import type { Settings } from './messenger/index.ts';
import type { Keeper } from './routes/index.ts';
import {
  changeOpenStoreKey,
  checkStoreKey,
  exportIdentity,
  keyProtection,
  type StoreKey,
} from './store/index.ts';

type Secret = Uint8Array | undefined;

export function keeperOf(
  { dataFolder: folder }: PeerConfig,
  settings: Settings,
  crypto: CryptoProvider,
): Keeper {
  let busy = false;
  // Each takes 128 MiB for half a second: one at a time.
  const alone = async <T>(secrets: readonly Secret[], work: () => Promise<T>): Promise<T> => {
    if (busy) throw new StoreError('busy', 'another passphrase is being worked on: wait for it');
    busy = true;
    try {
      return await work();
    } finally {
      busy = false;
      for (const secret of secrets) secret?.fill(0);
    }
  };
  return {
    protection: () => keyProtection(folder),
    changePassphrase: (current, next) =>
      alone([current, next], () =>
        changeOpenStoreKey({ folder, key: keyOf(current), crypto }, { passphrase: next }),
      ),
    exportIdentity: (current, passphrase) =>
      alone([current, passphrase], async () => {
        await checkStoreKey({ folder, key: keyOf(current), crypto });
        const privateKey = staticKeyOf(settings);
        try {
          return await exportIdentity(crypto, privateKey, passphrase);
        } finally {
          privateKey.fill(0);
        }
      }),
  };
}

function keyOf(passphrase: Secret): StoreKey {
  return passphrase === undefined ? 'key file' : { passphrase };
}
