/** One layer of profiles fast and max, as docs/STEGO.md §5, §6 and §12 say it. */
import { curveOf, priorOf } from '../../../src/stego/prior.ts';
import { Roughness, Squares } from './oracle-learning.ts';
import {
  around,
  BOUNDS,
  type Errors,
  levelOf,
  noiseOf,
  type Plane,
  rhombus,
  rowsOf,
  type Sample,
  turned,
} from './oracle-samples.ts';
import { dividedOf, shapedAs } from './oracle-shape.ts';
import type { Twin } from './twin.ts';

export type CodedName = 'fast' | 'max';

interface Place {
  readonly level: number;
  /** 0, 1, 2; or 3 + the room there is, near an end of the range. */
  readonly kind: number;
  readonly base: number;
  readonly direction: number;
}

function reachOf(level: number): number {
  if (level === 0) return 5;
  return Math.min(24, Math.floor(((BOUNDS[level - 1] ?? 0) * 9) / 8 / 320) + 3);
}

function placeOf(mean: number, level: number, max: number): Place {
  const [below, above] = [Math.floor(mean / 16), Math.ceil(mean / 16)];
  const room = (steps: number) => 3 + Math.min(steps, 4);
  if (below <= reachOf(level)) return { level, kind: room(below), base: below, direction: 1 };
  if (max - above <= reachOf(level)) {
    return { level, kind: room(max - above), base: above, direction: -1 };
  }
  const { f, ...rest } = turned(mean);
  return { level, kind: f < 3 ? 0 : f < 6 ? 1 : 2, ...rest };
}

function bucketOf(noise: number): number {
  if (noise < 256) return 0;
  const highest = Math.floor(Math.log2(noise));
  return 8 * (highest - 8) + Math.floor(noise / 2 ** (highest - 3)) - 8;
}

/** What a row of a layer goes by: how much larger errors are, in each bucket and in each tone. */
interface Calibrated {
  readonly buckets: readonly number[];
  readonly tones: readonly number[];
}

interface Learnt {
  readonly bucket: number;
  readonly tone: number;
  /** Over what the curve says. */
  readonly error: number;
  /** What its row went by. */
  readonly by: Calibrated;
}

/** Of all that was learnt in the rows above. */
function calibrated(learnt: readonly Learnt[]): Calibrated {
  const ofBuckets = learnt.map(({ bucket, tone, error, by }) => {
    return { which: bucket, ratio: error / (by.tones[tone] ?? 0) };
  });
  const ofTones = learnt.map(({ bucket, tone, error, by }) => {
    return { which: tone, ratio: error / (by.buckets[bucket] ?? 0) };
  });
  return { buckets: ratios(152, 60, 0.7, ofBuckets), tones: ratios(64, 100, 0.5, ofTones) };
}

function ratios(
  count: number,
  weight: number,
  fade: number,
  learnt: readonly { readonly which: number; readonly ratio: number }[],
): number[] {
  const sums = Array.from({ length: count }, () => 0);
  const seen = sums.slice();
  for (const { which, ratio } of learnt) {
    sums[which] = (sums[which] ?? 0) + ratio;
    seen[which] = (seen[which] ?? 0) + 1;
  }
  const [a, w, found]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < count; i++) {
    a.push((a[i - 1] ?? 0) * fade + (sums[i] ?? 0));
    w.push((w[i - 1] ?? 0) * fade + (seen[i] ?? 0));
  }
  let [r, v] = [0, 0];
  for (let i = count - 1; i >= 0; i--) {
    found[i] = (weight + (a[i] ?? 0) + r) / (weight + (w[i] ?? 0) + v);
    r = (r + (sums[i] ?? 0)) * fade;
    v = (v + (seen[i] ?? 0)) * fade;
  }
  return found;
}

/** By bin: four numbers of slots. */
interface Table {
  readonly moves: boolean;
  readonly down: number[];
  readonly up: number[];
  readonly below: number[];
  readonly above: number[];
}

class Context {
  readonly lowest: number;
  readonly highest: number;
  readonly counts = new Array<number>(50).fill(0);
  seen = 0;
  due = 0;
  table: Table = { moves: false, down: [], up: [], below: [], above: [] };
  #partsUp: number[] = [];
  #partsDown: number[] = [];

  constructor(level: number, kind: number) {
    const reach = reachOf(level);
    this.lowest = 24 - (kind < 3 ? reach : Math.min(kind - 3, reach));
    this.highest = 25 + reach;
  }

