/**
 * The second of the older programs, in small: Diffie–Hellman modulo 23, AES-128-CBC with PKCS#7
 * and one constant IV, no authentication, the shared secret in the JSON answer of
 * `/dh-key-exchange`, and a key of zeros until that was called.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const P = 23;
const G = 5;
const IV = Buffer.alloc(16, 0x01);

/** 1 … 22: every shared secret that there can be. */
export const SECRETS: readonly number[] = Array.from({ length: P - 1 }, (_, at) => at + 1);

function power(base: number, exponent: number): number {
  let product = 1;
  for (let count = 0; count < exponent; count += 1) product = (product * base) % P;
  return product;
}

function aesKey(secret: number): Buffer {
  return Buffer.alloc(16, secret);
}

/** A device and its Pi. Secret 0 until they have exchanged keys, and again after a restart. */
export class OldSensor {
  #secret = 0;

  /** What `/dh-key-exchange` answered: everything. */
  exchange(ownPrivate: number, otherPrivate: number) {
    this.#secret = power(power(G, otherPrivate), ownPrivate);
    return { public_key: power(G, ownPrivate), shared_secret: this.#secret };
  }

  restart(): void {
    this.#secret = 0;
  }

  send(reading: object): Uint8Array {
    const cipher = createCipheriv('aes-128-cbc', aesKey(this.#secret), IV);
    return Buffer.concat([cipher.update(JSON.stringify(reading)), cipher.final()]);
  }

  /** What the Pi made of it: a reading, or nothing, without a word. */
  receive(ciphertext: Uint8Array): Readonly<Record<string, unknown>> | undefined {
    return openWith(this.#secret, ciphertext);
  }
}

export function openWith(
  secret: number,
  ciphertext: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  try {
    const decipher = createDecipheriv('aes-128-cbc', aesKey(secret), IV);
    return JSON.parse(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString());
  } catch {
    return undefined;
  }
}
