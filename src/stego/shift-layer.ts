/**
 * One layer of histogram shifting. Bits go into the carriers in raster order. A sample that ends
 * at black or white may have been there before, or have moved there: one flag bit tells, and the
 * flags are the last bits of their layer. Nothing that is decided within a layer depends on which
 * it was, so such samples can be set right when all bits are known.
 */

import { release } from '../bytes.ts';
import { UNIT } from './context.ts';
import { type Field, firstColumn, type Layer, layerSize, MARGIN } from './field.ts';
import { NumberList } from './list.ts';
import {
  countedAs,
  EXCLUDED,
  INSIDE,
  type IntegerPrior,
  ShiftModel,
  ShiftPlace,
} from './shift-model.ts';
import { Texture } from './texture.ts';

/** Further from the base than any carrier. */
const FAR = 63;

/** What a layer's samples are to the model, in raster order: three bytes a sample. */
export interface ShiftTape {
  readonly groups: Uint8Array;
  /** Steps from the base, in the direction of the histogram. */
  readonly distances: Int8Array;
  /**
   * 2 where the sample is at the end of its range, 1 one step inside it, 0 elsewhere; plus TURNED
   * where the histogram is.
   */
  readonly notes: Uint8Array;
}

const TURNED = 4;

/** Reads a layer without changing it. */
export function readShiftLayer(field: Field, layer: Layer): ShiftTape {
  const size = layerSize(field, layer);
  const tape = {
    groups: new Uint8Array(size),
    distances: new Int8Array(size),
    notes: new Uint8Array(size),
  };
  const texture = new Texture(field);
  const place = new ShiftPlace();
  let index = 0;
  for (let y = layer.top; y < field.height - 1; y += layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, layer);
    texture.startRow(y, first);
    for (let x = first; x < field.width - 1; x += 2) {
      const mean = texture.means[x] as number;
      place.locate(mean, texture.noiseAt(x), field.max);
      const sample = field.samples[row + x] as number;
      const counted = countedAs(sample, field.max);
      const distance = (counted - place.base) * place.direction;
      const end = sample === 0 || sample === field.max ? 2 : counted === sample ? 0 : 1;
      tape.groups[index] = place.group;
      tape.distances[index] = Math.max(-FAR, Math.min(FAR, distance));
      tape.notes[index++] = end + (place.direction < 0 ? TURNED : 0);
      texture.learn(x, Math.abs(counted * UNIT - mean));
    }
    field.onRows?.(1);
  }
  return tape;
}

/** Gives its memory back; it is empty afterwards. The largest have 96 MiB. */
export function releaseTape({ groups, distances, notes }: ShiftTape): void {
  for (const list of [groups, distances, notes]) release(list);
}

/** What embedding does to each sample of a tape. */
const STAY = 0;
const MOVE = 1;
export const CARRY = 2;
/** Moves to the end of the range, or is there: told apart by a flag. */
const MOVE_FLAGGED = 3;
const STAY_FLAGGED = 4;

export interface ShiftPlan {
  /** Actions, negative downwards. */
  readonly actions: Int8Array;
  /** Carriers less flags: bits the layer holds. */
  readonly bits: number;
  /** Samples expected to change. */
  readonly changes: number;
}

/** Plans up to the first multiple of `step`, not 0, at which `enough` bits fit: the `end`. */
export function planShift(
  tape: ShiftTape,
  prior: IntegerPrior,
  price: number,
  { step, enough }: { readonly step: number; readonly enough: number },
): ShiftPlan & { readonly end: number } {
  const model = new ShiftModel(prior, price);
  const actions = new Int8Array(tape.groups.length);
  let [bits, changes, index] = [0, 0, 0];
  for (; index < actions.length; index++) {
    if (index % step === 0 && index > 0 && bits >= enough) break;
    const group = tape.groups[index] as number;
    if (group === EXCLUDED) continue;
    const d = tape.distances[index] as number;
    model.decide(group);
    const action = actionOf(model, group, d, (tape.notes[index] as number) % TURNED);
    actions[index] = action;
    const kind = Math.abs(action);
    if (kind === CARRY) bits += 1;
    else if (kind >= MOVE_FLAGGED) bits -= 1;
    changes += kind === CARRY ? 0.5 : kind === MOVE || kind === MOVE_FLAGGED ? 1 : 0;
    model.learn(group, d);
  }
  return { actions, bits, changes, end: index };
}

