/** CipherState, Noise §5.1. */
import type { AeadKey } from '../crypto/index.ts';
import { LocalProtocolError } from './errors.ts';

/** 2^64 - 1 is reserved, §5.1. */
const NONCE_MAX = 2n ** 64n - 2n;

/** A key and the count of messages it has processed. */
export class CipherState {
  readonly #key: AeadKey;
  #nonce: bigint;

  constructor(key: AeadKey, nonce = 0n) {
    this.#key = key;
    this.#nonce = nonce;
  }

  /** The nonce of the next message. */
  get nonce(): bigint {
    return this.#nonce;
  }

  /** For messages that arrive out of order and bring their nonce along, §11.4. */
  setNonce(nonce: bigint): void {
    this.#nonce = nonce;
  }

  /** @param target as in `AeadKey.seal`. */
  encryptWithAd(
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    target?: Uint8Array,
  ): Uint8Array {
    this.#assertNonceLeft();
    const ciphertext = this.#key.seal(this.#nonce, associatedData, plaintext, target);
    this.#nonce += 1n;
    return ciphertext;
  }

  /** A refused message leaves the nonce where it was. @throws {AuthenticationError} */
  decryptWithAd(associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    this.#assertNonceLeft();
    const plaintext = this.#key.open(this.#nonce, associatedData, ciphertext);
    this.#nonce += 1n;
    return plaintext;
  }

  /** The same key at the same nonce; only one of the two may go on to encrypt. */
  clone(): CipherState {
    return new CipherState(this.#key, this.#nonce);
  }

  /** Forgets the key, also for clones. */
  wipe(): void {
    this.#key.wipe();
  }

  #assertNonceLeft(): void {
    if (this.#nonce > NONCE_MAX) throw new LocalProtocolError('nonces are used up: pair again');
  }
}
