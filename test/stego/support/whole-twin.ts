/**
 * Extraction by profile fast from one gray picture, as docs/STEGO.md says it and nothing quicker:
 * every sample is looked at by itself, every error is kept, every row sums all that was learnt, and
 * the coder counts in integers without bounds. Only histograms and their tables are the engine's.
 */
import { levelOf, windowOf } from '../../../src/stego/context.ts';
import type { Field } from '../../../src/stego/field.ts';
import {
  FROM_ABOVE,
  FROM_BELOW,
  MOVE_DOWN,
  MOVE_UP,
  Model,
  ROW,
  TABLE_SIZE,
} from '../../../src/stego/model.ts';
import { PROFILES } from '../../../src/stego/profile.ts';
import type { Twin } from './twin.ts';

const { curve, prior } = PROFILES.fast;
const [UNKNOWN, ORIGIN, LEVELS, KINDS] = [32, 24, 20, 3];

/** Distances at which errors count, (rows up, columns), by weight. */
const NEARBY: readonly (readonly [number, readonly (readonly [number, number])[]])[] = [
  [9, [[1, -1] as const, [1, 1] as const]],
  [8, [[2, 0] as const, [0, -2] as const]],
  [4, [[2, -2] as const, [2, 2] as const, [1, -3] as const, [1, 3] as const]],
  [2, [[3, -1] as const, [3, 1] as const, [0, -4] as const, [4, 0] as const]],
  [2, [[3, -3] as const, [3, 3] as const, [2, -4] as const, [2, 4] as const]],
];
const CIRCLE = [[-1, 0] as const, [0, -1] as const, [1, 0] as const, [0, 1] as const];
/** From each of the four, the two samples a knight's move from the middle. */
const KNIGHTS = [
  [[-1, 2] as const, [-1, -2] as const],
  [[-2, -1] as const, [2, -1] as const],
  [[1, -2] as const, [1, 2] as const],
  [[-2, 1] as const, [2, 1] as const],
];

interface Learnt {
  readonly bucket: number;
  readonly error: number;
  readonly y: number;
}

/** Restores one layer in place, from sample `from` on. */
export function restoreSlowly(
  field: Field,
  parity: number,
  ratio: number,
  coder: Twin,
  from: number,
): void {
  const errors = new Map<string, number>();
  const learnt: Learnt[] = [];
  const model = new Model(prior, ratio);
  const tables = new Map<number, Uint16Array>();
  const at = (y: number, x: number) => (y + 2) * field.stride + x + 2;
  let index = 0;
  for (let y = 1; y < field.height - 1; y++) {
    const levels = levelsBefore(learnt);
    for (let x = 1; x < field.width - 1; x++) {
      if ((x + y) % 2 !== parity) continue;
      const sample = (dy: number, dx: number) => field.samples[at(y + dy, x + dx)] ?? 0;
      const mean = 4 * CIRCLE.reduce((sum, [dy, dx]) => sum + sample(dy, dx), 0);
      const bucket = bucketFor(sample, (up, dx) => errors.get(`${y - up} ${x + dx}`) ?? UNKNOWN);
      const { context, base, direction } = placeOf(mean, levels[bucket] ?? 0, field.max);
      if (model.isDue(context)) {
        model.refresh(context);
        const table = new Uint16Array(TABLE_SIZE);
        if (model.flows.active) model.writeTable(context, table, 0);
        tables.set(context, model.flows.active ? table : new Uint16Array(0));
      }
      const { lowest, highest } = windowOf(context);
      let bin = (sample(0, 0) - base) * direction + ORIGIN;
      if (bin >= lowest && bin <= highest) {
        const table = tables.get(context) ?? new Uint16Array(0);
        if (index >= from && table.length > 0) bin += stepBack(table, bin, coder);
        field.samples[at(y, x)] = (bin - ORIGIN) * direction + base;
        model.learn(context, bin);
      }
      const error = Math.abs(16 * sample(0, 0) - mean);
      errors.set(`${y} ${x}`, error);
      learnt.push({ bucket, error, y });
      index++;
    }
  }
}

function bucketFor(
  sample: (dy: number, dx: number) => number,
  error: (up: number, dx: number) => number,
): number {
  let noise = 0;
  CIRCLE.forEach(([dy, dx], i) => {
    const [ny = 0, nx = 0] = CIRCLE[(i + 1) % 4] ?? [];
    noise += 48 * Math.abs(sample(dy, dx) - sample(ny, nx));
    for (const [ky, kx] of KNIGHTS[i] ?? [])
      noise += 24 * Math.abs(sample(dy, dx) - sample(ky, kx));
  });
  for (const [weight, places] of NEARBY) {
    for (const [up, dx] of places) noise += weight * error(up, dx);
  }
  if (noise < 256) return 0;
  const highest = Math.floor(Math.log2(noise));
  return 8 * (highest - 8) + (Math.floor(noise / 2 ** (highest - 3)) - 8);
}

/** The level of each bucket by all that was learnt in the rows above. */
function levelsBefore(learnt: readonly Learnt[]): number[] {
  const [sums, seen] = [new Float64Array(curve.length), new Float64Array(curve.length)];
  for (const { bucket, error } of learnt) {
    const expected = curve[bucket] ?? 1;
    const bounded = Math.min(Math.max(error, 4), Math.floor(4 * expected) + 32);
    sums[bucket] = (sums[bucket] ?? 0) + bounded / expected;
    seen[bucket] = (seen[bucket] ?? 0) + 1;
  }
  return Array.from(curve, (expected, b) => {
    const spread = (of: Float64Array) =>
      of.reduce((sum, value, other) => sum + 0.7 ** Math.abs(b - other) * value, 0);
    return levelOf((expected * 100 * (60 + spread(sums))) / (60 + spread(seen)));
  });
}

function placeOf(mean: number, level: number, max: number) {
  const [below, above, fraction] = [Math.floor(mean / 16), Math.ceil(mean / 16), mean % 16];
  const kindOf = (f: number) => (f < 3 ? 0 : f < 6 ? 1 : 2);
  const reach = ORIGIN - windowOf(level).lowest;
  const clipped = (room: number) => level + LEVELS * (KINDS + Math.min(room, 4));
  if (below <= reach) return { context: clipped(below), base: below, direction: 1 };
  if (max - above <= reach) return { context: clipped(max - above), base: above, direction: -1 };
  return fraction > 8
    ? { context: level + LEVELS * kindOf(16 - fraction), base: above, direction: -1 }
    : { context: level + LEVELS * kindOf(fraction), base: below, direction: 1 };
}

function stepBack(table: Uint16Array, bin: number, coder: Twin): number {
  const of = (b: number, column: number) => BigInt(table[ROW * b + column] ?? 0);
  const total = 16384n;
  const [below, above] = [of(bin, FROM_BELOW), of(bin, FROM_ABOVE)];
  const slot = coder.slot();
  if (slot < below) {
    coder.choose(0n, below);
    coder.absorb(total - of(bin - 1, MOVE_UP), of(bin - 1, MOVE_UP));
    return -1;
  }
  if (slot >= total - above) {
    coder.choose(total - above, above);
    coder.absorb(0n, of(bin + 1, MOVE_DOWN));
    return 1;
  }
  coder.choose(below, total - below - above);
  coder.absorb(of(bin, MOVE_DOWN), total - of(bin, MOVE_DOWN) - of(bin, MOVE_UP));
  return 0;
}
