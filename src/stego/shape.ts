/**
 * How errors lie within the trained histograms, in this picture: there may be more of them far out
 * than in those that were trained on, or fewer. All levels tell of it together, so it is learnt
 * before any of them has a histogram of its own.
 */
import { BINS, KINDS, LEVELS, windowOf } from './context.ts';

/** Contexts away from black and white: the others have too few bins to tell. */
export const SHAPED = KINDS * LEVELS;
/** The outermost 64th of a histogram, the rest of its outermost 32nd, …, its inner half. */
const PARTS = 7;
/** Samples that each part counts for as trained. */
const AS_TRAINED = 50;

export class Shape {
  /** By context and bin: samples that training counts for. */
  readonly #trained: Float64Array;
  readonly #partOf = new Uint8Array(SHAPED * BINS);
  /** What share of a context's samples was trained to be in each part. */
  readonly #shares = new Float64Array(SHAPED * PARTS);
  /** Cover samples passed. */
  readonly #seen = new Float64Array(PARTS);
  readonly #ratios = new Float64Array(PARTS);

  constructor(trained: Float64Array) {
    this.#trained = trained;
    for (let context = 0; context < SHAPED; context++) this.#divide(context);
  }

  /** Takes a histogram's bins from both ends, the smaller one first. */
  #divide(context: number): void {
    const offset = context * BINS;
    const { lowest, highest } = windowOf(context);
    const at = (bin: number) => this.#trained[offset + bin] as number;
    let [total, outside] = [0, 0];
    for (let b = lowest; b <= highest; b++) total += at(b);
    for (let [low, high] = [lowest, highest]; low <= high; ) {
      const bin = at(low) <= at(high) ? low++ : high--;
      const share = at(bin) / total;
      const part = partAt(outside + share / 2);
      this.#partOf[offset + bin] = part;
      this.#shares[context * PARTS + part] =
        (this.#shares[context * PARTS + part] as number) + share;
      outside += share;
    }
  }

  /** Counts a cover sample; `index` is that of its bin among those of all contexts. */
  learn(index: number): void {
    const part = this.#partOf[index] as number;
    this.#seen[part] = (this.#seen[part] as number) + 1;
  }

  /** Writes what this picture makes of a context's trained histogram. @param seen by context. */
  fit(context: number, histogram: Float64Array, seen: Int32Array): void {
    this.#compare(seen);
    const offset = context * BINS;
    const { lowest, highest } = windowOf(context);
    let [before, after] = [0, 0];
    for (let b = lowest; b <= highest; b++) {
      const trained = this.#trained[offset + b] as number;
      histogram[b] = trained * (this.#ratios[this.#partOf[offset + b] as number] as number);
      before += trained;
      after += histogram[b] as number;
    }
    const factor = before / after;
    for (let b = lowest; b <= highest; b++) histogram[b] = (histogram[b] as number) * factor;
  }

  /** How many more samples each part has than was trained. */
  #compare(seen: Int32Array): void {
    for (let part = 0; part < PARTS; part++) {
      let expected = 0;
      for (let context = 0; context < SHAPED; context++) {
        const count = seen[context] as number;
        if (count > 0) expected += count * (this.#shares[context * PARTS + part] as number);
      }
      this.#ratios[part] = (AS_TRAINED + (this.#seen[part] as number)) / (AS_TRAINED + expected);
    }
  }
}

/** @param outside the part of a histogram that lies further out, and half of the bin itself. */
function partAt(outside: number): number {
  let part = PARTS - 1;
  for (let limit = 0.5; part > 0 && outside < limit; limit /= 2) part--;
  return part;
}
