/**
 * An rANS coder used both ways: bits of the body choose symbols, and symbols become bits again.
 * Every step is undone exactly by its opposite: `choose` by `absorb`. J. Duda, arXiv:1311.2540.
 *
 * The state lies in [2^16, 2^32) and moves 16-bit words to and from a stack.
 */

export const PROBABILITY_BITS = 14;
const MASK = (1 << PROBABILITY_BITS) - 1;
const LOWER = 0x10000;
/** A state at or above frequency × this must give a word away first. */
const LIMIT = 2 ** (32 - PROBABILITY_BITS);

/** Both ends start from it, and must find it again at the other end. */
export const STATE_START = LOWER;

/** A stack of words that never runs dry: below its bottom lies `padding`. */
export class WordStack {
  #words: Uint16Array;
  #size: number;
  #borrowed = 0;
  readonly #padding: (index: number) => number;

  /** @param words bottom first. @param padding the words below them, counted from the bottom. */
  constructor(words: Uint16Array, padding: (index: number) => number) {
    this.#words = words.slice();
    this.#size = words.length;
    this.#padding = padding;
  }

  /** Words above the bottom. */
  get size(): number {
    return this.#size;
  }

  /** Words taken from below the bottom. */
  get borrowed(): number {
    return this.#borrowed;
  }

  push(word: number): void {
    if (this.#size === this.#words.length) {
      const larger = new Uint16Array(Math.max(64, 2 * this.#size));
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#size++] = word;
  }

  pop(): number {
    if (this.#size === 0) return this.#padding(this.#borrowed++);
    return this.#words[--this.#size] as number;
  }

  /** Another one that holds the same. */
  copy(): WordStack {
    const other = new WordStack(this.#words.subarray(0, this.#size), this.#padding);
    other.#borrowed = this.#borrowed;
    return other;
  }

  /** What was pushed, bottom first. */
  words(): Uint16Array {
    return this.#words.slice(0, this.#size);
  }
}

export class Rans {
  state: number;
  readonly stack: WordStack;

  constructor(state: number, stack: WordStack) {
    this.state = state;
    this.stack = stack;
  }

  /** Another one in the same state, to try what comes of it. */
  copy(): Rans {
    return new Rans(this.state, this.stack.copy());
  }

  /** Where in 0 … 2^14 - 1 the state points: the caller finds the symbol that owns it. */
  slot(): number {
    return this.state & MASK;
  }

  /** Takes the symbol [start, start + frequency) out of the state. It must hold `slot()`. */
  choose(start: number, frequency: number): void {
    const { state } = this;
    const next = frequency * (state >>> PROBABILITY_BITS) + (state & MASK) - start;
    this.state = next < LOWER ? next * LOWER + this.stack.pop() : next;
  }

  /** Puts the symbol [start, start + frequency) into the state: the inverse of `choose`. */
  absorb(start: number, frequency: number): void {
    let { state } = this;
    if (state >= frequency * LIMIT) {
      this.stack.push(state & 0xffff);
      state >>>= 16;
    }
    const quotient = (state / frequency) >>> 0;
    this.state = quotient * (MASK + 1) + (state - quotient * frequency) + start;
  }
}
