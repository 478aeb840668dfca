/**
 * The best prediction: weights for sixteen neighbours, found anew for every sample by least squares
 * over what lies around it and is known. Sums of products fade with distance: along the row so
 * far, and, smoothed to both sides, over the rows above. Doubles, but only + − × ÷ √, which IEEE
 * 754 defines to the last bit: every machine finds the same weights.
 */
import { UNIT } from './context.ts';
import type { Field } from './field.ts';

/** Neighbours: the four nearest, four of the same layer that are known, eight of the other layer. */
const DOWN = [-1, 1, 0, 0, -1, -1, -2, 0, -2, -2, -1, -1, 1, 1, 2, 2] as const;
const RIGHT = [0, 0, -1, 1, -1, 1, 0, -2, -1, 1, -2, 2, -2, 2, -1, 1] as const;
const SIZE = DOWN.length;
const TRIANGLE = (SIZE * (SIZE + 1)) / 2;
/** Products of neighbours with each other, row by row of a lower triangle; then with the sample. */
const SUMS = TRIANGLE + SIZE;

/** What a row, and a step along a row, leaves of older sums. */
const FADE_DOWN = 0.93;
const FADE_ALONG = 0.93;
const FADE_SIDEWAYS = Math.sqrt(FADE_ALONG);
/** Keeps weights small where the neighbourhood says little. */
const RIDGE = 16;
/** How far outside the four nearest samples a prediction may lie, in steps. */
const BEYOND = 2;
/** Below it the system has no answer. */
const SINGULAR = 1e-9;

export class LeastSquares {
  readonly #field: Field;
  readonly #offsets: Int32Array;
  /** For each column: the faded sums of all rows above, and the products of the row at hand. */
  readonly #above: Float64Array;
  readonly #products: Float64Array;
  readonly #smoothed: Float64Array;
  readonly #along = new Float64Array(SUMS);
  readonly #neighbours = new Float64Array(SIZE);
  readonly #system = new Float64Array(SUMS);
  readonly #weights = new Float64Array(SIZE);
  /** Mean of the four nearest, and the prediction before rounding. */
  #level = 0;
  #exact = 0;

  constructor(field: Field) {
    this.#field = field;
    this.#offsets = Int32Array.from(DOWN, (dy, i) => dy * field.stride + (RIGHT[i] as number));
    this.#above = new Float64Array(field.width * SUMS);
    this.#products = new Float64Array(field.width * SUMS);
    this.#smoothed = new Float64Array(field.width * SUMS);
  }

  startRow(): void {
    this.#along.fill(0);
    this.#products.fill(0);
  }

  /** @returns the sample at `at` in column `x` in sixteenths, predicted without looking at it. */
  predict(at: number, x: number): number {
    const s = this.#field.samples;
    const stride = this.#field.stride;
    const north = s[at - stride] as number;
    const south = s[at + stride] as number;
    const west = s[at - 1] as number;
    const east = s[at + 1] as number;
    const level = (north + south + west + east) / 4;
    const neighbours = this.#neighbours;
    for (let i = 0; i < SIZE; i++) {
      neighbours[i] = (s[at + (this.#offsets[i] as number)] as number) - level;
    }
    let mean = level;
    if (this.#solve(x * SUMS)) {
      const weights = this.#weights;
      for (let i = 0; i < SIZE; i++) mean += (weights[i] as number) * (neighbours[i] as number);
    }
    const least = Math.min(north, south, west, east) - BEYOND;
    const most = Math.max(north, south, west, east) + BEYOND;
    mean = Math.max(0, least, Math.min(this.#field.max, most, mean));
    this.#level = level;
    this.#exact = mean;
    return Math.floor(mean * UNIT + 0.5);
  }

  /** Tells the true value of the sample predicted last. */
  learn(x: number, sample: number): void {
    const v = this.#neighbours;
    const activity =
      Math.abs(v[0] as number) +
      Math.abs(v[1] as number) +
      Math.abs(v[2] as number) +
      Math.abs(v[3] as number);
    const error = sample - this.#exact;
    const trust = 1 / (1 + activity * activity * 0.05 + error * error * 0.1);
    const target = (sample - this.#level) * trust;
    const products = this.#products;
    const along = this.#along;
    const start = x * SUMS;
    let k = 0;
    for (let i = 0; i < SIZE; i++) {
      const weighted = trust * (v[i] as number);
      for (let j = 0; j <= i; j++, k++) {
        const product = weighted * (v[j] as number);
        products[start + k] = product;
        along[k] = (along[k] as number) * FADE_ALONG + product;
      }
    }
    for (let i = 0; i < SIZE; i++, k++) {
      const product = (v[i] as number) * target;
      products[start + k] = product;
      along[k] = (along[k] as number) * FADE_ALONG + product;
    }
  }

  /** Lets the row's products fade to both sides, and adds them to what lies above the next row. */
  endRow(): void {
    const products = this.#products;
    const smoothed = this.#smoothed;
    const above = this.#above;
    const length = products.length;
    for (let k = 0; k < SUMS; k++) smoothed[k] = products[k] as number;
    for (let k = SUMS; k < length; k++) {
      smoothed[k] = (smoothed[k - SUMS] as number) * FADE_SIDEWAYS + (products[k] as number);
    }
    const right = this.#along.fill(0);
    for (let start = length - SUMS; start >= 0; start -= SUMS) {
      for (let k = 0; k < SUMS; k++) {
        const fromRight = right[k] as number;
        const i = start + k;
        above[i] = (above[i] as number) * FADE_DOWN + (smoothed[i] as number) + fromRight;
        right[k] = (fromRight + (products[i] as number)) * FADE_SIDEWAYS;
      }
    }
  }

  /** Cholesky's method on the sums that hold at a column; false if they have no answer. */
  #solve(start: number): boolean {
    const a = this.#system;
    for (let k = 0; k < SUMS; k++) {
      a[k] = (this.#along[k] as number) + (this.#above[start + k] as number);
    }
    const w = this.#weights;
    for (let i = 0, row = 0; i < SIZE; row += ++i) {
      for (let j = 0, other = 0; j < i; other += ++j) {
        let sum = a[row + j] as number;
        for (let k = 0; k < j; k++) sum -= (a[row + k] as number) * (a[other + k] as number);
        // The diagonal holds reciprocals from here on: a division less for each product.
        a[row + j] = sum * (a[other + j] as number);
      }
      let diagonal = (a[row + i] as number) + RIDGE;
      let right = a[TRIANGLE + i] as number;
      for (let k = 0; k < i; k++) {
        const factor = a[row + k] as number;
        diagonal -= factor * factor;
        right -= factor * (w[k] as number);
      }
      if (!(diagonal > SINGULAR)) return false;
      const reciprocal = 1 / Math.sqrt(diagonal);
      a[row + i] = reciprocal;
      w[i] = right * reciprocal;
    }
    for (let i = SIZE - 1; i >= 0; i--) {
      let sum = w[i] as number;
      for (let k = i + 1; k < SIZE; k++) {
        sum -= (a[(k * (k + 1)) / 2 + i] as number) * (w[k] as number);
      }
      w[i] = sum * (a[(i * (i + 1)) / 2 + i] as number);
    }
    return true;
  }
}
