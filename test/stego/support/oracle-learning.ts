/** Prediction and noise of profile max, as docs/STEGO.md §6 and §12 say it: nothing kept for speed. */
import { trainedRoughness } from '../../../src/stego/prior.ts';
import type { Sample } from './oracle-samples.ts';

const NEAREST = [[-1, 0] as const, [1, 0] as const, [0, -1] as const, [0, 1] as const];
const CORNERS = [[-1, -1] as const, [-1, 1] as const, [1, -1] as const, [1, 1] as const];
const NEIGHBOURS = [
  ...NEAREST,
  ...CORNERS,
  ...[[-2, 0] as const, [0, -2] as const, [-2, -1] as const, [-2, 1] as const],
  ...[[-1, -2] as const, [-1, 2] as const, [1, -2] as const, [1, 2] as const],
  ...[[2, -1] as const, [2, 1] as const],
];
const COUNT = 18;
const FADE = 0.9;

/** A lower triangle of products; their products with what is looked for; two more sums. */
type Sums = readonly (readonly number[])[];
const nothing: Sums = Array.from({ length: COUNT + 2 }, () => new Array<number>(COUNT).fill(0));
const combine = (a: Sums, b: Sums, f: (a: number, b: number) => number): Sums =>
  a.map((row, i) => row.map((value, j) => f(value, b[i]?.[j] ?? 0)));

export interface Prediction {
  /** Mean of the four nearest, prediction and root of the mean square of errors around, in steps. */
  readonly level: number;
  readonly exact: number;
  readonly spread: number;
}

/** Prediction by least squares, a row of the layer at a time. */
export class Squares {
  readonly #above = new Map<number, Sums>();
  #products = new Map<number, Sums>();
  #along = nothing;
  #v: number[] = [];
  #last: Prediction = { level: 0, exact: 0, spread: 0 };

  startRow(): void {
    this.#products = new Map();
    this.#along = nothing;
  }

