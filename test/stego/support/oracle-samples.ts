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
  /** Whether a sample is of this layer. */
  readonly has: (y: number, x: number) => boolean;
}

export type Sample = (dy: number, dx: number) => number;

/** The samples around (y, x); outside the picture they repeat the nearest inside. */
export function around({ width, height, samples }: Plane, y: number, x: number): Sample {
  const within = (at: number, size: number) => Math.min(size - 1, Math.max(0, at));
  return (dy, dx) => samples[within(y + dy, height) * width + within(x + dx, width)] ?? 0;
}

/** Rows of a layer with their columns, in raster order. */
export function rowsOf({ width, height, has }: Plane) {
  return Array.from({ length: Math.max(0, height - 2) }, (_, i) => {
    const columns = Array.from({ length: Math.max(0, width - 2) }, (_, j) => j + 1);
    return { y: i + 1, columns: columns.filter((x) => has(i + 1, x)) };
  }).filter(({ columns }) => columns.length > 0);
}

const chessboard = [0, 1].map((parity) => (y: number, x: number) => (x + y) % 2 === parity);

/** In the order in which embedding visits them. */
export const LAYERS = {
  fast: chessboard,
  integer: chessboard,
  max: [
    (y: number, x: number) => x % 2 === 1 && y % 2 === 1,
    (y: number, x: number) => x % 2 === 0 && y % 2 === 0,
    (y: number, x: number) => x % 2 === 1 && y % 2 === 0,
    (y: number, x: number) => x % 2 === 0 && y % 2 === 1,
  ],
};

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
