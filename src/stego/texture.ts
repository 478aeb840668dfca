/**
 * What a row of a layer looks like: the mean of the four nearest samples, all of the other layer,
 * and a noise level from how much samples around differ and how wrong earlier predictions nearby
 * were. Integers only. All but the errors of the row at hand is known before the row begins, so it
 * is computed for the whole row at once.
 */
import { UNIT } from './context.ts';
import { type Field, MARGIN } from './field.ts';

/** What is thought of a prediction that was not made yet: two steps. */
const ERROR_UNKNOWN = 2 * UNIT;
/** Rows of errors above the one at hand, and columns on either side, that are looked at. */
const ROWS = 4;
const SIDE = 4;

export class Texture {
  /** By column: the mean of the four nearest in sixteenths. Only the layer's own columns count. */
  readonly means: Int32Array;
  readonly #field: Field;
  /** By column: noise but for the errors of the row at hand. */
  readonly #rough: Int32Array;
  /** Magnitudes of errors in sixteenths, the row at hand last, with a margin on either side. */
  readonly #errors: Int32Array;
  readonly #stride: number;
  /** Where column 0 of the row at hand lies among the errors. */
  readonly #start: number;

  constructor(field: Field) {
    this.#field = field;
    this.means = new Int32Array(field.width);
    this.#rough = new Int32Array(field.width);
    this.#stride = field.width + 2 * SIDE;
    this.#start = ROWS * this.#stride + SIDE;
    this.#errors = new Int32Array((ROWS + 1) * this.#stride).fill(ERROR_UNKNOWN);
  }

  /** @param first the layer's first column in row `y`; it has every second one from there. */
  startRow(y: number, first: number): void {
    this.#errors.copyWithin(0, this.#stride);
    this.#errors.fill(ERROR_UNKNOWN, ROWS * this.#stride);
    this.#readSamples(y, first);
    this.#readErrors(first);
  }

  /** Noise around column `x` in 1/1600 steps; only samples before it in the layer's order count. */
  noiseAt(x: number): number {
    const i = this.#start + x;
    const errors = this.#errors;
    return (
      (this.#rough[x] as number) + 8 * (errors[i - 2] as number) + 2 * (errors[i - 4] as number)
    );
  }

  /** @param error magnitude in sixteenths of the prediction in column `x`. */
  learn(x: number, error: number): void {
    this.#errors[this.#start + x] = error;
  }

  /** Differences between samples of the other layer: of the four in a circle, and knight's moves. */
  #readSamples(y: number, first: number): void {
    const { samples: s, stride, width } = this.#field;
    const row = (y + MARGIN) * stride + MARGIN;
    for (let x = first; x < width - 1; x += 2) {
      const at = row + x;
      const [above, below] = [at - stride, at + stride];
      const n = s[above] as number;
      const e = s[at + 1] as number;
      const w = s[at - 1] as number;
      const south = s[below] as number;
      const around = Math.abs(n - w) + Math.abs(w - south) + Math.abs(south - e) + Math.abs(e - n);
      const knights =
        Math.abs(n - (s[above + 2] as number)) +
        Math.abs(n - (s[above - 2] as number)) +
        Math.abs(south - (s[below - 2] as number)) +
        Math.abs(south - (s[below + 2] as number)) +
        Math.abs(w - (s[above - stride - 1] as number)) +
        Math.abs(w - (s[below + stride - 1] as number)) +
        Math.abs(e - (s[above - stride + 1] as number)) +
        Math.abs(e - (s[below + stride + 1] as number));
      this.means[x] = (n + south + w + e) * (UNIT / 4);
      this.#rough[x] = 48 * around + 24 * knights;
    }
  }

  /** Errors of the rows above, weighted by nearness. */
  #readErrors(first: number): void {
    const e = this.#errors;
    const { width } = this.#field;
    for (let x = first; x < width - 1; x += 2) {
      const s1 = this.#start + x - this.#stride;
      const s2 = s1 - this.#stride;
      const s3 = s2 - this.#stride;
      const s4 = s3 - this.#stride;
      const touching = (e[s1 - 1] as number) + (e[s1 + 1] as number);
      const near =
        (e[s2 - 2] as number) +
        (e[s2 + 2] as number) +
        (e[s1 - 3] as number) +
        (e[s1 + 3] as number);
      const far =
        (e[s3 - 1] as number) +
        (e[s3 + 1] as number) +
        (e[s4] as number) +
        (e[s3 - 3] as number) +
        (e[s3 + 3] as number) +
        (e[s2 - 4] as number) +
        (e[s2 + 4] as number);
      this.#rough[x] =
        (this.#rough[x] as number) + 9 * touching + 8 * (e[s2] as number) + 4 * near + 2 * far;
    }
  }
}
