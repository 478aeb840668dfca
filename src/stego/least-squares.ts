/**
 * The best prediction: eighteen neighbours, weighted anew for every sample by least squares over what
 * lies around it and is known. Sums of products fade with distance: along the row so far, and,
 * smoothed to both sides, over the rows above. The weights themselves are never needed.
 */
import { reduce, startOf, systemSize } from './cholesky.ts';
import type { Field } from './field.ts';

/** Neighbours: the eight around, two of the same layer that are known, eight of other layers. */
const DOWN = [-1, 1, 0, 0, -1, -1, 1, 1, -2, 0, -2, -2, -1, -1, 1, 1, 2, 2] as const;
const RIGHT = [0, 0, -1, 1, -1, 1, -1, 1, 0, -2, -1, 1, -2, 2, -2, 2, -1, 1] as const;
const SIZE = DOWN.length;
/** Products of neighbours with each other, row by row of a lower triangle; then with the sample. */
const TARGETS = startOf(SIZE);
const PRODUCTS = TARGETS + SIZE;
/** Then squared errors, and what they count. */
const SUMS = PRODUCTS + 2;
/** Where a system holds the neighbours themselves. */
const NEIGHBOURS = startOf(SIZE + 1);

/** What a row of the layer, and a step along it, leaves of older sums. */
const FADE_DOWN = 0.9;
const FADE_ALONG = 0.9;
/** Keeps weights small where the neighbourhood says little. */
const RIDGE = 16;
/** How far outside the four nearest samples a prediction may lie, in steps. */
const BEYOND = 2;

export class LeastSquares {
  /** Of the sample predicted last: the mean of the four nearest, and the prediction, in steps. */
  level = 0;
  mean = 0;
  /** How wrong predictions around it were: the root of their mean square, in steps. */
  spread = 0;
  readonly #field: Field;
  readonly #offsets: Int32Array;
  /** By column of the layer: the faded sums of all rows above, and what the row at hand adds. */
  readonly #above: Float64Array;
  readonly #products: Float64Array;
  readonly #along = new Float64Array(SUMS);
  readonly #neighbours = new Float64Array(SIZE);
  readonly #system = new Float64Array(systemSize(SIZE));

  /** For a layer that has every second column. */
  constructor(field: Field) {
    this.#field = field;
    this.#offsets = Int32Array.from(DOWN, (dy, i) => dy * field.stride + (RIGHT[i] as number));
    const size = ((field.width >> 1) + 1) * SUMS;
    this.#above = new Float64Array(size);
    this.#products = new Float64Array(size);
  }

  startRow(): void {
    this.#along.fill(0);
    this.#products.fill(0);
  }

  /** Predicts the sample at `at` in column `x` without looking at it. */
  predict(at: number, x: number): void {
    const s = this.#field.samples;
    const stride = this.#field.stride;
    const north = s[at - stride] as number;
    const south = s[at + stride] as number;
    const west = s[at - 1] as number;
    const east = s[at + 1] as number;
    const level = (north + south + west + east) / 4;
    for (let i = 0; i < SIZE; i++) {
      this.#neighbours[i] = (s[at + (this.#offsets[i] as number)] as number) - level;
    }
    const mean = level + this.#difference((x >> 1) * SUMS);
    const least = Math.min(north, south, west, east) - BEYOND;
    const most = Math.max(north, south, west, east) + BEYOND;
    this.level = level;
    this.mean = Math.max(0, least, Math.min(this.#field.max, most, mean));
  }

  /** What the neighbours, and the sums for the column at `start`, let expect beside their level. */
  #difference(start: number): number {
    const system = this.#system;
    const along = this.#along;
    const above = this.#above;
    for (let k = 0, i = start; k < SUMS; k++, i++) {
      system[k] = (along[k] as number) + (above[i] as number);
    }
    const squares = system[PRODUCTS] as number;
    const counted = system[PRODUCTS + 1] as number;
    this.spread = Math.sqrt((squares + 1) / (counted + 1));
    system.set(this.#neighbours, NEIGHBOURS);
    if (!reduce(system, SIZE, RIDGE)) return 0;
    let sum = 0;
    for (let i = 0; i < SIZE; i++) {
      sum += (system[TARGETS + i] as number) * (system[NEIGHBOURS + i] as number);
    }
    return sum;
  }

  /** Tells the true value of the sample predicted last. */
  learn(x: number, sample: number): void {
    const start = (x >> 1) * SUMS;
    this.#multiply(start, sample);
    const products = this.#products;
    const along = this.#along;
    const above = this.#above;
    for (let k = 0, i = start; k < SUMS; k++, i++) {
      const fromLeft = (along[k] as number) * FADE_ALONG + (products[i] as number);
      along[k] = fromLeft;
      // Nobody asks again for what lies above this column: it becomes what lies above the next row.
      above[i] = (above[i] as number) * FADE_DOWN + fromLeft;
    }
  }

  /** Writes the products of that sample and its neighbours, from `start` on. */
  #multiply(start: number, sample: number): void {
    const v = this.#neighbours;
    const activity =
      Math.abs(v[0] as number) +
      Math.abs(v[1] as number) +
      Math.abs(v[2] as number) +
      Math.abs(v[3] as number);
    const error = sample - this.mean;
    const trust = 1 / (1 + activity * activity * 0.05 + error * error * 0.1);
    const target = (sample - this.level) * trust;
    const products = this.#products;
    let k = start;
    for (let i = 0; i < SIZE; i++) {
      const weighted = trust * (v[i] as number);
      for (let j = 0; j <= i; j++) products[k++] = weighted * (v[j] as number);
    }
    for (let i = 0; i < SIZE; i++) products[k++] = (v[i] as number) * target;
    products[k] = error * error * trust;
    products[k + 1] = trust;
  }

  /** Lets the row's products fade to the left, too: to the right they did as they were learnt. */
  endRow(): void {
    const products = this.#products;
    const above = this.#above;
    const right = this.#along.fill(0);
    for (let start = products.length - SUMS; start >= 0; start -= SUMS) {
      for (let k = 0, i = start; k < SUMS; k++, i++) {
        const fromRight = right[k] as number;
        above[i] = (above[i] as number) + fromRight;
        right[k] = (fromRight + (products[i] as number)) * FADE_ALONG;
      }
    }
  }
}
