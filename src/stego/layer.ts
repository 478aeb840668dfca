/**
 * One layer of one plane: half of its samples or a quarter. It is read in raster order,
 * written in the opposite order, and restored in raster order again, so that whoever restores
 * knows at each sample exactly what the writer knew there.
 */
import { release } from '../bytes.ts';
import { BINS, ORIGIN } from './context.ts';
import { type Field, firstColumn, type Layer, layerSize, MARGIN } from './field.ts';
import {
  FROM_ABOVE,
  FROM_BELOW,
  MOVE_DOWN,
  MOVE_UP,
  Model,
  type Prior,
  ROW,
  TABLE_SIZE,
} from './model.ts';
import type { Profile } from './profile.ts';
import { PROBABILITY_BITS, type Rans } from './rans.ts';
import { type Prediction, Scan } from './scan.ts';

const TOTAL = 1 << PROBABILITY_BITS;

/** A bin outside its context's window: the sample takes no part. */
const OUTSIDE = 255;
/** Added to the bin where the histogram is turned. */
const TURNED = 64;

/** What a layer's samples are to the coder, in raster order. */
export interface Tape {
  readonly contexts: Uint8Array;
  readonly bins: Uint8Array;
}

/** Reads a layer without changing it. */
export function readLayer(field: Field, layer: Layer, prediction: Prediction): Tape {
  const size = layerSize(field, layer);
  const scan = new Scan(field, prediction);
  const tape = { contexts: new Uint8Array(size), bins: new Uint8Array(size) };
  let index = 0;
  for (let y = layer.top; y < field.height - 1; y += layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, layer);
    scan.startRow(y, first);
    for (let x = first; x < field.width - 1; x += 2) {
      const sample = field.samples[row + x] as number;
      scan.visit(row + x, x);
      const bin = (sample - scan.base) * scan.direction + ORIGIN;
      tape.contexts[index] = scan.context;
      tape.bins[index] = bin < 0 || bin >= BINS ? OUTSIDE : bin + (scan.direction < 0 ? TURNED : 0);
      scan.learn(x, sample);
      index++;
    }
    scan.endRow();
    field.onRows?.(1);
  }
  return tape;
}

/** Gives its memory back; it is empty afterwards. The largest have 64 MiB. */
export function releaseTape({ contexts, bins }: Tape): void {
  release(contexts);
  release(bins);
}

export interface Forecast {
  /** Bits the layer is expected to hold. */
  readonly bits: number;
  /** Samples expected to change. */
  readonly changes: number;
}

/** What embedding at this ratio would hold and cost, without doing it. */
export function forecast(tape: Tape, prior: Prior, ratio: number): Forecast {
  const model = new Model(prior, ratio);
  const gains = new Float64Array(256 * BINS);
  const costs = new Float64Array(256 * BINS);
  let bits = 0;
  let changes = 0;
  for (let i = 0; i < tape.bins.length; i++) {
    const context = tape.contexts[i] as number;
    if (model.isDue(context)) {
      model.refresh(context);
      model.forecast(gains, costs, context * BINS);
    }
    const code = tape.bins[i] as number;
    if (code === OUTSIDE) continue;
    const bin = code % TURNED;
    if (!model.covers(context, bin)) continue;
    bits += gains[context * BINS + bin] as number;
    changes += costs[context * BINS + bin] as number;
    model.learn(context, bin);
  }
  return { bits, changes };
}

/** A layer's tables, and which of them each sample uses; 0 means that it takes no part. */
interface Plan {
  readonly tables: Uint16Array;
  readonly chosen: Uint16Array;
}

function plan(tape: Tape, prior: Prior, ratio: number): Plan {
  const model = new Model(prior, ratio);
  const chosen = new Uint16Array(tape.bins.length);
  const latest = new Uint16Array(256);
  let tables = new Uint16Array(256 * TABLE_SIZE);
  let count = 1;
  for (let i = 0; i < tape.bins.length; i++) {
    const context = tape.contexts[i] as number;
    if (model.isDue(context)) {
      model.refresh(context);
      latest[context] = model.flows.active ? count : 0;
      if (model.flows.active) {
        if ((count + 1) * TABLE_SIZE > tables.length) tables = grown(tables);
        model.writeTable(context, tables, TABLE_SIZE * count++);
      }
    }
    const code = tape.bins[i] as number;
    if (code === OUTSIDE || !model.covers(context, code % TURNED)) continue;
    chosen[i] = latest[context] as number;
    model.learn(context, code % TURNED);
  }
  return { tables, chosen };
}

function grown(tables: Uint16Array): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(2 * tables.length);
  larger.set(tables);
  return larger;
}

export interface Coding {
  readonly prior: Prior;
  readonly ratio: number;
}

/**
 * Writes a layer, last sample first, down to the sample for which `isDone` holds; returns that
 * sample's index, 0 if it never held. `isDone` is asked only at multiples of `step` below the
 * layer's size, so that the answer fits the header.
 */
export function writeLayer(
  field: Field,
  layer: Layer,
  tape: Tape,
  { prior, ratio }: Coding,
  rans: Rans,
  until: Until,
): number {
  const whole = plan(tape, prior, ratio);
  const index = carryOut(field, layer, tape, whole, rans, until);
  release(whole.chosen);
  return index;
}

