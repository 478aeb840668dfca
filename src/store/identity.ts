/**
 * A peer's identity, its static private key, as a file that only a passphrase opens: to move a
 * peer to another machine, or to keep it through the loss of one.
 */
import { bytes } from '../bytes.ts';
import type { CryptoProvider, PrivateKey, ScryptCost } from '../crypto/index.ts';
import { seal, unseal } from './sealed-file.ts';

const KIND = 'sotto identity';

export function exportIdentity(
  crypto: CryptoProvider,
  privateKey: PrivateKey,
  passphrase: Uint8Array,
  cost?: ScryptCost,
): Promise<string> {
  return seal(crypto, KIND, privateKey, passphrase, cost);
}

/** @throws {StoreError} `wrong_key`, `damaged`, or `foreign` if it is no identity. */
export async function importIdentity(
  crypto: CryptoProvider,
  text: string,
  passphrase: Uint8Array,
): Promise<PrivateKey> {
  const secret = await unseal(crypto, KIND, text, passphrase);
  return bytes(32, secret, 'private key') as PrivateKey;
}
