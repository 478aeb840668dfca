/**
 * From how rough the neighbourhood is to how wrong the prediction will be, in this picture.
 *
 * A trained curve says what error a noise level leads to on the average; each picture is a little
 * smoother or rougher than that, and the ratio is learnt within a few hundred samples. It is what
 * lets trained histograms fit a picture that they were not trained on.
 */
import { levelOf, NOISE_UNIT, UNIT } from './context.ts';

/** Noise is told apart in eighths of a doubling: from below 2^8 to below 2^27, in 1/1600 steps. */
const FIRST_BIT = 8;
const LAST_BIT = 26;
export const BUCKETS = 8 * (LAST_BIT - FIRST_BIT + 1);
export const NOISE_MAX = 2 ** (LAST_BIT + 1) - 1;

/** What the trained curve counts for in each bucket, in samples. */
const PRIOR_WEIGHT = 60;
/** What is left in a bucket of what its neighbour has learnt. */
const FADE = 0.7;

/** Errors below a quarter step are as good as that. */
export const ERROR_MIN = UNIT / 4;

/** Mean absolute errors in the buckets, in sixteenths of a step. */
export type Curve = Float64Array;

/** @param noise in 1/1600 steps, at most NOISE_MAX. */
export function bucketOf(noise: number): number {
  if (noise < 1 << FIRST_BIT) return 0;
  const bit = 31 - Math.clz32(noise);
  return ((bit - FIRST_BIT) << 3) + ((noise >> (bit - 3)) & 7);
}

export class Calibration {
  /** The level of each bucket, as far as learnt before the row at hand. */
  readonly levels = new Uint8Array(BUCKETS);
  readonly #curve: Curve;
  readonly #most: Float64Array;
  readonly #errors = new Float64Array(BUCKETS);
  readonly #seen = new Float64Array(BUCKETS);
  readonly #ratios = new Float64Array(BUCKETS);
  readonly #weights = new Float64Array(BUCKETS);

  constructor(curve: Curve) {
    this.#curve = curve;
    // One outlier must not undo what hundreds of samples said.
    this.#most = curve.map((error) => Math.floor(4 * error) + 2 * UNIT);
  }

  /** Brings `levels` up to date: neighbouring buckets tell about each other, and so does the curve. */
  startRow(): void {
    const [ratios, weights] = [this.#ratios, this.#weights];
    let [ratio, weight] = [0, 0];
    for (let b = 0; b < BUCKETS; b++) {
      ratios[b] = ratio = ratio * FADE + (this.#errors[b] as number) / (this.#curve[b] as number);
      weights[b] = weight = weight * FADE + (this.#seen[b] as number);
    }
    [ratio, weight] = [0, 0];
    for (let b = BUCKETS - 1; b >= 0; b--) {
      const expected = this.#curve[b] as number;
      const learnt =
        (PRIOR_WEIGHT + (ratios[b] as number) + ratio) /
        (PRIOR_WEIGHT + (weights[b] as number) + weight);
      this.levels[b] = levelOf(expected * learnt * (NOISE_UNIT / UNIT));
      ratio = (ratio + (this.#errors[b] as number) / expected) * FADE;
      weight = (weight + (this.#seen[b] as number)) * FADE;
    }
  }

  /** @param error magnitude in sixteenths of a sample in this bucket. */
  learn(bucket: number, error: number): void {
    const bounded = Math.min(Math.max(error, ERROR_MIN), this.#most[bucket] as number);
    this.#errors[bucket] = (this.#errors[bucket] as number) + bounded;
    this.#seen[bucket] = (this.#seen[bucket] as number) + 1;
  }
}
