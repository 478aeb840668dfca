/** Hides by histogram shifting, profile integer. Pure: the given picture stays as it was. */
import { release } from '../bytes.ts';
import { decodeBody, encodeBody, OVERHEAD_BITS, paddingOf } from './body.ts';
import { type Extracted, fieldsOf, stegoImage } from './coded.ts';
import { type Field, HALVES, type Layer, layerSize, type OnRows } from './field.ts';
import { type Header, HeaderRing, STARTS } from './header.ts';
import type { Picture } from './picture.ts';
import { findPrice } from './price.ts';
import { integerPrior } from './prior.ts';
import { STATE_START } from './rans.ts';
import {
  planShift,
  readShiftLayer,
  releaseTape,
  restoreShiftLayer,
  type ShiftTape,
  writeShiftLayer,
} from './shift-layer.ts';

/** What the header always says: its number, and nothing of what only bits-back coding does. */
const FIXED = { profile: 2, shift: 0, easing: 0, oneLayer: false, state: STATE_START } as const;
const PRIOR = integerPrior();
const FIRST = HALVES[0] as Layer;
const WHOLE_LAYER = { step: Number.POSITIVE_INFINITY, enough: Number.POSITIVE_INFINITY } as const;

/** Undefined if the picture cannot hold the payload. */
export function embedShifted(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  onRows?: OnRows,
): Picture | undefined {
  const needed = 8 * payload.length + OVERHEAD_BITS;
  // The second layers hold a little less or more than their twins: steps down grow until all fits.
  for (let price = firstPrice(cover, needed, onRows), step = 1; ; price -= step, step *= 2) {
    price = Math.max(0, price);
    const stego = tryEmbed(cover, payload, key, price, onRows);
    if (stego !== undefined || price === 0) return stego;
  }
}

function firstPrice(cover: Picture, needed: number, onRows?: OnRows): number {
  const tapes = firstTapes(cover, onRows);
  const bitsAt = (price: number) => {
    onRows?.(cover.height * tapes.length);
    return survey(tapes, price).bits;
  };
  // Whole bins make room jump with the price, so it is found to the last digit.
  const price = findPrice(bitsAt, needed, 0) ?? 0;
  for (const tape of tapes) releaseTape(tape);
  return price;
}

/** The first layer of every plane. What only reading took is given back. */
function firstTapes(cover: Picture, onRows?: OnRows): ShiftTape[] {
  return fieldsOf(cover, 0, onRows).map((field) => {
    const tape = readShiftLayer(field, FIRST);
    release(field.samples);
    return tape;
  });
}

/** What all layers hold and cost, taking the second parity of each plane for the first. */
function survey(tapes: readonly ShiftTape[], price: number) {
  let [bits, changes] = [0, 0];
  for (const tape of tapes) {
    const plan = planShift(tape, PRIOR, price, WHOLE_LAYER);
    bits += 2 * Math.max(0, plan.bits);
    changes += 2 * plan.changes;
    release(plan.actions);
  }
  return { bits, changes };
}

function tryEmbed(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  price: number,
  onRows?: OnRows,
): Picture | undefined {
  const body = encodeBody({ ring: new HeaderRing(cover, key).read(), payload }, key);
  const padding = paddingOf(key);
  let taken = 0;
  const nextBit = () => {
    const byte = body[taken >> 3] ?? padding.byteAt(taken >> 3);
    return (byte >> (taken++ & 7)) & 1;
  };
  const fields = fieldsOf(cover, 0, onRows);
  const start = writeLayers(fields, price, nextBit, () => 8 * body.length - taken);
  const stego =
    start === undefined || taken < 8 * body.length
      ? undefined
      : stegoImage(cover, fields, key, { ...FIXED, price, start });
  for (const { samples } of fields) release(samples);
  return stego;
}

/**
 * Writes all layers, the last one as far as `missing` bits need it; tells how far, in steps.
 * Undefined if one has less room than its own flags take.
 */
