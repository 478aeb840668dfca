/**
 * What a crypto library has to offer: the primitives of Noise `25519_AESGCM_SHA256` and the
 * key derivations around it. Section numbers refer to the Noise specification, revision 34.
 *
 * Keys are handles: imported once, used many times, so that a library may keep what it prepared.
 * There is no global provider; whoever needs one is given it.
 */
import type { Bytes, Role } from '../bytes.ts';

export const KEY_SIZE = 32;
export const HASH_SIZE = 32;
export const TAG_SIZE = 16;

export type PublicKey = Bytes<32> & Role<'PublicKey'>;
export type PrivateKey = Bytes<32> & Role<'PrivateKey'>;
export type SymmetricKey = Bytes<32> & Role<'SymmetricKey'>;
export type SharedSecret = Bytes<32> & Role<'SharedSecret'>;
export type Hash = Bytes<32> & Role<'Hash'>;

/** Returns `length` fresh, secret, uniform bytes. Injected, so tests and vectors can fix it. */
export type RandomBytes = (length: number) => Uint8Array;

/** Thrown when a key or ciphertext cannot come from an honest peer in this session. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
}

/** An X25519 key pair. The private half stays inside. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  /** DH(), §4.1. @throws {AuthenticationError} if the secret is all zero, RFC 7748 §6.1. */
  dh(publicKey: PublicKey): SharedSecret;
  /** Forgets the private half; `dh` throws from then on. */
  wipe(): void;
}

/** An AES-256-GCM key. The nonce is 4 zero bytes and `counter` as 8 big-endian bytes, §12.4. */
export interface AeadKey {
  /**
   * ENCRYPT(), §4.2. The result is `TAG_SIZE` bytes longer than `plaintext`.
   * @param target where it is to stand; it has that size, and may begin with `plaintext` itself.
   */
  seal(
    counter: bigint,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    target?: Uint8Array,
  ): Uint8Array;
  /** DECRYPT(), §4.2, into a buffer of its own. @throws {AuthenticationError} */
  open(counter: bigint, associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  /** Forgets the key; `seal` and `open` throw from then on. */
  wipe(): void;
}

/** SHA-256 of a stream. */
export interface IncrementalHash {
  update(data: Uint8Array): void;
  /** The hash of everything so far; call it once, last. */
  digest(): Hash;
}

/** What scrypt may cost, RFC 7914 §2. It needs 128 · N · r bytes of memory. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

export interface CryptoProvider {
  readonly name: 'noble' | 'openssl';
  /** Copies `privateKey`; the caller may wipe it. */
  importPrivateKey(privateKey: PrivateKey): KeyPair;
  /** GENERATE_KEYPAIR(), §4.1. Wipes what `randomBytes` returned. */
  generateKeyPair(randomBytes: RandomBytes): KeyPair;
  /** Copies `key`; the caller may wipe it. */
  importSymmetricKey(key: SymmetricKey): AeadKey;
  /** HASH(), §4.3, over the concatenation of `parts`. */
  hash(...parts: readonly Uint8Array[]): Hash;
  createHash(): IncrementalHash;
  /** HMAC-HASH(), §4.3, over the concatenation of `parts`. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Hash;
  /** HKDF-SHA256, RFC 5869: extract with `salt`, expand with `info`, at most 8160 bytes. */
  derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** Stretches a passphrase. Slow by intent, so it does not block. */
  scrypt(
    passphrase: Uint8Array,
    salt: Uint8Array,
    cost: ScryptCost,
    length: number,
  ): Promise<Uint8Array>;
}
