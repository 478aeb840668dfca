/** The messenger's store on one encrypted SQLite file. */

export { unpackBackup } from './backup.ts';
export { FileCovers } from './cover-folder.ts';
export type { StoreKey } from './data-key.ts';
export { exportIdentity, importIdentity } from './identity.ts';
export { changeOpenStoreKey, checkStoreKey, keyProtection } from './open-key.ts';
export { changeStoreKey, openStore, type PeerStore, type StoreOptions } from './open-store.ts';
