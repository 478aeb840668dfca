/**
 * The walk over a layer in raster order: where each sample stands, from the other layer and from
 * the layer's own samples so far. Reading, restoring and training all walk this way.
 */
import { bucketOf, Calibration, type Curve } from './calibration.ts';
import { Place, UNIT } from './context.ts';
import type { Field } from './field.ts';
import { LeastSquares } from './least-squares.ts';
import { Texture } from './texture.ts';

/** How a profile predicts. */
export interface Prediction {
  readonly curve: Curve;
  /** Local least squares instead of the mean of four. */
  readonly solves: boolean;
}

export class Scan extends Place {
  /** The prediction in sixteenths, within the range of samples. */
  mean = 0;
  bucket = 0;
  readonly #max: number;
  readonly #texture: Texture;
  readonly #calibration: Calibration;
  readonly #solver: LeastSquares | undefined;

  constructor(field: Field, { curve, solves }: Prediction) {
    super();
    this.#max = field.max;
    this.#texture = new Texture(field);
    this.#calibration = new Calibration(curve);
    this.#solver = solves ? new LeastSquares(field) : undefined;
  }

  startRow(y: number, first: number): void {
    this.#texture.startRow(y, first);
    this.#calibration.startRow();
    this.#solver?.startRow();
  }

  /** Finds where the sample at `at` in column `x` stands, without looking at it. */
  visit(at: number, x: number): void {
    this.mean = this.#solver?.predict(at, x) ?? (this.#texture.means[x] as number);
    this.bucket = bucketOf(this.#texture.noiseAt(x));
    this.locate(this.mean, this.#calibration.levels[this.bucket] as number, this.#max);
  }

  /** Tells the true value of the sample visited last. */
  learn(x: number, sample: number): void {
    const error = Math.abs(sample * UNIT - this.mean);
    this.#calibration.learn(this.bucket, error);
    this.#texture.learn(x, error);
    this.#solver?.learn(x, sample);
  }

  endRow(): void {
    this.#solver?.endRow();
  }
}