  /** @param histogram over all bins. */
  solve(histogram: readonly number[], ratio: number): void {
    const bins = Array.from({ length: this.highest - this.lowest + 1 }, (_, i) => i + this.lowest);
    const total = bins.reduce((sum, b) => sum + (histogram[b] ?? 0), 0);
    const x = histogram.map((count, b) => (bins.includes(b) ? count / total : 0));
    const up = x.map((whole, b) => whole * (this.#partsUp[b] ?? 0));
    const down = x.map((whole, b) => whole * (this.#partsDown[b] ?? 0));
    let y = after(x, up, down);
    for (let sweep = 0; sweep < 60; sweep++) {
      if (sweepOnce(bins.slice(0, -1), ratio, { x, y, up, down }) < 1e-4) break;
    }
    this.#partsUp = up.map((share, b) => (x[b] ? share / (x[b] ?? 1) : 0));
    this.#partsDown = down.map((share, b) => (x[b] ? share / (x[b] ?? 1) : 0));
    for (const shares of [up, down]) {
      shares.forEach((share, b) => {
        if (share < 1e-4) shares[b] = 0;
      });
    }
    y = after(x, up, down);
    this.table = tableOf(x, y, up, down);
    this.due = this.seen + 64 + Math.floor(this.seen / (this.table.moves ? 4 : 2));
  }
}

type Shares = Readonly<Record<'x' | 'y' | 'up' | 'down', number[]>>;

function after(x: readonly number[], up: readonly number[], down: readonly number[]): number[] {
  return x.map((whole, b) => {
    return whole - (up[b] ?? 0) - (down[b] ?? 0) + (up[b - 1] ?? 0) + (down[b + 1] ?? 0);
  });
}

function sweepOnce(bins: readonly number[], ratio: number, { x, y, up, down }: Shares): number {
  let moved = 0;
  for (const b of bins) {
    const g = (up[b] ?? 0) - (down[b + 1] ?? 0);
    const [h, k] = [(y[b] ?? 0) + g, (y[b + 1] ?? 0) - g];
    const even = (h + k) * (1 / (1 + ratio));
    let wanted = 0;
    if (h > ratio * k) wanted = Math.min(even - k, (x[b] ?? 0) - (down[b] ?? 0));
    else if (k > ratio * h) wanted = -Math.min(even - h, (x[b + 1] ?? 0) - (up[b + 1] ?? 0));
    if (wanted === g) continue;
    [y[b], y[b + 1]] = [h - wanted, k + wanted];
    [up[b], down[b + 1]] = [Math.max(0, wanted), Math.max(0, -wanted)];
    moved += Math.abs(wanted - g);
  }
  return moved;
}

function tableOf(x: number[], y: number[], up: number[], down: number[]): Table {
  const slots = (share: number, whole: number, most: number) =>
    share <= 0 ? 0 : Math.max(1, Math.min(most, Math.floor((share / whole) * 16384 + 0.5)));
  const goesDown = x.map((whole, b) => slots(down[b] ?? 0, whole, 16382));
  const goesUp = x.map((whole, b) => slots(up[b] ?? 0, whole, 16383 - (goesDown[b] ?? 0)));
  const u = x.map((_, b) => ((goesUp[b - 1] ?? 0) > 0 ? (up[b - 1] ?? 0) : 0));
  const d = x.map((_, b) => ((goesDown[b + 1] ?? 0) > 0 ? (down[b + 1] ?? 0) : 0));
  const whole = y.map((value, b) => Math.max(value, (u[b] ?? 0) + (d[b] ?? 0)));
  const below = u.map((share, b) => slots(share, whole[b] ?? 0, 16382));
  const above = d.map((share, b) => slots(share, whole[b] ?? 0, 16383 - (below[b] ?? 0)));
  const moves = [...up, ...down].some((share) => share > 0);
  return { moves, down: goesDown, up: goesUp, below, above };
}

/** A sample's cell on the way through a layer. */
export interface Visit {
  readonly at: number;
  readonly place: Place;
  readonly table: Table;
  /** Undefined outside the window. */
  readonly bin: number | undefined;
}

interface View {
  startRow(): void;
  look(sample: Sample, y: number, x: number): { readonly mean: number; readonly noise: number };
  learn(y: number, x: number, sample: number, error: number): void;
  endRow(): void;
}

function fixedView(): View {
  const errors: Errors = new Map();
  return {
    startRow: () => {},
    look: (sample, y, x) => ({ mean: rhombus(sample), noise: noiseOf(sample, errors, y, x) }),
    learn: (y, x, _sample, error) => errors.set(`${y} ${x}`, error),
    endRow: () => {},
  };
}

function learningView({ max }: Plane): View {
  const [squares, roughness] = [new Squares(), new Roughness()];
  return {
    startRow: () => {
      squares.startRow();
      roughness.startRow();
    },
    look: (sample, y, x) => {
      const prediction = squares.predict(sample, x, max);
      const noise = roughness.noise(sample, y, x, prediction);
      return { mean: Math.floor(16 * prediction.exact + 0.5), noise };
    },
    learn: (y, x, sample, error) => {
      squares.learn(x, sample);
      roughness.learn(y, x, error / 16);
    },
    endRow: () => squares.endRow(),
  };
}

/** What was counted so far, and what it makes of the trained histograms. */
function historyOf(prior: ReturnType<typeof priorOf>) {
  const contexts = new Map<string, Context>();
  const contextAt = (kind: number, level: number) => {
    const key = `${kind} ${level}`;
    if (!contexts.has(key)) contexts.set(key, new Context(level, kind));
    return contexts.get(key) as Context;
  };
  const trainedOf = (kind: number, level: number) => {
    const row = (kind < 3 ? kind : 0) * 20 + level;
    const { lowest, highest } = contextAt(kind, level);
    return Array.from({ length: 50 }, (_, b) => {
      if (b < lowest || b > highest) return 0;
      return ((prior[50 * row + b] ?? 0) + 1e-5) * (kind < 3 ? 2000 : 100);
    });
  };
  const groups = [0, 1, 2].flatMap((kind) => {
    return Array.from({ length: 20 }, (_, level) => {
      const context = contextAt(kind, level);
      return { context, ...dividedOf(trainedOf(kind, level), context) };
    });
  });
  const histogramOf = ({ kind, level }: Place) => {
    const counts = (l: number) => contexts.get(`${kind} ${l}`)?.counts ?? [];
    const trained = trainedOf(kind, level);
    const shaped = kind < 3 ? shapedAs(trained, 20 * kind + level, groups) : trained;
    return shaped.map((count, b) => {
      const beside = (counts(level - 1)[b] ?? 0) + (counts(level + 1)[b] ?? 0);
      return count + (counts(level)[b] ?? 0) + 0.3 * beside;
    });
  };
  return { contextAt, histogramOf };
}

/**
 * Walks a layer in raster order. `cover` turns what is there into the cover's bin, and is asked for
 * samples in windows only; the walk puts it there.
 */
export function walkLayer(
  plane: Plane,
  name: CodedName,
  ratio: number,
  cover: (visit: Visit & { readonly bin: number }, index: number) => number,
): Visit[] {
  const curve = curveOf(name);
  const { contextAt, histogramOf } = historyOf(priorOf(name));
  const view = name === 'max' ? learningView(plane) : fixedView();
  const learnt: Learnt[] = [];
  const visits: Visit[] = [];
  for (const { y, columns } of rowsOf(plane)) {
    const by = calibrated(learnt);
    view.startRow();
    for (const x of columns) {
      const sample = around(plane, y, x);
      const { mean, noise } = view.look(sample, y, x);
      const bucket = bucketOf(noise);
      const tone = Math.floor(mean / ((plane.max + 1) / 4));
      const expected = (curve[bucket] ?? 0) * (by.buckets[bucket] ?? 0) * (by.tones[tone] ?? 0);
      const place = placeOf(mean, levelOf(expected * 100), plane.max);
      const context = contextAt(place.kind, place.level);
      if (context.seen >= context.due) context.solve(histogramOf(place), ratio);
      const at = y * plane.width + x;
      const there = (sample(0, 0) - place.base) * place.direction + 24;
      const inside = there >= context.lowest && there <= context.highest;
      const visit = { at, place, table: context.table };
      if (inside) {
        const bin = cover({ ...visit, bin: there }, visits.length);
        plane.samples[at] = (bin - 24) * place.direction + place.base;
        context.counts[bin] = (context.counts[bin] ?? 0) + 1;
        context.seen += 1;
      }
      visits.push({ ...visit, bin: inside ? there : undefined });
      const error = Math.abs(16 * sample(0, 0) - mean);
      const most = Math.floor(4 * (curve[bucket] ?? 0)) + 32;
      const bounded = Math.min(Math.max(error, 4), most);
      learnt.push({ bucket, tone, error: bounded / (curve[bucket] ?? 0), by });
      view.learn(y, x, sample(0, 0), error);
    }
    view.endRow();
  }
  return visits;
}

/** Restores a layer in place, from sample `from` on. */
export function restoreCoded(
  plane: Plane,
  name: CodedName,
  ratio: number,
  coder: Twin,
  from: number,
): void {
  walkLayer(plane, name, ratio, ({ table, bin }, index) => {
    if (index < from || !table.moves) return bin;
    const of = (column: 'down' | 'up' | 'below' | 'above', b: number) => table[column][b] ?? 0;
    const [below, above] = [of('below', bin), of('above', bin)];
    const came = coder.take(below, above);
    const origin = bin + came;
    coder.give(came === -1 ? 1 : came === 1 ? -1 : 0, of('down', origin), of('up', origin));
    return origin;
  });
}

/** Writes a layer in place, backwards; tells where it stopped. */
export function writeCoded(
  plane: Plane,
  name: CodedName,
  ratio: number,
  coder: Twin,
  isDone: (index: number) => boolean,
): number {
  const visits = walkLayer(plane, name, ratio, ({ bin }) => bin);
  for (let index = visits.length; index > 0; index--) {
    if (index < visits.length && isDone(index)) return index;
    const { at, place, table, bin } = visits[index - 1] as Visit;
    if (bin === undefined || !table.moves) continue;
    const move = coder.take(table.down[bin] ?? 0, table.up[bin] ?? 0);
    const to = bin + move;
    const back = move === -1 ? 1 : move === 1 ? -1 : 0;
    coder.give(back, table.below[to] ?? 0, table.above[to] ?? 0);
    plane.samples[at] = (to - 24) * place.direction + place.base;
  }
  return 0;
}
