/**
 * What docs/STEGO.md §5 to §7 and §12 say of one sample: where it lies, how rough its surroundings
 * are, what is predicted. Written from that page, with nothing kept for speed.
 */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly max: number;
  /** Row by row, without a margin; the ring without its lowest bits, all shifted. */
  readonly samples: number[];
  readonly parity: number;
}

export type Sample = (dy: number, dx: number) => number;

/** The samples around (y, x); outside the picture they repeat the nearest inside. */
export function around({ width, height, samples }: Plane, y: number, x: number): Sample {
  const within = (at: number, size: number) => Math.min(size - 1, Math.max(0, at));
  return (dy, dx) => samples[within(y + dy, height) * width + within(x + dx, width)] ?? 0;
}

/** Rows of a layer with their columns, in raster order. */
export function rowsOf({ width, height, parity }: Plane) {
  return Array.from({ length: Math.max(0, height - 2) }, (_, i) => {
    const columns = Array.from({ length: Math.max(0, width - 2) }, (_, j) => j + 1);
    return { y: i + 1, columns: columns.filter((x) => (x + i + 1) % 2 === parity) };
  });
}

const CIRCLE = [[-1, 0] as const, [0, -1] as const, [1, 0] as const, [0, 1] as const];
/** For each of the four, the two samples a knight's move away that it is compared with. */
const KNIGHTS = [
  [[-1, 2] as const, [-1, -2] as const],
  [[-2, -1] as const, [2, -1] as const],
  [[1, -2] as const, [1, 2] as const],
  [[-2, 1] as const, [2, 1] as const],
];
const NEARBY: readonly (readonly [number, readonly (readonly [number, number])[]])[] = [
  [9, [[-1, -1] as const, [-1, 1] as const]],
  [8, [[-2, 0] as const, [0, -2] as const]],
  [4, [[-2, -2] as const, [-2, 2] as const, [-1, -3] as const, [-1, 3] as const]],
  [2, [[-3, -1] as const, [-3, 1] as const, [-4, 0] as const, [-3, -3] as const]],
  [2, [[-3, 3] as const, [-2, -4] as const, [-2, 4] as const, [0, -4] as const]],
];

export const rhombus = (sample: Sample) =>
  4 * CIRCLE.reduce((sum, [dy, dx]) => sum + sample(dy, dx), 0);

/** A prediction, turned so that what it lies above a whole step is at most a half: §6, §7. */
export function turned(mean: number) {
  const f = mean % 16;
  return f > 8
    ? { base: Math.ceil(mean / 16), direction: -1, f: 16 - f }
    : { base: Math.floor(mean / 16), direction: 1, f };
}

/** Magnitudes of errors so far, by row and column. */
export type Errors = Map<string, number>;

export function noiseOf(sample: Sample, errors: Errors, y: number, x: number): number {
  let noise = 0;
  CIRCLE.forEach(([dy, dx], i) => {
    const here = sample(dy, dx);
    const [ny = 0, nx = 0] = CIRCLE[(i + 1) % 4] ?? [];
    noise += 48 * Math.abs(here - sample(ny, nx));
    for (const [ky, kx] of KNIGHTS[i] ?? []) noise += 24 * Math.abs(here - sample(ky, kx));
  });
  for (const [weight, places] of NEARBY) {
    for (const [dy, dx] of places) noise += weight * (errors.get(`${y + dy} ${x + dx}`) ?? 32);
  }
  return noise;
}

export const BOUNDS = [
  ...[720, 900, 1125, 1406, 1758, 2197, 2747, 3433, 4292, 5364],
  ...[6706, 8382, 10478, 13097, 16371, 20464, 25580, 31975, 39969],
];

export const levelOf = (noise: number) => BOUNDS.filter((bound) => noise > bound).length;

const NEIGHBOURS = [
  ...[[-1, 0] as const, [1, 0] as const, [0, -1] as const, [0, 1] as const],
  ...[[-1, -1] as const, [-1, 1] as const, [-2, 0] as const, [0, -2] as const],
  ...[[-2, -1] as const, [-2, 1] as const, [-1, -2] as const, [-1, 2] as const],
  ...[[1, -2] as const, [1, 2] as const, [2, -1] as const, [2, 1] as const],
];
const COUNT = 16;
const FADE = 0.93;

