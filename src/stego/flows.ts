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
const SETTLED = 1e-5;
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

  /** @param counts the histogram, from `offset` on, not yet normalised. */
  solve(
    counts: Float64Array,
    offset: number,
    lowest: number,
    highest: number,
    ratio: number,
  ): void {
    const { before, after, up, down } = this;
    let total = 0;
    for (let b = lowest; b <= highest; b++) total += counts[offset + b] as number;
    before.fill(0);
    after.fill(0);
    up.fill(0);
    down.fill(0);
    for (let b = lowest; b <= highest; b++) {
      before[b] = (counts[offset + b] as number) / total;
      after[b] = before[b] as number;
    }
    for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
      if (this.#sweep(lowest, highest, ratio) < SETTLED) break;
    }
    this.#settle(lowest, highest);
  }

  /** Balances each pair of neighbours once; returns how much moved. */
  #sweep(lowest: number, highest: number, ratio: number): number {
    const { before, after, up, down } = this;
    let moved = 0;
    for (let b = lowest; b < highest; b++) {
      const flow = (up[b] as number) - (down[b + 1] as number);
      const here = (after[b] as number) + flow;
      const next = (after[b + 1] as number) - flow;
      let wanted = 0;
      if (here > ratio * next) {
        const room = (before[b] as number) - (down[b] as number);
        wanted = Math.min((here + next) / (1 + ratio) - next, room);
      } else if (next > ratio * here) {
        const room = (before[b + 1] as number) - (up[b + 1] as number);
        wanted = -Math.min((here + next) / (1 + ratio) - here, room);
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

  /** Drops what is negligible, and makes `after` follow from the flows exactly. */
  #settle(lowest: number, highest: number): void {
    const { before, after, up, down } = this;
    this.active = false;
    for (let b = lowest; b <= highest; b++) {
      if ((up[b] as number) < NEGLIGIBLE) up[b] = 0;
      if ((down[b] as number) < NEGLIGIBLE) down[b] = 0;
      if ((up[b] as number) > 0 || (down[b] as number) > 0) this.active = true;
    }
    for (let b = lowest; b <= highest; b++) {
      const fromBelow = b > lowest ? (up[b - 1] as number) : 0;
      const fromAbove = b < highest ? (down[b + 1] as number) : 0;
      const left = (before[b] as number) - (up[b] as number) - (down[b] as number);
      after[b] = left + fromBelow + fromAbove;
    }
  }
}
