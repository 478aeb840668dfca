/**
 * One layer of histogram shifting. Bits go into the carriers in raster order. A sample that ends
 * at black or white may have been there before, or have moved there: one flag bit tells, and the
 * flags are the last bits of their layer. Nothing that is decided within a layer depends on which
 * it was, so such samples can be set right when all bits are known.
 */

import { UNIT } from './context.ts';
import { type Field, firstColumn, layerSize, MARGIN } from './field.ts';
import { countedAs, EXCLUDED, type IntegerPrior, ShiftModel, ShiftPlace } from './shift-model.ts';
import { Texture } from './texture.ts';

/** Further from the base than any carrier. */
const FAR = 63;

/** What a layer's samples are to the model, in raster order. */
export interface ShiftTape {
  readonly groups: Uint8Array;
  /** Steps from the base, in the direction of the histogram. */
  readonly distances: Int8Array;
  readonly directions: Int8Array;
  /** 2 where the sample is at the end of its range, 1 one step inside it; 0 elsewhere. */
  readonly ends: Uint8Array;
  readonly positions: Int32Array;
}

/** Reads a layer without changing it. */
export function readShiftLayer(field: Field, parity: number): ShiftTape {
  const size = layerSize(field, parity);
  const tape = {
    groups: new Uint8Array(size),
    distances: new Int8Array(size),
    directions: new Int8Array(size),
    ends: new Uint8Array(size),
    positions: new Int32Array(size),
  };
  const texture = new Texture(field);
  const place = new ShiftPlace();
  let index = 0;
  for (let y = 1; y < field.height - 1; y++) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, parity);
    texture.startRow(y, first);
    for (let x = first; x < field.width - 1; x += 2) {
      const mean = texture.means[x] as number;
      place.locate(mean, texture.noiseAt(x), field.max);
      const sample = field.samples[row + x] as number;
      const counted = countedAs(sample, field.max);
      const distance = (counted - place.base) * place.direction;
      tape.groups[index] = place.group;
      tape.distances[index] = Math.max(-FAR, Math.min(FAR, distance));
      tape.ends[index] = sample === 0 || sample === field.max ? 2 : counted === sample ? 0 : 1;
      tape.directions[index] = place.direction;
      tape.positions[index++] = row + x;
      texture.learn(x, Math.abs(counted * UNIT - mean));
    }
  }
  return tape;
}

/** What embedding does to each sample of a tape. */
export const STAY = 0;
export const MOVE = 1;
export const CARRY = 2;
/** Moves to the end of the range, or is there: told apart by a flag. */
export const MOVE_FLAGGED = 3;
export const STAY_FLAGGED = 4;

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
    const action = actionOf(model, group, d, tape.ends[index] as number);
    actions[index] = action;
    const kind = Math.abs(action);
    if (kind === CARRY) bits += 1;
    else if (kind >= MOVE_FLAGGED) bits -= 1;
    changes += kind === CARRY ? 0.5 : kind === MOVE || kind === MOVE_FLAGGED ? 1 : 0;
    model.learn(group, d);
  }
  return { actions, bits, changes, end: index };
}

/** @param end see `ShiftTape.ends`; a sample at or beside an end lies far beyond the carriers. */
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
  tape: ShiftTape,
  { actions, bits }: ShiftPlan,
  nextBit: () => number,
): void {
  const flags: number[] = [];
  for (const action of actions) {
    if (Math.abs(action) >= MOVE_FLAGGED) flags.push(Math.abs(action) === MOVE_FLAGGED ? 1 : 0);
  }
  let used = 0;
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i] as number;
    const kind = Math.abs(action);
    if (kind === STAY || kind === STAY_FLAGGED) continue;
    if (kind === CARRY) {
      const bit = used < bits ? nextBit() : (flags[used - bits] as number);
      used += 1;
      if (bit === 0) continue;
    }
    const step = Math.sign(action) * (tape.directions[i] as number);
    const at = tape.positions[i] as number;
    field.samples[at] = (field.samples[at] as number) + step;
  }
}

/** The inverse of planning and writing: restores samples before `end`; returns the layer's bits. */
export function restoreShiftLayer(
  field: Field,
  parity: number,
  prior: IntegerPrior,
  price: number,
  end: number,
): number[] {
  const texture = new Texture(field);
  const place = new ShiftPlace();
  const model = new ShiftModel(prior, price);
  const bits: number[] = [];
  const flagged: { readonly at: number; readonly step: number }[] = [];
  let index = 0;
  for (let y = 1; y < field.height - 1; y++) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    const first = firstColumn(y, parity);
    texture.startRow(y, first);
    for (let x = first; x < field.width - 1; x += 2) {
      if (index++ >= end) break;
      const at = row + x;
      const mean = texture.means[x] as number;
      place.locate(mean, texture.noiseAt(x), field.max);
      if (place.group !== EXCLUDED) {
        model.decide(place.group);
        const sample = field.samples[at] as number;
        const d = (sample - place.base) * place.direction;
        const isEnd = sample === 0 || sample === field.max;
        const step = stepBack(model, place.group, d, isEnd ? undefined : bits) * place.direction;
        if (step !== 0 && isEnd) flagged.push({ at, step });
        else field.samples[at] = sample + step;
      }
      const cover = countedAs(field.samples[at] as number, field.max);
      if (place.group !== EXCLUDED) {
        model.learn(place.group, (cover - place.base) * place.direction);
      }
      texture.learn(x, Math.abs(cover * UNIT - mean));
    }
  }
  const flags = bits.splice(Math.max(0, bits.length - flagged.length));
  flagged.forEach(({ at, step }, i) => {
    if (flags[i] === 1) field.samples[at] = (field.samples[at] as number) + step;
  });
  return bits;
}

/** The step from a stego sample back to the cover's; a carrier's bit is kept on the way. */
function stepBack(model: ShiftModel, group: number, d: number, bits: number[] | undefined): number {
  const up = model.up[group] as number;
  const down = model.down[group] as number;
  if (d < up && d > down) return 0;
  const sign = d >= up ? 1 : -1;
  // Ends of the range carry nothing: their step is set right by a flag.
  if (bits === undefined) return -sign;
  const beyond = d >= up ? d - up : down - d;
  if (beyond <= 1) bits.push(beyond);
  return beyond === 0 ? 0 : -sign;
}