export interface Until {
  readonly step: number;
  readonly isDone: () => boolean;
}

/** To its first sample. */
export const WHOLE: Until = { step: Number.POSITIVE_INFINITY, isDone: () => false };

/** What `writeLayer` would do, without doing it: where it would stop, and how much would change. */
export function tryLayer(
  tape: Tape,
  { prior, ratio }: Coding,
  rans: Rans,
  { step, isDone }: Until,
): { readonly index: number; readonly changes: number } {
  const { tables, chosen } = plan(tape, prior, ratio);
  const size = tape.bins.length;
  let [index, changes] = [size, 0];
  while (index > 0 && !(index % step === 0 && index < size && isDone())) {
    const table = chosen[--index] as number;
    if (table === 0) continue;
    const row = table * TABLE_SIZE + ROW * ((tape.bins[index] as number) % TURNED);
    if (moveOne(tables, row, rans) !== 0) changes++;
  }
  release(chosen);
  return { index, changes };
}

function carryOut(
  field: Field,
  layer: Layer,
  tape: Tape,
  { tables, chosen }: Plan,
  rans: Rans,
  { step, isDone }: Until,
): number {
  const size = tape.bins.length;
  let index = size;
  for (let y = lastRow(field, layer); y >= layer.top; y -= layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, layer);
    const count = Math.max(0, Math.ceil((field.width - 1 - first) / 2));
    for (let x = first + 2 * (count - 1); x >= first; x -= 2) {
      if (index % step === 0 && index < size && isDone()) return index;
      const table = chosen[--index] as number;
      if (table === 0) continue;
      const code = tape.bins[index] as number;
      const move = moveOne(tables, table * TABLE_SIZE + ROW * (code % TURNED), rans);
      if (move === 0) continue;
      const at = row + x;
      field.samples[at] = (field.samples[at] as number) + (code >= TURNED ? -move : move);
    }
    field.onRows?.(1);
  }
  return 0;
}

function lastRow({ height }: Field, { top, step }: Layer): number {
  return top + step * Math.floor((height - 2 - top) / step);
}

/** Lets the body choose where the sample goes, and returns to it what that choice tells. */
function moveOne(tables: Uint16Array, row: number, rans: Rans): number {
  const down = tables[row + MOVE_DOWN] as number;
  const up = tables[row + MOVE_UP] as number;
  const slot = rans.slot();
  if (slot < down) {
    rans.choose(0, down);
    const origin = tables[row - ROW + FROM_ABOVE] as number;
    rans.absorb(TOTAL - origin, origin);
    return -1;
  }
  if (slot >= TOTAL - up) {
    rans.choose(TOTAL - up, up);
    rans.absorb(0, tables[row + ROW + FROM_BELOW] as number);
    return 1;
  }
  rans.choose(down, TOTAL - down - up);
  const below = tables[row + FROM_BELOW] as number;
  rans.absorb(below, TOTAL - below - (tables[row + FROM_ABOVE] as number));
  return 0;
}

/** Undoes `writeLayer` from the sample with index `from` on: the exact inverse, in place. */
export function restoreLayer(
  field: Field,
  layer: Layer,
  profile: Profile,
  ratio: number,
  rans: Rans,
  from: number,
): void {
  const scan = new Scan(field, profile);
  const model = new Model(profile.prior, ratio);
  const tables = new Uint16Array(256 * TABLE_SIZE);
  const active = new Uint8Array(256);
  let index = 0;
  for (let y = layer.top; y < field.height - 1; y += layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, layer);
    scan.startRow(y, first);
    for (let x = first; x < field.width - 1; x += 2, index++) {
      scan.visit(row + x, x);
      const { context, base, direction } = scan;
      if (model.isDue(context)) {
        model.refresh(context);
        active[context] = model.flows.active ? 1 : 0;
        if (model.flows.active) model.writeTable(context, tables, context * TABLE_SIZE);
      }
      let sample = field.samples[row + x] as number;
      let bin = (sample - base) * direction + ORIGIN;
      if (model.covers(context, bin)) {
        if (active[context] === 1 && index >= from) {
          const move = moveBack(tables, context * TABLE_SIZE + ROW * bin, rans);
          if (move !== 0) {
            bin += move;
            sample += move * direction;
            field.samples[row + x] = sample;
          }
        }
        model.learn(context, bin);
      }
      scan.learn(x, sample);
    }
    scan.endRow();
    field.onRows?.(1);
  }
}

/** The inverse of `moveOne`: the step back to where the sample came from. */
function moveBack(tables: Uint16Array, row: number, rans: Rans): number {
  const below = tables[row + FROM_BELOW] as number;
  const above = tables[row + FROM_ABOVE] as number;
  const slot = rans.slot();
  if (slot < below) {
    rans.choose(0, below);
    const up = tables[row - ROW + MOVE_UP] as number;
    rans.absorb(TOTAL - up, up);
    return -1;
  }
  if (slot >= TOTAL - above) {
    rans.choose(TOTAL - above, above);
    rans.absorb(0, tables[row + ROW + MOVE_DOWN] as number);
    return 1;
  }
  rans.choose(below, TOTAL - below - above);
  const down = tables[row + MOVE_DOWN] as number;
  rans.absorb(down, TOTAL - down - (tables[row + MOVE_UP] as number));
  return 0;
}
