/**
 * How wrong a prediction by least squares will be, from measures of what lies around it. How much
 * each of them tells differs from picture to picture, so their weights are found by least squares
 * over the layer's samples so far, before each row, from trained ones on.
 */
import { solve, systemSize } from './cholesky.ts';
import type { Field } from './field.ts';
import type { LeastSquares } from './least-squares.ts';

export const MEASURES = 14;
const TRIANGLE = (MEASURES * (MEASURES + 1)) / 2;
/** Samples that what was trained counts for. */
const PRIOR_WEIGHT = 500;
/** Least expected error: in steps, and as a part of what the errors around had in the mean. */
const [LEAST, LEAST_PART] = [0.1, 0.15];
/** What is thought of a prediction that was not made yet, in steps. */
const ERROR_UNKNOWN = 2;
/** Rows of the layer above the one at hand, and its columns on either side, that are looked at. */
const ROWS = 2;
const SIDE = 2;

export interface TrainedRoughness {
  readonly weights: Float64Array;
  /** Mean products of two measures, over the square of the expected error: a lower triangle. */
  readonly products: Float64Array;
}

export class Roughness {
  /** Products of measures, then of measures with errors, over the square of the expected error. */
  readonly sums = new Float64Array(TRIANGLE + MEASURES);
  readonly #measures = new Float64Array(MEASURES);
  readonly #system = new Float64Array(systemSize(MEASURES));
  readonly #weights = new Float64Array(MEASURES);
  readonly #field: Field;
  /** Magnitudes in steps by column of the layer, the row at hand last. */
  readonly #errors: Float64Array;
  readonly #stride: number;
  /** Where column 0 of the row at hand lies among the errors. */
  readonly #start: number;
  /** Offsets of eight lines: from one of the four nearest to a corner beside it, and one step on. */
  readonly #lines: Int32Array;
  #expected = 1;

  constructor(field: Field, { weights, products }: TrainedRoughness) {
    this.#field = field;
    this.#lines = linesOf(field.stride);
    this.#stride = (field.width >> 1) + 1 + 2 * SIDE;
    this.#start = ROWS * this.#stride + SIDE;
    this.#errors = new Float64Array((ROWS + 1) * this.#stride).fill(ERROR_UNKNOWN);
    for (let i = 0, k = 0; i < MEASURES; i++) {
      for (let j = 0; j <= i; j++, k++) {
        const product = PRIOR_WEIGHT * (products[k] as number);
        this.sums[k] = product;
        this.#add(i, product * (weights[j] as number));
        if (j < i) this.#add(j, product * (weights[i] as number));
      }
    }
  }

  #add(measure: number, product: number): void {
    this.sums[TRIANGLE + measure] = (this.sums[TRIANGLE + measure] as number) + product;
  }

  startRow(): void {
    this.#errors.copyWithin(0, this.#stride);
    this.#errors.fill(ERROR_UNKNOWN, ROWS * this.#stride);
    this.#system.set(this.sums);
    if (!solve(this.#system, this.#weights, 0)) this.#weights.fill(0);
  }

  /** @returns the expected error, in steps, of what `solver` has just predicted at `at`. */
  expect(at: number, x: number, solver: LeastSquares): number {
    const m = this.#measures;
    this.#measureNearest(at, solver.mean);
    this.#measureLines(at);
    this.#measureErrors(x);
    m[11] = solver.spread;
    m[12] = Math.abs(solver.mean - solver.level);
    m[13] = 1;
    let sum = 0;
    for (let i = 0; i < MEASURES; i++) sum += (this.#weights[i] as number) * (m[i] as number);
    this.#expected = Math.max(sum, LEAST + LEAST_PART * solver.spread);
    return this.#expected;
  }

  /** Among the eight around: first and second differences, and how far they are from `mean`. */
  #measureNearest(at: number, mean: number): void {
    const { samples, stride } = this.#field;
    const m = this.#measures;
    const n = samples[at - stride] as number;
    const s = samples[at + stride] as number;
    const w = samples[at - 1] as number;
    const e = samples[at + 1] as number;
    const nw = samples[at - stride - 1] as number;
    const ne = samples[at - stride + 1] as number;
    const sw = samples[at + stride - 1] as number;
    const se = samples[at + stride + 1] as number;
    m[0] = Math.abs(n - w) + Math.abs(w - s) + Math.abs(s - e) + Math.abs(e - n);
    m[2] = Math.abs(n + s - w - e) + Math.abs(nw + se - ne - sw);
    m[3] =
      Math.abs(2 * n - nw - ne) +
      Math.abs(2 * s - sw - se) +
      Math.abs(2 * w - nw - sw) +
      Math.abs(2 * e - ne - se);
    m[4] = Math.abs(n - mean) + Math.abs(s - mean) + Math.abs(w - mean) + Math.abs(e - mean);
    m[5] = Math.abs(nw - mean) + Math.abs(ne - mean) + Math.abs(sw - mean) + Math.abs(se - mean);
  }

  /** Along the lines: differences of neighbours, across the corner, and of second order. */
  #measureLines(at: number): void {
    const { samples } = this.#field;
    const lines = this.#lines;
    let [near, across, second] = [0, 0, 0];
    for (let i = 0; i < lines.length; i += 3) {
      const first = samples[at + (lines[i] as number)] as number;
      const corner = samples[at + (lines[i + 1] as number)] as number;
      const last = samples[at + (lines[i + 2] as number)] as number;
      near += Math.abs(first - corner);
      across += Math.abs(first - last);
      second += Math.abs(2 * corner - first - last);
    }
    const m = this.#measures;
    m[1] = near;
    m[6] = across;
    m[7] = second;
  }

  /** Of errors so far: left and above, on the diagonals above, one further. */
  #measureErrors(x: number): void {
    const e = this.#errors;
    const m = this.#measures;
    const here = this.#start + (x >> 1);
    const above = here - this.#stride;
    const higher = above - this.#stride;
    m[8] = (e[here - 1] as number) + (e[above] as number);
    m[9] = (e[above - 1] as number) + (e[above + 1] as number);
    m[10] =
      (e[here - 2] as number) +
      (e[above - 2] as number) +
      (e[above + 2] as number) +
      (e[higher - 1] as number) +
      (e[higher] as number) +
      (e[higher + 1] as number);
  }

  /** @param error what it really was, in steps. */
  learn(x: number, error: number): void {
    this.#errors[this.#start + (x >> 1)] = error;
    const { sums } = this;
    const measures = this.#measures;
    const expected = this.#expected;
    const trust = 1 / (expected * expected);
    // One outlier must not undo what hundreds of samples said.
    const bounded = trust * Math.min(error, 4 * expected + 2);
    for (let i = 0, k = 0; i < MEASURES; i++) {
      const weighted = trust * (measures[i] as number);
      for (let j = 0; j <= i; j++, k++) {
        sums[k] = (sums[k] as number) + weighted * (measures[j] as number);
      }
      this.#add(i, bounded * (measures[i] as number));
    }
  }
}

function linesOf(stride: number): Int32Array {
  const corners = [-stride, stride].flatMap((down) =>
    [-1, 1].map((right) => [down, right] as const),
  );
  return Int32Array.from(
    corners.flatMap(([down, right]) => [
      ...[down, down + right, down + 2 * right],
      ...[right, down + right, 2 * down + right],
    ]),
  );
}
