/** The coder of rans.ts as its definition says it, in integers without bounds and plain arrays. */
const TOTAL = 2n ** 14n;

export class Twin {
  state = 2n ** 16n;
  readonly words: number[];
  /** Words taken from below the bottom. */
  borrowed = 0;
  readonly #below: (index: number) => number;

  /** @param below the words under the bottom of the stack. */
  constructor(words: readonly number[], below: (index: number) => number = () => 0) {
    this.words = [...words];
    this.#below = below;
  }

  slot(): bigint {
    return this.state % TOTAL;
  }

  choose(start: bigint, frequency: bigint): void {
    this.state = frequency * (this.state / TOTAL) + this.slot() - start;
    if (this.state < 2n ** 16n) this.state = this.state * 2n ** 16n + BigInt(this.#pop());
  }

  #pop(): number {
    return this.words.pop() ?? this.#below(this.borrowed++);
  }

  /** One of three that own the `first` lowest slots, those between, the `last` highest: -1, 0, 1. */
  take(first: number, last: number): number {
    const slot = Number(this.slot());
    if (slot < first) this.choose(0n, BigInt(first));
    else if (slot >= 16384 - last) this.choose(BigInt(16384 - last), BigInt(last));
    else this.choose(BigInt(first), BigInt(16384 - first - last));
    return slot < first ? -1 : slot >= 16384 - last ? 1 : 0;
  }

  /** The inverse of `take`. */
  give(which: number, first: number, last: number): void {
    if (which < 0) this.absorb(0n, BigInt(first));
    else if (which > 0) this.absorb(BigInt(16384 - last), BigInt(last));
    else this.absorb(BigInt(first), BigInt(16384 - first - last));
  }

  absorb(start: bigint, frequency: bigint): void {
    const absorbed = (state: bigint) => (state / frequency) * TOTAL + start + (state % frequency);
    if (absorbed(this.state) >= 2n ** 32n) {
      this.words.push(Number(this.state % 2n ** 16n));
      this.state /= 2n ** 16n;
    }
    this.state = absorbed(this.state);
  }
}
