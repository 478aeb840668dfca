/**
 * Multiple-histogram shifting: for each noise level an adaptive histogram, and in it one bin above
 * and one below the prediction that carry a bit a sample; what lies beyond them makes room by one
 * step. Which bins, follows from the counts and the price alone. Integers only: the ESP32 has the
 * same in C, held to the same test/vectors/histogram-*.json.
 */
import { BINS, LEVELS, levelOf, ORIGIN, UNIT } from './context.ts';

/** What one sample counts in its own histogram, and in those of the levels beside it. */
const OWN_WEIGHT = 16;
const NEIGHBOUR_WEIGHT = 5;
/** Samples that the trained prior counts for. */
const PRIOR_WEIGHT = 300;

/** A prediction is turned so that its fraction is 0, a quarter or a half: three kinds a level. */
export const KINDS = 3;
export const GROUPS = LEVELS * KINDS;

/** Samples further out are counted here. */
const LOWEST = -ORIGIN;
const HIGHEST = BINS - 1 - ORIGIN;

/** No bin: further out than any. */
export const NOWHERE = 0x7fffff;
/** Between the carriers; see `beyond`. */
export const INSIDE = 0;
/** The sample takes no part: its prediction lies too near to black or white. */
export const EXCLUDED = 255;

/** Counts of the prior: GROUPS rows of BINS parts of `whole`. */
export interface IntegerPrior {
  readonly parts: Int32Array;
  readonly whole: number;
}

/** The counts that every layer's model begins with. */
export function startCounts({ parts, whole }: IntegerPrior): Int32Array {
  const weight = PRIOR_WEIGHT * OWN_WEIGHT;
  return Int32Array.from(parts, (part) => Math.floor((part * weight) / whole));
}

export class ShiftModel {
  /** Of each group, the bin that carries upwards and the one that carries downwards. */
  readonly up = new Int32Array(GROUPS).fill(NOWHERE);
  readonly down = new Int32Array(GROUPS).fill(-NOWHERE);
  /** Counts in 1/16 samples: 26 for each of the 2^25 that a layer may have stay below 2^31. */
  readonly #counts: Int32Array;
  readonly #seen = new Int32Array(GROUPS);
  readonly #due = new Int32Array(GROUPS);
  /** Price in 1/65536 bits a change. */
  readonly #price: number;

  constructor(prior: IntegerPrior, price: number) {
    this.#price = Math.floor((price * price) / 16);
    this.#counts = startCounts(prior);
  }

  /** Brings `up` and `down` of a group up to date if it has learnt enough since. */
  decide(group: number): void {
    const seen = this.#seen[group] as number;
    if (seen >= (this.#due[group] as number)) this.#decide(group, seen);
  }

  #decide(group: number, seen: number): void {
    this.#due[group] = seen + 32 + (seen >> 3);
    const at = group * BINS + ORIGIN;
    this.up[group] = NOWHERE;
    this.down[group] = -NOWHERE;
    // Best carrier downwards among the bins below the one at hand, and what it is worth.
    let [below, belowWorth] = [-NOWHERE, 0];
    let [best, passed, ahead] = [0, 0, 0];
    for (let d = LOWEST + 1; d <= HIGHEST; d++) ahead += this.#counts[at + d] as number;
    passed = this.#counts[at + LOWEST] as number;
    // The outermost bins hold all that lies further out, and cannot carry.
    for (let d = LOWEST + 1; d < HIGHEST; d++) {
      const count = this.#counts[at + d] as number;
      // Worth nothing, so it can change nothing; most bins far out are empty.
      if (count === 0) continue;
      ahead -= count;
      const upwards = this.#worth(count, ahead);
      if (upwards + belowWorth > best) {
        best = upwards + belowWorth;
        this.up[group] = d;
        this.down[group] = below;
      }
      const downwards = this.#worth(count, passed);
      if (downwards > belowWorth) [below, belowWorth] = [d, downwards];
      if (belowWorth > best) {
        best = belowWorth;
        this.up[group] = NOWHERE;
        this.down[group] = below;
      }
      passed += count;
    }
  }

  /**
   * Where a stego sample lies: INSIDE the two carriers, or, signed, 1 on a carrier, 2 one step
   * beyond it, and so on.
   */
  beyond(group: number, d: number): number {
    const up = this.up[group] as number;
    const down = this.down[group] as number;
    return d >= up ? d - up + 1 : d <= down ? d - down - 1 : INSIDE;
  }

  /** Bits less the price of changes, in 1/65536 of 1/16 bit. */
  #worth(carriers: number, moved: number): number {
    return carriers * 65536 - ((carriers >> 1) + moved) * this.#price;
  }

  /** Counts a cover sample `d` steps from its base. */
  learn(group: number, d: number): void {
    const at = group * BINS + ORIGIN + (d < LOWEST ? LOWEST : d > HIGHEST ? HIGHEST : d);
    const beside = BINS * KINDS;
    const counts = this.#counts;
    counts[at] = (counts[at] as number) + OWN_WEIGHT;
    this.#seen[group] = (this.#seen[group] as number) + 1;
    if (group >= KINDS) counts[at - beside] = (counts[at - beside] as number) + NEIGHBOUR_WEIGHT;
    if (group < GROUPS - KINDS) {
      counts[at + beside] = (counts[at + beside] as number) + NEIGHBOUR_WEIGHT;
    }
  }
}

/** Predictions this near to black or white are left alone: there all samples may look alike. */
const EDGE = 3;

/** Where a sample stands. One object serves a whole layer. */
export class ShiftPlace {
  /** The group, or EXCLUDED. */
  group = EXCLUDED;
  base = 0;
  direction = 1;

  locate(mean: number, noise: number, max: number): void {
    const fraction = mean & (UNIT - 1);
    const turned = fraction > UNIT / 2;
    const folded = turned ? UNIT - fraction : fraction;
    this.base = turned ? (mean + UNIT - 1) >> 4 : mean >> 4;
    this.direction = turned ? -1 : 1;
    const inside = this.base >= EDGE && this.base <= max - EDGE;
    this.group = inside ? levelOf(noise) * KINDS + (folded >> 2) : EXCLUDED;
  }
}

/**
 * What a sample is counted as. A stego sample at the end of the range may have been there before,
 * or have moved there from one step inside: both count as the end.
 */
export function countedAs(sample: number, max: number): number {
  return sample <= 1 ? 0 : sample >= max - 1 ? max : sample;
}
