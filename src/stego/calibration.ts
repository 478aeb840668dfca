/**
 * From how rough the neighbourhood is to how wrong the prediction will be, in this picture.
 *
 * A trained curve says what error a noise level leads to on the average; each picture is a little
 * smoother or rougher than that, and the ratio is learnt within a few hundred samples. It is what
 * lets trained histograms fit a picture that they were not trained on.
 */
import { UNIT } from './context.ts';

export const KNOTS = 40;
/** A noise of 0.2 steps, in the units of `Predictor.noise`, and 1.2 times more at each knot. */
const FIRST = 320;
const GROWTH = 1.2;

/** What the trained curve counts for at each knot, in samples. */
const PRIOR_WEIGHT = 60;
/** What a sample counts for at the knots beyond the two it lies between, the nearest first. */
const SPREAD = [0.15, 0.075, 0.05] as const;

/** Errors below a quarter step are as good as that. */
const ERROR_MIN = UNIT / 4;

/** Noise in 1/1600 steps at each knot; beyond the last nothing is told apart. */
const NOISE = new Float64Array(KNOTS);
for (let i = 0, noise = FIRST; i < KNOTS; i++, noise *= GROWTH) NOISE[i] = noise;

/** The first knot to look at for a noise of so many bits. */
const HINT = Int32Array.from({ length: 33 }, (_, bits) => {
  const least = bits === 0 ? 0 : 2 ** (bits - 1);
  let knot = 0;
  while (knot < KNOTS - 2 && (NOISE[knot + 1] as number) <= least) knot++;
  return knot;
});

/** Mean absolute errors at the knots, in sixteenths of a step. */
export type Curve = Float64Array;

export class Calibration {
  /** The noise as it will be in this picture, in 1/1600 steps. */
  noise = 0;
  /** Where the sample lies: between `knot` and the next, so far from `knot`. */
  knot = 0;
  fraction = 0;
  readonly #curve: Curve;
  readonly #ratios = new Float64Array(KNOTS).fill(1);
  readonly #weights = new Float64Array(KNOTS).fill(PRIOR_WEIGHT);
  #expected = 0;

  constructor(curve: Curve) {
    this.#curve = curve;
  }

  /** Finds what to expect at `noise`, and keeps it in `noise`. */
  locate(noise: number): void {
    let knot = HINT[32 - Math.clz32(noise)] as number;
    while (knot < KNOTS - 2 && (NOISE[knot + 1] as number) <= noise) knot++;
    const left = NOISE[knot] as number;
    const along = (noise - left) / ((NOISE[knot + 1] as number) - left);
    const fraction = along < 0 ? 0 : along < 1 ? along : 1;
    const curve = this.#curve;
    this.#expected =
      (1 - fraction) * (curve[knot] as number) + fraction * (curve[knot + 1] as number);
    const ratio =
      (1 - fraction) * (this.#ratios[knot] as number) +
      fraction * (this.#ratios[knot + 1] as number);
    this.knot = knot;
    this.fraction = fraction;
    this.noise = this.#expected * ratio * (1600 / UNIT);
  }

  /** Learns the error of the sample located last, in sixteenths. */
  learn(error: number): void {
    const expected = this.#expected;
    // One outlier must not undo what hundreds of samples said.
    const bounded = Math.min(Math.max(error, ERROR_MIN), 4 * expected + 2 * UNIT);
    const ratio = bounded / expected;
    this.#add(this.knot, ratio, 1 - this.fraction);
    this.#add(this.knot + 1, ratio, this.fraction);
    for (let i = 0; i < SPREAD.length; i++) {
      const weight = SPREAD[i] as number;
      if (this.knot - 1 - i >= 0) this.#add(this.knot - 1 - i, ratio, weight);
      if (this.knot + 2 + i < KNOTS) this.#add(this.knot + 2 + i, ratio, weight);
    }
  }

  /** A running mean, so that no sum grows without bound. */
  #add(knot: number, ratio: number, weight: number): void {
    const total = (this.#weights[knot] as number) + weight;
    const mean = this.#ratios[knot] as number;
    this.#ratios[knot] = mean + ((ratio - mean) * weight) / total;
    this.#weights[knot] = total;
  }
}
