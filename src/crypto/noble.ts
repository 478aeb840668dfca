/** The suite on @noble: pure JavaScript, so it runs wherever JavaScript does. */
import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytes } from '../bytes.ts';
import { nonceBytes } from './nonce.ts';
import {
  type AeadKey,
  AuthenticationError,
  type CryptoProvider,
  type Hash,
  type IncrementalHash,
  KEY_SIZE,
  type KeyPair,
  type PrivateKey,
  type PublicKey,
  type SharedSecret,
  type SymmetricKey,
  TAG_SIZE,
} from './provider.ts';

export const noble: CryptoProvider = {
  name: 'noble',
  importPrivateKey: (privateKey) => new NobleKeyPair(privateKey),
  generateKeyPair(randomBytes) {
    const privateKey = bytes(KEY_SIZE, randomBytes(KEY_SIZE), 'private key') as PrivateKey;
    const keyPair = new NobleKeyPair(privateKey);
    privateKey.fill(0);
    return keyPair;
  },
  importSymmetricKey: (key) => new NobleAeadKey(key),
  hash: (...parts) => digestOf(sha256.create(), parts),
  createHash: () => incremental(sha256.create()),
  hmac: (key, ...parts) => digestOf(hmac.create(sha256, key), parts),
  derive: (secret, salt, info, length) => hkdf(sha256, secret, salt, info, length),
  scrypt: (passphrase, salt, { N, r, p }, length) =>
    scryptAsync(passphrase, salt, { N, r, p, dkLen: length, maxmem: 256 * N * r + 2 ** 20 }),
};

class NobleKeyPair implements KeyPair {
  readonly publicKey: PublicKey;
  #privateKey: Uint8Array | undefined;

  constructor(privateKey: PrivateKey) {
    this.publicKey = x25519.getPublicKey(privateKey) as PublicKey;
    this.#privateKey = Uint8Array.from(privateKey);
  }

  dh(publicKey: PublicKey): SharedSecret {
    if (this.#privateKey === undefined) throw new Error('private key was wiped');
    try {
      return x25519.getSharedSecret(this.#privateKey, publicKey) as SharedSecret;
    } catch (cause) {
      throw new AuthenticationError('public key is of low order', { cause });
    }
  }

  wipe(): void {
    this.#privateKey?.fill(0);
    this.#privateKey = undefined;
  }
}

class NobleAeadKey implements AeadKey {
  #key: Uint8Array | undefined;

  constructor(key: SymmetricKey) {
    this.#key = Uint8Array.from(key);
  }

  seal(
    counter: bigint,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    target?: Uint8Array,
  ): Uint8Array {
    const sealed = this.#cipher(counter, associatedData).encrypt(plaintext);
    if (target === undefined) return sealed;
    target.set(bytes(target.length, sealed, 'sealed'));
    return target;
  }

  open(counter: bigint, associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    if (ciphertext.length < TAG_SIZE) throw new AuthenticationError('ciphertext is too short');
    const cipher = this.#cipher(counter, associatedData);
    try {
      return cipher.decrypt(ciphertext);
    } catch (cause) {
      throw new AuthenticationError('ciphertext does not authenticate', { cause });
    }
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #cipher(counter: bigint, associatedData: Uint8Array) {
    if (this.#key === undefined) throw new Error('symmetric key was wiped');
    return gcm(this.#key, nonceBytes(counter), associatedData);
  }
}

interface Digester {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

function digestOf(digester: Digester, parts: readonly Uint8Array[]): Hash {
  for (const part of parts) digester.update(part);
  return digester.digest() as Hash;
}

function incremental(digester: Digester): IncrementalHash {
  return {
    update: (data) => void digester.update(data),
    digest: () => digester.digest() as Hash,
  };
}
