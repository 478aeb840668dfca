/** SymmetricState, Noise §5.2: the transcript hash `h`, the chaining key `ck`, and a cipher. */
import { bytes, concat, take } from '../bytes.ts';
import {
  type CryptoProvider,
  HASH_SIZE,
  type Hash,
  KEY_SIZE,
  type SymmetricKey,
} from '../crypto/index.ts';
import { CipherState } from './cipher-state.ts';

const NOTHING = new Uint8Array(0);

export class SymmetricState {
  readonly #crypto: CryptoProvider;
  #transcript: Hash;
  #chainingKey: Hash;
  /** Until a first key is mixed in, messages travel in clear, §5.1. */
  #cipher: CipherState | undefined;

  private constructor(crypto: CryptoProvider, transcript: Hash, chainingKey: Hash) {
    this.#crypto = crypto;
    this.#transcript = transcript;
    this.#chainingKey = chainingKey.slice() as Hash; // Its own copy, to be wiped.
  }

  /** InitializeSymmetric(). */
  static initialize(crypto: CryptoProvider, protocolName: string): SymmetricState {
    const name = hashOrPad(crypto, new TextEncoder().encode(protocolName));
    return new SymmetricState(crypto, name, name);
  }

  clone(): SymmetricState {
    const copy = new SymmetricState(this.#crypto, this.#transcript, this.#chainingKey);
    copy.#cipher = this.#cipher?.clone();
    return copy;
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(material, 2);
    this.#setKeys(chainingKey, key);
  }

  mixHash(data: Uint8Array): void {
    this.#transcript = this.#crypto.hash(this.#transcript, data);
  }

  /** For a pre-shared key, §9.1. */
  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, hashed, key] = this.#hkdf(material, 3);
    this.mixHash(hashed);
    this.#setKeys(chainingKey, key);
  }

  /** Whether what comes next is encrypted, and so longer by a tag. */
  hasKey(): boolean {
    return this.#cipher !== undefined;
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher?.encryptWithAd(this.#transcript, plaintext) ?? plaintext;
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** @throws {AuthenticationError} */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#cipher?.decryptWithAd(this.#transcript, ciphertext) ?? ciphertext;
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** Ciphers for initiator-to-responder and responder-to-initiator messages, in that order. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#hkdf(NOTHING, 2);
    return [this.#cipherState(first), this.#cipherState(second)];
  }

  /** `h`: equal on both sides exactly when nobody changed the handshake, §11.2. */
  handshakeHash(): Hash {
    return this.#transcript;
  }

  /** Forgets the secrets, not the transcript. */
  wipe(): void {
    this.#chainingKey.fill(0);
    this.#cipher = undefined;
  }

  /** HKDF(), §4.3; of two outputs the third is empty. */
  #hkdf(material: Uint8Array, outputs: 2 | 3): [Uint8Array, Uint8Array, Uint8Array] {
    const size = outputs * HASH_SIZE;
    const output = this.#crypto.derive(material, this.#chainingKey, NOTHING, size);
    const [first, rest] = take(HASH_SIZE, output, 'first output');
    const [second, third] = take(HASH_SIZE, rest, 'second output');
    return [first, second, third];
  }

  #setKeys(chainingKey: Uint8Array, key: Uint8Array): void {
    this.#chainingKey.fill(0);
    this.#chainingKey = bytes(HASH_SIZE, chainingKey, 'chaining key') as Hash;
    this.#cipher = this.#cipherState(key);
  }

  #cipherState(key: Uint8Array): CipherState {
    const symmetricKey = bytes(KEY_SIZE, key, 'symmetric key') as SymmetricKey;
    const cipher = new CipherState(this.#crypto.importSymmetricKey(symmetricKey));
    symmetricKey.fill(0);
    return cipher;
  }
}

/** Names of up to HASH_SIZE bytes are padded with zeros, longer ones hashed, §5.2. */
function hashOrPad(crypto: CryptoProvider, name: Uint8Array): Hash {
  if (name.length > HASH_SIZE) return crypto.hash(name);
  return concat(name, new Uint8Array(HASH_SIZE - name.length)) as Hash;
}
