/**
 * The walk over a layer in raster order: where each sample stands, from the other layers and from
 * the layer's own samples so far. Reading, restoring and training all walk this way.
 */
import { bucketOf, Calibration, type Curve, NOISE_MAX } from './calibration.ts';
import { NOISE_UNIT, Place, UNIT } from './context.ts';
import type { Field } from './field.ts';
import { LeastSquares } from './least-squares.ts';
import { Roughness, type TrainedRoughness } from './roughness.ts';
import { Texture } from './texture.ts';

/** How a profile predicts. */
export interface Prediction {
  readonly curve: Curve;
  /** If given, local least squares and learnt noise; else the mean of four and fixed noise. */
  readonly roughness: TrainedRoughness | undefined;
}

/** What a sample is predicted as, and how rough its surroundings are. */
interface View {
  startRow(y: number, first: number): void;
  /** In sixteenths, within the range of samples. */
  meanAt(at: number, x: number): number;
  /** Of the sample whose mean was asked for last, in 1/1600 steps, at most NOISE_MAX. */
  noiseAt(at: number, x: number): number;
  /** @param error magnitude in sixteenths. */
  learn(x: number, sample: number, error: number): void;
  endRow(): void;
}

class FixedView implements View {
  readonly #texture: Texture;

  constructor(field: Field) {
    this.#texture = new Texture(field);
  }

  startRow(y: number, first: number): void {
    this.#texture.startRow(y, first);
  }

  meanAt(_at: number, x: number): number {
    return this.#texture.means[x] as number;
  }

  noiseAt(_at: number, x: number): number {
    return this.#texture.noiseAt(x);
  }

  learn(x: number, _sample: number, error: number): void {
    this.#texture.learn(x, error);
  }

  endRow(): void {}
}

class LearningView implements View {
  readonly roughness: Roughness;
  readonly #solver: LeastSquares;

  constructor(field: Field, trained: TrainedRoughness) {
    this.roughness = new Roughness(field, trained);
    this.#solver = new LeastSquares(field);
  }

  startRow(): void {
    this.roughness.startRow();
    this.#solver.startRow();
  }

  meanAt(at: number, x: number): number {
    this.#solver.predict(at, x);
    return Math.floor(this.#solver.mean * UNIT + 0.5);
  }

  noiseAt(at: number, x: number): number {
    const expected = this.roughness.expect(at, x, this.#solver);
    return Math.min(NOISE_MAX, Math.floor(expected * NOISE_UNIT));
  }

  learn(x: number, sample: number, error: number): void {
    this.roughness.learn(x, error / UNIT);
    this.#solver.learn(x, sample);
  }

  endRow(): void {
    this.#solver.endRow();
  }
}

export class Scan extends Place {
  /** The prediction in sixteenths, within the range of samples. */
  mean = 0;
  bucket = 0;
  readonly #max: number;
  readonly #view: View;
  readonly #calibration: Calibration;

  constructor(field: Field, { curve, roughness }: Prediction) {
    super();
    this.#max = field.max;
    this.#view = roughness ? new LearningView(field, roughness) : new FixedView(field);
    this.#calibration = new Calibration(curve, field.max);
  }

  /** What was learnt of noise so far, for training. */
  get roughness(): Roughness | undefined {
    return this.#view instanceof LearningView ? this.#view.roughness : undefined;
  }

  startRow(y: number, first: number): void {
    this.#view.startRow(y, first);
    this.#calibration.startRow();
  }

  /** Finds where the sample at `at` in column `x` stands, without looking at it. */
  visit(at: number, x: number): void {
    this.mean = this.#view.meanAt(at, x);
    this.bucket = bucketOf(this.#view.noiseAt(at, x));
    this.locate(this.mean, this.#calibration.levelAt(this.bucket, this.mean), this.#max);
  }

  /** Tells the true value of the sample visited last. */
  learn(x: number, sample: number): void {
    const error = Math.abs(sample * UNIT - this.mean);
    this.#calibration.learn(this.bucket, this.mean, error);
    this.#view.learn(x, sample, error);
  }

  endRow(): void {
    this.#view.endRow();
  }
}
