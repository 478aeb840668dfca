/**
 * The best reversible change of a histogram by steps of one.
 *
 * X is the histogram before, Y after. Moving a share of bin b to b + 1 costs that share in changed
 * samples and gains information as long as Y[b] > Y[b + 1]. At the optimum for a price of λ bits a
 * change, no neighbours differ by more than a factor r = 2^λ, except where all of a bin has moved.
 * Shifting whole bins is the special case in which every share is 0 or 1.
 */
import { BINS } from './context.ts';

/** Sweeps over the window until shares stop moving; a bound, seldom met. */
const SWEEPS_MAX = 60;
const SETTLED = 1e-4;
/** Shares below this part of the whole are not worth coding. */
const NEGLIGIBLE = 1e-4;

/** Shares, as parts of the whole histogram. Bins outside the window hold zeros. */
export class Flows {
  readonly before = new Float64Array(BINS);
  readonly after = new Float64Array(BINS);
  readonly up = new Float64Array(BINS);
  readonly down = new Float64Array(BINS);
  /** Whether anything moves at all. */
  active = false;
  /** For each histogram the parts of its bins that moved when it was solved last. */
  readonly #partsUp: Float64Array;
  readonly #partsDown: Float64Array;
  readonly #ratio: number;
  readonly #balance: number;

  /** For histograms numbered 0 … `count` - 1. */
  constructor(count: number, ratio: number) {
    this.#ratio = ratio;
    this.#balance = 1 / (1 + ratio);
    this.#partsUp = new Float64Array(count * BINS);
    this.#partsDown = new Float64Array(count * BINS);
  }

  /** @param counts the histogram, not yet normalised. */
  solve(which: number, counts: Float64Array, lowest: number, highest: number): void {
    this.#start(which * BINS, counts, lowest, highest);
    for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
      if (this.#sweep(lowest, highest) < SETTLED) break;
    }
    this.#settle(which * BINS, lowest, highest);
  }

  /** Starts from what moved the last time: histograms change little, so little is left to do. */
  #start(offset: number, counts: Float64Array, lowest: number, highest: number): void {
    const { before, after, up, down } = this;
    let total = 0;
    for (let b = lowest; b <= highest; b++) total += counts[b] as number;
    before.fill(0);
    after.fill(0);
    up.fill(0);
    down.fill(0);
    for (let b = lowest; b <= highest; b++) {
      const whole = (counts[b] as number) / total;
      before[b] = whole;
      up[b] = whole * (this.#partsUp[offset + b] as number);
      down[b] = whole * (this.#partsDown[offset + b] as number);
    }
    this.#follow(lowest, highest);
  }

  /** Balances each pair of neighbours once; returns how much moved. */
  #sweep(lowest: number, highest: number): number {
    const { before, after, up, down } = this;
    const [ratio, balance] = [this.#ratio, this.#balance];
    let moved = 0;
    for (let b = lowest; b < highest; b++) {
      const flow = (up[b] as number) - (down[b + 1] as number);
      const here = (after[b] as number) + flow;
      const next = (after[b + 1] as number) - flow;
      let wanted = 0;
      if (here > ratio * next) {
        const room = (before[b] as number) - (down[b] as number);
        wanted = Math.min((here + next) * balance - next, room);
      } else if (next > ratio * here) {
        const room = (before[b + 1] as number) - (up[b + 1] as number);
        wanted = -Math.min((here + next) * balance - here, room);
      }
      if (wanted === flow) continue;
      after[b] = here - wanted;
      after[b + 1] = next + wanted;
      up[b] = wanted > 0 ? wanted : 0;
      down[b + 1] = wanted < 0 ? -wanted : 0;
      moved += Math.abs(wanted - flow);
    }
    return moved;
  }

  /** Keeps what moves for the next time, and drops what is negligible. */
  #settle(offset: number, lowest: number, highest: number): void {
    const { before, up, down } = this;
    this.active = false;
    for (let b = lowest; b <= highest; b++) {
      const whole = before[b] as number;
      this.#partsUp[offset + b] = (up[b] as number) / whole;
      this.#partsDown[offset + b] = (down[b] as number) / whole;
      if ((up[b] as number) < NEGLIGIBLE) up[b] = 0;
      if ((down[b] as number) < NEGLIGIBLE) down[b] = 0;
      if ((up[b] as number) > 0 || (down[b] as number) > 0) this.active = true;
    }
    this.#follow(lowest, highest);
  }

  /** Makes `after` follow from the flows exactly. */
  #follow(lowest: number, highest: number): void {
    const { before, after, up, down } = this;
    for (let b = lowest; b <= highest; b++) {
      const fromBelow = b > lowest ? (up[b - 1] as number) : 0;
      const fromAbove = b < highest ? (down[b + 1] as number) : 0;
      const left = (before[b] as number) - (up[b] as number) - (down[b] as number);
      after[b] = left + fromBelow + fromAbove;
    }
  }
}