function writeLayers(
  fields: readonly Field[],
  price: number,
  nextBit: () => number,
  missing: () => number,
): number | undefined {
  const layers = layersOf(fields);
  let start = 0;
  for (const [index, { field, layer }] of layers.entries()) {
    const isLast = index === layers.length - 1;
    const step = isLast ? startStep(field, layer) : Number.POSITIVE_INFINITY;
    const tape = readShiftLayer(field, layer);
    // A layer that nothing is left for still has to hold its own flags.
    const enough = Math.max(0, missing());
    const plan = planShift(tape, PRIOR, price, { step, enough });
    if (plan.bits < 0) return undefined;
    writeShiftLayer(field, layer, tape, plan, nextBit);
    releaseTape(tape);
    release(plan.actions);
    if (isLast) start = Math.max(0, Math.ceil(plan.end / step) - 1);
  }
  return start;
}

/** Samples of the last layer from one possible end to the next. */
function startStep(field: Field, layer: Layer): number {
  return Math.max(1, Math.ceil(layerSize(field, layer) / STARTS));
}

function layersOf(fields: readonly Field[]) {
  return fields.flatMap((field) => HALVES.map((layer) => ({ field, layer })));
}

/** The inverse of `embedShifted`. Undefined if no embedding ends like this. */
export function extractShifted(
  stego: Picture,
  key: Uint8Array,
  { shift, price, start, oneLayer, state }: Header,
  onRows?: OnRows,
): Extracted | undefined {
  // The state is not needed here: constant, it is a check of 32 bits.
  if (state !== STATE_START || shift !== 0 || oneLayer) return undefined;
  const fields = fieldsOf(stego, 0, onRows);
  const layers = layersOf(fields);
  const bits: Uint8Array[] = [];
  for (const [index, { field, layer }] of [...layers.entries()].reverse()) {
    const size = layerSize(field, layer);
    const isLast = index === layers.length - 1;
    const end = isLast ? Math.min(size, (start + 1) * startStep(field, layer)) : size;
    bits.unshift(restoreShiftLayer(field, layer, PRIOR, price, end));
  }
  const body = decodeBody(bytesOfBits(bits), key);
  return body === undefined ? undefined : { body, fields };
}

/** Whole bytes, least significant bit first. */
function bytesOfBits(layers: readonly Uint8Array[]): Uint8Array {
  const count = layers.reduce((sum, bits) => sum + bits.length, 0);
  const bytes = new Uint8Array(count >> 3);
  let index = 0;
  for (const bits of layers) {
    for (const bit of bits) {
      if (index >> 3 < bytes.length)
        bytes[index >> 3] = (bytes[index >> 3] as number) | (bit << (index & 7));
      index += 1;
    }
  }
  return bytes;
}

/** How far what a payload takes may lie from what another of its size takes, in √bits. */
const SPREAD = 2;

/** Bytes of payload that `embedShifted` will hold: measured by writing all layers at price 0. */
export function capacityShifted(cover: Picture, onRows?: OnRows): number {
  const fields = fieldsOf(cover, 0, onRows);
  let bits = 0;
  let random = 1;
  for (const { field, layer } of layersOf(fields)) {
    const tape = readShiftLayer(field, layer);
    const plan = planShift(tape, PRIOR, 0, WHOLE_LAYER);
    if (plan.bits < 0) return 0;
    bits += plan.bits;
    writeShiftLayer(field, layer, tape, plan, () => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return random >>> 31;
    });
  }
  return Math.max(0, Math.floor((bits - SPREAD * Math.sqrt(bits) - OVERHEAD_BITS) / 8));
}

/** Changed samples to expect for a payload of `payloadSize`. Undefined if it does not fit. */
export function forecastShifted(cover: Picture, payloadSize: number): number | undefined {
  const tapes = firstTapes(cover);
  const needed = 8 * payloadSize + OVERHEAD_BITS;
  const price = findPrice((price) => survey(tapes, price).bits, needed);
  if (price === undefined) return undefined;
  const { bits, changes } = survey(tapes, price);
  return (changes * needed) / bits;
}
