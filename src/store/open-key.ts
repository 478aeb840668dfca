/**
 * The key around a store that is open: the file that seals it can be replaced meanwhile, because
 * the database itself stays as it is. Whoever asks proves that he knows how it is protected now.
 */
import type { StoreKey } from './data-key.ts';
import { type DataKey, loadDataKey, protectDataKey, SEALED_KEY } from './data-key.ts';
import { Folder } from './folder.ts';
import type { StoreOptions } from './open-store.ts';

type Options = Omit<StoreOptions, 'log'>;

export function keyProtection(folder: string): 'passphrase' | 'key file' {
  return new Folder(folder).has(SEALED_KEY) ? 'passphrase' : 'key file';
}

/** @throws {StoreError} `wrong_key` if `key` does not open the store. */
export async function checkStoreKey(options: Options): Promise<void> {
  (await dataKeyOf(options)).fill(0);
}

/** As `changeStoreKey`, while the store is open here. @throws {StoreError} `wrong_key` */
export async function changeOpenStoreKey(options: Options, newKey: StoreKey): Promise<void> {
  const dataKey = await dataKeyOf(options);
  try {
    await protectDataKey(new Folder(options.folder), dataKey, newKey, options.crypto, options.cost);
  } finally {
    dataKey.fill(0);
  }
}

function dataKeyOf({ folder, key, crypto, cost }: Options): Promise<DataKey> {
  return loadDataKey(new Folder(folder), key, crypto, false, cost);
}
