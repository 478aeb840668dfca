/**
 * From how rough the neighbourhood is to how wrong the prediction will be, in this picture.
 *
 * A trained curve says what error a noise level leads to on the average; each picture is a little
 * smoother or rougher than that, and its light parts may have more noise than its dark ones, or
 * less, as sensors and scanners make it. Both ratios are learnt within a few hundred samples. It is
 * what lets trained histograms fit a picture that they were not trained on.
 */
import { levelOf, NOISE_UNIT, UNIT } from './context.ts';

/** Noise is told apart in eighths of a doubling: from below 2^8 to below 2^27, in 1/1600 steps. */
const FIRST_BIT = 8;
const LAST_BIT = 26;
export const BUCKETS = 8 * (LAST_BIT - FIRST_BIT + 1);
export const NOISE_MAX = 2 ** (LAST_BIT + 1) - 1;

/** Predictions are told apart by so many equal parts of the range of samples. */
const TONE_BITS = 6;

/** What the trained curve counts for in each bucket, in samples; that all tones are alike, in each. */
const [CURVE_WEIGHT, ALIKE_WEIGHT] = [60, 100];
/** What is left in a bucket, or a tone, of what its neighbour has learnt. */
const [BUCKET_FADE, TONE_FADE] = [0.7, 0.5];

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

/** How much larger errors are than was expected, in each of a row of classes. */
class Ratios {
  /** As far as learnt before the row at hand. */
  readonly learnt: Float64Array;
  readonly #sums: Float64Array;
  readonly #seen: Float64Array;
  readonly #ratios: Float64Array;
  readonly #weights: Float64Array;
  readonly #prior: number;
  readonly #fade: number;

  /** @param prior samples that a ratio of 1 counts for. */
  constructor(count: number, prior: number, fade: number) {
    this.learnt = new Float64Array(count).fill(1);
    this.#sums = new Float64Array(count);
    this.#seen = new Float64Array(count);
    this.#ratios = new Float64Array(count);
    this.#weights = new Float64Array(count);
    this.#prior = prior;
    this.#fade = fade;
  }

  /** Brings `learnt` up to date: neighbours tell about each other. */
  update(): void {
    const [ratios, weights, fade] = [this.#ratios, this.#weights, this.#fade];
    let [ratio, weight] = [0, 0];
    for (let i = 0; i < ratios.length; i++) {
      ratios[i] = ratio = ratio * fade + (this.#sums[i] as number);
      weights[i] = weight = weight * fade + (this.#seen[i] as number);
    }
    [ratio, weight] = [0, 0];
    for (let i = ratios.length - 1; i >= 0; i--) {
      this.learnt[i] =
        (this.#prior + (ratios[i] as number) + ratio) /
        (this.#prior + (weights[i] as number) + weight);
      ratio = (ratio + (this.#sums[i] as number)) * fade;
      weight = (weight + (this.#seen[i] as number)) * fade;
    }
  }

  learn(which: number, ratio: number): void {
    this.#sums[which] = (this.#sums[which] as number) + ratio;
    this.#seen[which] = (this.#seen[which] as number) + 1;
  }
}

export class Calibration {
  readonly #curve: Curve;
  readonly #most: Float64Array;
  readonly #toneShift: number;
  readonly #buckets = new Ratios(BUCKETS, CURVE_WEIGHT, BUCKET_FADE);
  readonly #tones = new Ratios(1 << TONE_BITS, ALIKE_WEIGHT, TONE_FADE);

  /** @param max the largest value of a sample: one less than a power of two. */
  constructor(curve: Curve, max: number) {
    this.#curve = curve;
    // One outlier must not undo what hundreds of samples said.
    this.#most = curve.map((error) => Math.floor(4 * error) + 2 * UNIT);
    this.#toneShift = Math.clz32(1) - Math.clz32(UNIT * (max + 1)) - TONE_BITS;
  }

  startRow(): void {
    this.#buckets.update();
    this.#tones.update();
  }

  /** @param mean the prediction, in sixteenths. */
  levelAt(bucket: number, mean: number): number {
    const ofBucket = (this.#curve[bucket] as number) * (this.#buckets.learnt[bucket] as number);
    const ofTone = this.#tones.learnt[mean >> this.#toneShift] as number;
    return levelOf(ofBucket * ofTone * (NOISE_UNIT / UNIT));
  }

  /** @param error magnitude in sixteenths of a sample in this bucket. */
  learn(bucket: number, mean: number, error: number): void {
    const tone = mean >> this.#toneShift;
    const bounded = Math.min(Math.max(error, ERROR_MIN), this.#most[bucket] as number);
    const ratio = bounded / (this.#curve[bucket] as number);
    // What the one explains the other must not learn as well.
    this.#buckets.learn(bucket, ratio / (this.#tones.learnt[tone] as number));
    this.#tones.learn(tone, ratio / (this.#buckets.learnt[bucket] as number));
  }
}
