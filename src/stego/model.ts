/**
 * Adaptive histograms, one a context, and the coding tables that follow from them. Both ends keep
 * the same counts, because both count only samples of the cover that they have passed.
 */
import { BINS, CONTEXTS, KINDS, LEVELS, windowOf } from './context.ts';
import { Flows } from './flows.ts';
import { PROBABILITY_BITS } from './rans.ts';
import { SHAPED, Shape } from './shape.ts';

/** Samples that the trained prior counts for, away from black and white and near them. */
const PRIOR_WEIGHT = 2000;
const PRIOR_WEIGHT_CLIPPED = 100;
/** What one sample counts in the histograms of the next lower and higher noise level. */
const NEIGHBOUR_WEIGHT = 0.3;
/** Added to every bin of the prior, so that none is impossible. */
const FLOOR = 1e-5;

/** A table gives, for each bin, four frequencies out of 2^14. */
export const ROW = 4;
/** Of a cover sample in this bin: to move down, to move up. */
export const MOVE_DOWN = 0;
export const MOVE_UP = 1;
/** Of a stego sample in this bin: to have come from below, from above. */
export const FROM_BELOW = 2;
export const FROM_ABOVE = 3;
export const TABLE_SIZE = ROW * BINS;

const TOTAL = 1 << PROBABILITY_BITS;

/** KINDS × LEVELS histograms of BINS bins, each summing to one. */
export type Prior = Float64Array;

const WINDOWS = Array.from({ length: CONTEXTS }, (_, context) => windowOf(context));
const LOWEST = Int32Array.from(WINDOWS, ({ lowest }) => lowest);
const HIGHEST = Int32Array.from(WINDOWS, ({ highest }) => highest);

export class Model {
  readonly flows: Flows;
  readonly #prior = new Float64Array(CONTEXTS * BINS);
  readonly #shape: Shape;
  /** Cover samples passed. */
  readonly #counts = new Uint32Array(CONTEXTS * BINS);
  readonly #histogram = new Float64Array(BINS);
  readonly #seen = new Int32Array(CONTEXTS);
  readonly #due = new Int32Array(CONTEXTS);

  constructor(prior: Prior, ratio: number) {
    this.flows = new Flows(CONTEXTS, ratio);
    for (let context = 0; context < CONTEXTS; context++) {
      const isClipped = context >= KINDS * LEVELS;
      // Contexts near black and white have priors of predictions at a whole step.
      const row = (isClipped ? context % LEVELS : context) * BINS;
      const weight = isClipped ? PRIOR_WEIGHT_CLIPPED : PRIOR_WEIGHT;
      for (let b = LOWEST[context] as number; b <= (HIGHEST[context] as number); b++) {
        this.#prior[context * BINS + b] = ((prior[row + b] as number) + FLOOR) * weight;
      }
    }
    this.#shape = new Shape(this.#prior);
  }

  /** Whether `bin` of `context` takes part. */
  covers(context: number, bin: number): boolean {
    return bin >= (LOWEST[context] as number) && bin <= (HIGHEST[context] as number);
  }

  /** Whether the context has learnt enough since its last table; then call `refresh`. */
  isDue(context: number): boolean {
    return (this.#seen[context] as number) >= (this.#due[context] as number);
  }

  /** Solves the context's flows anew; they stay in `flows`. */
  refresh(context: number): void {
    const seen = this.#seen[context] as number;
    const lowest = LOWEST[context] as number;
    const highest = HIGHEST[context] as number;
    const level = context % LEVELS;
    const [quieter, louder] = [level > 0, level < LEVELS - 1];
    const [counts, histogram] = [this.#counts, this.#histogram];
    const first = context * BINS + lowest;
    if (context < SHAPED) this.#shape.fit(context, histogram, this.#seen);
    else histogram.set(this.#prior.subarray(first, first + highest - lowest + 1), lowest);
    for (let b = lowest, i = first; b <= highest; b++, i++) {
      const beside =
        (quieter ? (counts[i - BINS] as number) : 0) + (louder ? (counts[i + BINS] as number) : 0);
      histogram[b] = (histogram[b] as number) + (counts[i] as number) + NEIGHBOUR_WEIGHT * beside;
    }
    this.flows.solve(context, histogram, lowest, highest);
    this.#due[context] = seen + 64 + (seen >> (this.flows.active ? 2 : 1));
  }

  /** Counts a cover sample. */
  learn(context: number, bin: number): void {
    const at = context * BINS + bin;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#seen[context] = (this.#seen[context] as number) + 1;
    if (context < SHAPED) this.#shape.learn(at);
  }

  /** Bits and changes that one sample in each bin is worth under the flows just solved. */
  forecast(gains: Float64Array, costs: Float64Array, offset: number): void {
    const { before, after, up, down } = this.flows;
    for (let b = 0; b < BINS; b++) {
      const whole = before[b] as number;
      const [toUp, toDown] = [up[b] as number, down[b] as number];
      const stays = whole - toUp - toDown;
      let bits = 0;
      if (toUp > 0) bits += toUp * Math.log2(whole / (after[b + 1] as number));
      if (toDown > 0) bits += toDown * Math.log2(whole / (after[b - 1] as number));
      if (stays > 0) bits += stays * Math.log2(whole / (after[b] as number));
      gains[offset + b] = whole > 0 ? bits / whole : 0;
      costs[offset + b] = whole > 0 ? (toUp + toDown) / whole : 0;
    }
  }

  /** Writes the table of the flows just solved at `offset` of `tables`. */
  writeTable(context: number, tables: Uint16Array, offset: number): void {
    const lowest = LOWEST[context] as number;
    const highest = HIGHEST[context] as number;
    for (let b = lowest; b <= highest; b++) writeMoves(this.flows, b, tables, offset + ROW * b);
    for (let b = lowest; b <= highest; b++) writeOrigins(this.flows, b, tables, offset + ROW * b);
  }
}

/** P(y | x) as frequencies; staying keeps at least 1. */
function writeMoves(flows: Flows, bin: number, tables: Uint16Array, row: number): void {
  const whole = flows.before[bin] as number;
  const down = frequency(flows.down[bin] as number, whole, TOTAL - 2);
  tables[row + MOVE_DOWN] = down;
  tables[row + MOVE_UP] = frequency(flows.up[bin] as number, whole, TOTAL - 1 - down);
}

/** P(x | y) as frequencies; what can happen keeps at least 1. */
function writeOrigins(flows: Flows, bin: number, tables: Uint16Array, row: number): void {
  const canComeUp = bin > 0 && (tables[row - ROW + MOVE_UP] as number) > 0;
  const canComeDown = bin < BINS - 1 && (tables[row + ROW + MOVE_DOWN] as number) > 0;
  const fromBelow = canComeUp ? (flows.up[bin - 1] as number) : 0;
  const fromAbove = canComeDown ? (flows.down[bin + 1] as number) : 0;
  const whole = Math.max(flows.after[bin] as number, fromBelow + fromAbove);
  const below = frequency(fromBelow, whole, TOTAL - 2);
  tables[row + FROM_BELOW] = below;
  tables[row + FROM_ABOVE] = frequency(fromAbove, whole, TOTAL - 1 - below);
}

function frequency(share: number, whole: number, most: number): number {
  if (share <= 0) return 0;
  return Math.max(1, Math.min(most, Math.floor((share / whole) * TOTAL + 0.5)));
}
