/** The coder of rans.ts as its definition says it, in integers without bounds and plain arrays. */
const TOTAL = 2n ** 14n;

export class Twin {
  state = 2n ** 16n;
  readonly words: number[];

  constructor(words: readonly number[]) {
    this.words = [...words];
  }

  slot(): bigint {
    return this.state % TOTAL;
  }

  choose(start: bigint, frequency: bigint): void {
    this.state = frequency * (this.state / TOTAL) + this.slot() - start;
    if (this.state < 2n ** 16n) this.state = this.state * 2n ** 16n + BigInt(this.words.pop() ?? 0);
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