/** @param end see `ShiftTape.notes`; a sample at or beside an end lies far beyond the carriers. */
function actionOf(model: ShiftModel, group: number, d: number, end: number): number {
  const up = model.up[group] as number;
  const down = model.down[group] as number;
  if (d < up && d > down) return STAY;
  const sign = d >= up ? 1 : -1;
  if (end > 0) return sign * (end === 1 ? MOVE_FLAGGED : STAY_FLAGGED);
  return sign * (d === up || d === down ? CARRY : MOVE);
}

/** Carries out a plan; `nextBit` gives the body's bits. */
export function writeShiftLayer(
  field: Field,
  layer: Layer,
  tape: ShiftTape,
  { actions, bits }: ShiftPlan,
  nextBit: () => number,
): void {
  let used = 0;
  let flag = -1;
  /** The layer's own flags follow the body's bits: one for each flagged action, in their order. */
  const nextFlag = () => {
    do flag++;
    while (Math.abs(actions[flag] as number) < MOVE_FLAGGED);
    return Math.abs(actions[flag] as number) === MOVE_FLAGGED ? 1 : 0;
  };
  let index = 0;
  for (let y = layer.top; y < field.height - 1; y += layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    for (let x = firstColumn(y, layer); x < field.width - 1; x += 2, index++) {
      const action = actions[index] as number;
      const kind = Math.abs(action);
      if (kind === STAY || kind === STAY_FLAGGED) continue;
      if (kind === CARRY && (used++ < bits ? nextBit() : nextFlag()) === 0) continue;
      const isTurned = (tape.notes[index] as number) >= TURNED;
      const at = row + x;
      field.samples[at] = (field.samples[at] as number) + Math.sign(action) * (isTurned ? -1 : 1);
    }
    field.onRows?.(1);
  }
}

/** The inverse of planning and writing: restores samples before `end`; returns the layer's bits. */
export function restoreShiftLayer(
  field: Field,
  layer: Layer,
  prior: IntegerPrior,
  price: number,
  end: number,
): Uint8Array {
  const texture = new Texture(field);
  const place = new ShiftPlace();
  const model = new ShiftModel(prior, price);
  const bits = new NumberList((size) => new Uint8Array(size));
  /** Samples at an end of the range that a flag will set right. */
  const flagged = new NumberList((size) => new Int32Array(size));
  const { samples, max } = field;
  let index = 0;
  for (let y = layer.top; y < field.height - 1 && index < end; y += layer.step) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, layer);
    texture.startRow(y, first);
    for (let x = first; x < field.width - 1 && index++ < end; x += 2) {
      const at = row + x;
      const mean = texture.means[x] as number;
      place.locate(mean, texture.noiseAt(x), max);
      const { group, base, direction } = place;
      let sample = samples[at] as number;
      if (group !== EXCLUDED) {
        model.decide(group);
        const beyond = model.beyond(group, (sample - base) * direction);
        if (sample === 0 || sample === max) {
          // Ends of the range carry nothing: their step is set right by a flag.
          if (beyond !== INSIDE) flagged.push(at);
        } else if (beyond !== INSIDE) {
          const distance = Math.abs(beyond);
          if (distance <= 2) bits.push(distance - 1);
          if (distance > 1) samples[at] = sample -= beyond > 0 ? direction : -direction;
        }
      }
      sample = countedAs(sample, max);
      if (group !== EXCLUDED) model.learn(group, (sample - base) * direction);
      texture.learn(x, Math.abs(sample * UNIT - mean));
    }
    field.onRows?.(1);
  }
  return withoutFlags(samples, bits.items(), flagged.items());
}

/** The last bits of a layer say which samples at an end of the range moved there. */
function withoutFlags(samples: Uint16Array, bits: Uint8Array, flagged: Int32Array): Uint8Array {
  const own = Math.max(0, bits.length - flagged.length);
  for (let i = 0; i < flagged.length; i++) {
    const at = flagged[i] as number;
    if (bits[own + i] !== 1) continue;
    samples[at] = samples[at] === 0 ? 1 : (samples[at] as number) - 1;
  }
  return bits.subarray(0, own);
}