  predict(sample: Sample, x: number, max: number): Prediction {
    const four = NEAREST.map(([dy, dx]) => sample(dy, dx));
    const level = four.reduce((a, b) => a + b) / 4;
    this.#v = NEIGHBOURS.map(([dy, dx]) => sample(dy, dx) - level);
    const system = combine(this.#along, this.#above.get(x) ?? nothing, (a, b) => a + b);
    const [squares = 0, counted = 0] = system[COUNT + 1] ?? [];
    const vectors = [system[COUNT] ?? [], this.#v];
    const [z = [], u = []] = factorOf(system.slice(0, COUNT), vectors, 16)?.reduced ?? [];
    const mean = level + z.reduce((sum, value, i) => sum + value * (u[i] ?? 0), 0);
    const bounded = Math.min(max, Math.max(...four) + 2, mean);
    const exact = Math.max(0, Math.min(...four) - 2, bounded);
    this.#last = { level, exact, spread: Math.sqrt((squares + 1) / (counted + 1)) };
    return this.#last;
  }

  learn(x: number, sample: number): void {
    const v = this.#v;
    const a = v.slice(0, 4).reduce((sum, value) => sum + Math.abs(value), 0);
    const e = sample - this.#last.exact;
    const t = 1 / (1 + a * a * 0.05 + e * e * 0.1);
    const target = (sample - this.#last.level) * t;
    const lower = v.map((vi, i) => v.map((vj, j) => (j <= i ? t * vi * vj : 0)));
    const more = v.map((_, i) => (i === 0 ? e * e * t : i === 1 ? t : 0));
    const products = [...lower, v.map((vi) => vi * target), more];
    this.#products.set(x, products);
    this.#along = combine(this.#along, products, (sum, one) => sum * FADE + one);
  }

  endRow(): void {
    const columns = [...this.#products.keys()];
    const at = (x: number) => this.#products.get(x) ?? nothing;
    let left = nothing;
    const fromLeft = columns.map((x) => {
      left = combine(left, at(x), (sum, product) => sum * FADE + product);
      return left;
    });
    let right = nothing;
    for (const [i, x] of [...columns.entries()].reverse()) {
      const above = this.#above.get(x) ?? nothing;
      const faded = combine(above, fromLeft[i] ?? nothing, (sum, l) => sum * FADE + l);
      this.#above.set(
        x,
        combine(faded, right, (sum, r) => sum + r),
      );
      right = combine(right, at(x), (sum, p) => (sum + p) * FADE);
    }
  }
}

/** Cholesky's method: the factor, its diagonal as reciprocals, and its inverse times vectors. */
interface Factor {
  readonly rows: readonly (readonly number[])[];
  readonly scale: readonly number[];
  readonly reduced: readonly (readonly number[])[];
}

function factorOf(
  system: Sums,
  vectors: readonly (readonly number[])[],
  ridge: number,
): Factor | undefined {
  const [rows, scale]: [number[][], number[]] = [[], []];
  const reduce = (values: readonly number[], count: number) => {
    const row: number[] = [];
    for (let j = 0; j < count; j++) {
      let sum = values[j] ?? 0;
      for (let k = 0; k < j; k++) sum -= (row[k] ?? 0) * (rows[j]?.[k] ?? 0);
      row.push(sum * (scale[j] ?? 0));
    }
    return row;
  };
  for (const [i, values] of system.entries()) {
    const row = reduce(values, i);
    rows.push(row);
    const diagonal = row.reduce((rest, value) => rest - value * value, (values[i] ?? 0) + ridge);
    if (!(diagonal > 1e-9)) return undefined;
    scale.push(1 / Math.sqrt(diagonal));
  }
  return { rows, scale, reduced: vectors.map((vector) => reduce(vector, system.length)) };
}

/** No weights where there is no answer. */
function solve(system: Sums, target: readonly number[], ridge: number): number[] {
  const factor = factorOf(system, [target], ridge);
  if (factor === undefined) return [];
  const { rows, scale } = factor;
  const [z = []] = factor.reduced;
  const weights: number[] = [];
  for (let i = system.length - 1; i >= 0; i--) {
    let sum = z[i] ?? 0;
    for (let k = i + 1; k < system.length; k++) sum -= (rows[k]?.[i] ?? 0) * (weights[k] ?? 0);
    weights[i] = sum * (scale[i] ?? 0);
  }
  return weights;
}

/** Distances in steps between samples around, then errors so far, in steps. */
function measuresOf(sample: Sample, error: Sample, { level, exact, spread }: Prediction): number[] {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + Math.abs(b), 0);
  const [n, s, w, e] = NEAREST.map(([dy, dx]) => sample(dy, dx)) as [
    number,
    number,
    number,
    number,
  ];
  const corners = CORNERS.map(([dy, dx]) => sample(dy, dx)) as [number, number, number, number];
  const [nw, ne, sw, se] = corners;
  /** For each corner: beside it in its row and in its column, within the eight and without. */
  const lines = CORNERS.flatMap(([dy, dx]) => [
    [sample(dy, 0), sample(dy, dx), sample(dy, 2 * dx)] as const,
    [sample(0, dx), sample(dy, dx), sample(2 * dy, dx)] as const,
  ]);
  return [
    sum([n - w, w - s, s - e, e - n]),
    sum(lines.map(([inner, corner]) => inner - corner)),
    sum([n + s - w - e, nw + se - ne - sw]),
    sum([2 * n - nw - ne, 2 * s - sw - se, 2 * w - nw - sw, 2 * e - ne - se]),
    sum([n, s, w, e].map((value) => value - exact)),
    sum(corners.map((value) => value - exact)),
    sum(lines.map(([inner, , outer]) => inner - outer)),
    sum(lines.map(([inner, corner, outer]) => 2 * corner - inner - outer)),
    error(0, -2) + error(-2, 0),
    error(-2, -2) + error(-2, 2),
    ...[
      sum([error(0, -4), error(-2, -4), error(-2, 4), error(-4, -2), error(-4, 0), error(-4, 2)]),
    ],
    ...[spread, Math.abs(exact - level), 1],
  ];
}

/** How wrong a prediction will be. */
export class Roughness {
  readonly #products: number[][];
  readonly #target: number[];
  readonly #errors = new Map<string, number>();
  #weights: number[] = [];
  #measures: number[] = [];
  #expected = 0;

  constructor() {
    const { weights, products } = trainedRoughness();
    const at = (i: number, j: number) => {
      const [row, column] = [Math.max(i, j), Math.min(i, j)];
      return 500 * (products[(row * (row + 1)) / 2 + column] ?? 0);
    };
    this.#products = Array.from(weights, (_, i) => Array.from(weights, (_, j) => at(i, j)));
    this.#target = this.#products.map((row) =>
      row.reduce((sum, product, j) => sum + product * (weights[j] ?? 0), 0),
    );
  }

  startRow(): void {
    this.#weights = solve(this.#products, this.#target, 0);
  }

  /** In 1/1600 steps, below 2^27. */
  noise(sample: Sample, y: number, x: number, prediction: Prediction): number {
    const error = (dy: number, dx: number) => this.#errors.get(`${y + dy} ${x + dx}`) ?? 2;
    this.#measures = measuresOf(sample, error, prediction);
    const sum = this.#measures.reduce((s, m, i) => s + (this.#weights[i] ?? 0) * m, 0);
    this.#expected = Math.max(sum, 0.1 + 0.15 * prediction.spread);
    return Math.min(2 ** 27 - 1, Math.floor(this.#expected * 1600));
  }

  /** @param error in steps. */
  learn(y: number, x: number, error: number): void {
    this.#errors.set(`${y} ${x}`, error);
    const t = 1 / (this.#expected * this.#expected);
    const bounded = t * Math.min(error, 4 * this.#expected + 2);
    const m = this.#measures;
    m.forEach((mi, i) => {
      const row = this.#products[i] as number[];
      for (let j = 0; j <= i; j++) row[j] = (row[j] ?? 0) + t * mi * (m[j] ?? 0);
      this.#target[i] = (this.#target[i] ?? 0) + bounded * mi;
    });
  }
}
