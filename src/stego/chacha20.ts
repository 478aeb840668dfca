/**
 * ChaCha20, RFC 8439 §2.3, as this folder's only source of randomness: the image key decides where
 * the header lies and how header and body are masked. It is 40 lines here because any part of it is
 * asked for, in any order, which a cipher does not offer; nothing is encrypted with it.
 */

const WORDS = 16;
const BLOCK_SIZE = 64;

/** One purpose of one key. Any part of the stream can be had, in any order. */
export class Keystream {
  readonly #input = new Uint32Array(WORDS);
  readonly #block = new Uint32Array(WORDS);
  #current = -1;

  /** @param purpose a short ASCII name; it is the nonce, so streams of one key never overlap. */
  constructor(key: Uint8Array, purpose: string) {
    if (key.length !== 32 || purpose.length > 12)
      throw new RangeError('32-byte key, short purpose');
    const nonce = new Uint8Array(12);
    for (let i = 0; i < purpose.length; i++) nonce[i] = purpose.charCodeAt(i);
    const words = (bytes: Uint8Array, i: number) =>
      new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(4 * i, true);
    this.#input.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    for (let i = 0; i < 8; i++) this.#input[4 + i] = words(key, i);
    for (let i = 0; i < 3; i++) this.#input[13 + i] = words(nonce, i);
  }

  /** `size` bytes from `offset` on. */
  bytes(offset: number, size: number): Uint8Array {
    const out = new Uint8Array(size);
    for (let i = 0; i < size; i++) out[i] = this.byteAt(offset + i);
    return out;
  }

  byteAt(index: number): number {
    return (this.#word(index >>> 2) >>> (8 * (index & 3))) & 0xff;
  }

  /** The little-endian 16-bit word at twice `index`. */
  wordAt(index: number): number {
    return (this.#word(index >>> 1) >>> (16 * (index & 1))) & 0xffff;
  }

  /** A uniform integer below `bound`, from the 64 bits at eight times `index`. */
  below(bound: number, index: number): number {
    const high = this.#word(2 * index) >>> 11;
    return Math.floor(((high * 2 ** 32 + this.#word(2 * index + 1)) * bound) / 2 ** 53);
  }

  #word(index: number): number {
    const block = Math.floor(index / WORDS);
    if (block !== this.#current) this.#compute(block);
    return this.#block[index % WORDS] as number;
  }

  #compute(counter: number): void {
    this.#input[12] = counter;
    const block = this.#block;
    block.set(this.#input);
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 4; i++) quarter(block, i, 4 + i, 8 + i, 12 + i);
      for (let i = 0; i < 4; i++) {
        quarter(block, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
      }
    }
    for (let i = 0; i < WORDS; i++) block[i] = (block[i] as number) + (this.#input[i] as number);
    this.#current = counter;
  }
}

/** The first 32 bytes of a purpose's stream, as a key of its own. */
export function subkey(key: Uint8Array, purpose: string): Uint8Array {
  return new Keystream(key, purpose).bytes(0, BLOCK_SIZE / 2);
}

function quarter(s: Uint32Array, a: number, b: number, c: number, d: number): void {
  s[a] = (s[a] as number) + (s[b] as number);
  s[d] = rotate((s[d] as number) ^ (s[a] as number), 16);
  s[c] = (s[c] as number) + (s[d] as number);
  s[b] = rotate((s[b] as number) ^ (s[c] as number), 12);
  s[a] = (s[a] as number) + (s[b] as number);
  s[d] = rotate((s[d] as number) ^ (s[a] as number), 8);
  s[c] = (s[c] as number) + (s[d] as number);
  s[b] = rotate((s[b] as number) ^ (s[c] as number), 7);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