/** A lower triangle of products of neighbours, and their products with the sample. */
type Sums = readonly (readonly number[])[];
const nothing: Sums = Array.from({ length: COUNT + 1 }, () => new Array<number>(COUNT).fill(0));
const combine = (a: Sums, b: Sums, f: (a: number, b: number) => number): Sums =>
  a.map((row, i) => row.map((value, j) => f(value, b[i]?.[j] ?? 0)));

/** Prediction by least squares, a row at a time. */
export class Squares {
  readonly #above: Sums[];
  #products: Sums[] = [];
  #along = nothing;
  #v: number[] = [];
  #level = 0;
  #exact = 0;

  constructor(width: number) {
    this.#above = Array.from({ length: width }, () => nothing);
  }

  startRow(): void {
    this.#products = this.#above.map(() => nothing);
    this.#along = nothing;
  }

  predict(sample: Sample, x: number, max: number): number {
    const four = CIRCLE.map(([dy, dx]) => sample(dy, dx));
    this.#level = four.reduce((a, b) => a + b) / 4;
    this.#v = NEIGHBOURS.map(([dy, dx]) => sample(dy, dx) - this.#level);
    const weights = solve(combine(this.#along, this.#above[x] ?? nothing, (a, b) => a + b));
    const mean = this.#v.reduce((sum, v, i) => sum + (weights[i] ?? 0) * v, this.#level);
    const bounded = Math.min(max, Math.max(...four) + 2, mean);
    this.#exact = Math.max(0, Math.min(...four) - 2, bounded);
    return Math.floor(16 * this.#exact + 0.5);
  }

  learn(x: number, sample: number): void {
    const v = this.#v;
    const a = v.slice(0, 4).reduce((sum, value) => sum + Math.abs(value), 0);
    const e = sample - this.#exact;
    const t = 1 / (1 + a * a * 0.05 + e * e * 0.1);
    const target = (sample - this.#level) * t;
    const lower = v.map((vi, i) => v.map((vj, j) => (j <= i ? t * vi * vj : 0)));
    this.#products[x] = [...lower, v.map((vi) => vi * target)];
    this.#along = combine(this.#along, this.#products[x], (sum, one) => sum * FADE + one);
  }

  endRow(): void {
    const side = Math.sqrt(FADE);
    let left = nothing;
    const fromLeft = this.#products.map((one) => {
      left = combine(left, one, (sum, product) => sum * side + product);
      return left;
    });
    let right = nothing;
    for (let x = this.#above.length - 1; x >= 0; x--) {
      const faded = combine(this.#above[x] ?? nothing, fromLeft[x] ?? nothing, (sum, l) => {
        return sum * FADE + l;
      });
      this.#above[x] = combine(faded, right, (sum, r) => sum + r);
      right = combine(right, this.#products[x] ?? nothing, (sum, p) => (sum + p) * side);
    }
  }
}

/** Cholesky's method; no weights where it has no answer. */
function solve(system: Sums): number[] {
  const at = (row: number, column: number) => system[row]?.[column] ?? 0;
  const factor: number[][] = [];
  const [scale, z]: [number[], number[]] = [[], []];
  for (let i = 0; i < COUNT; i++) {
    const row: number[] = [];
    factor.push(row);
    for (let j = 0; j < i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= (row[k] ?? 0) * (factor[j]?.[k] ?? 0);
      row.push(sum * (scale[j] ?? 0));
    }
    let diagonal = at(i, i) + 16;
    let right = at(COUNT, i);
    row.forEach((value, k) => {
      diagonal -= value * value;
      right -= value * (z[k] ?? 0);
    });
    if (!(diagonal > 1e-9)) return [];
    scale.push(1 / Math.sqrt(diagonal));
    z.push(right * (scale[i] ?? 0));
  }
  const weights = new Array<number>(COUNT).fill(0);
  for (let i = COUNT - 1; i >= 0; i--) {
    let sum = z[i] ?? 0;
    for (let k = i + 1; k < COUNT; k++) sum -= (factor[k]?.[i] ?? 0) * (weights[k] ?? 0);
    weights[i] = sum * (scale[i] ?? 0);
  }
  return weights;
}
