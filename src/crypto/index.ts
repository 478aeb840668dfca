export { equal } from './equal.ts';
export { openssl } from './openssl.ts';
export {
  type AeadKey,
  AuthenticationError,
  type CryptoProvider,
  HASH_SIZE,
  type Hash,
  KEY_SIZE,
  type KeyPair,
  type PrivateKey,
  type PublicKey,
  type RandomBytes,
  type ScryptCost,
  type SharedSecret,
  type SymmetricKey,
  TAG_SIZE,
} from './provider.ts';
export { providerOf } from './provider-of.ts';
export { systemRandomBytes } from './random.ts';
