/** Hides by bits-back coding, profiles fast and max. Pure: the given picture stays as it was. */
import { type Body, bytesOf, decodeBody, OVERHEAD_BITS, stackOf } from './body.ts';
import { Keystream } from './chacha20.ts';
import { type Field, fieldOf, layerSize, storeInterior } from './field.ts';
import { encodeHeader, type Header, HeaderRing, STARTS } from './header.ts';
import {
  type Forecast,
  forecast,
  readLayer,
  restoreLayer,
  type Tape,
  writeLayer,
} from './layer.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { findPrice, ratioOf } from './price.ts';
import type { Profile } from './profile.ts';
import { Rans, STATE_START, WordStack } from './rans.ts';

/** Extra room to plan for: forecasts are means, and the second parity is taken for the first. */
const MARGIN_FACTOR = 1.02;
const MARGIN_BITS = 64;

const SHIFT_MAX = 7;

/** A cover that was looked at once, for one profile and shift. */
class Survey {
  readonly fields: readonly Field[];
  readonly #tapes: readonly Tape[];
  readonly #profile: Profile;

  constructor(picture: Picture, profile: Profile, shift: number) {
    this.fields = fieldsOf(picture, shift);
    this.#profile = profile;
    this.#tapes = this.fields.map((field) => readLayer(field, 0, profile));
  }

  /** The first layer as it will be written. */
  get firstTape(): Tape {
    return this.#tapes[0] as Tape;
  }

  /** For all layers; the two of a plane are as good as alike. */
  forecast(price: number): Forecast {
    const ratio = ratioOf(price);
    let bits = 0;
    let changes = 0;
    for (const tape of this.#tapes) {
      const half = forecast(tape, this.#profile.prior, ratio);
      bits += 2 * half.bits;
      changes += 2 * half.changes;
    }
    return { bits, changes };
  }
}

/** What comes out of a picture: the body, and the fields with the cover's samples. */
export interface Extracted {
  readonly body: Body;
  readonly fields: readonly Field[];
}

export function fieldsOf(picture: Picture, shift: number): Field[] {
  const { width, height, depth } = picture;
  return carryingPlanes(picture).map((plane) => fieldOf(plane, width, height, depth, shift));
}

/** Undefined if the picture cannot hold the payload. */
export function embedCoded(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
): Picture | undefined {
  const needed = 8 * payload.length + OVERHEAD_BITS;
  const wanted = needed * MARGIN_FACTOR + MARGIN_BITS;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const survey = new Survey(cover, profile, shift);
    const found = findPrice((price) => survey.forecast(price).bits, wanted);
    let price = found ?? 0;
    // Without a promising price, price 0 is still tried if it may just suffice.
    if (found === undefined && survey.forecast(0).bits < needed) continue;
    for (;;) {
      const stego = tryEmbed(cover, payload, key, profile, shift, price, survey);
      if (stego !== undefined) return stego;
      if (price === 0) break;
      price = Math.floor(price * 0.97);
    }
  }
  return undefined;
}

/** Undefined if the layers, as they really came out, do not hold the payload at this price. */
function tryEmbed(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
  shift: number,
  price: number,
  survey: Survey,
): Picture | undefined {
  const stego = copyOf(cover);
  const ring = new HeaderRing(stego, key);
  const stack = stackOf({ ring: ring.read(), payload }, key);
  const rans = new Rans(STATE_START, stack);
  const fields = fieldsOf(cover, shift);
  const start = writeLayers(fields, profile, price, rans, () => stack.size === 0, survey);
  if (stack.size > 0) return undefined;
  carryingPlanes(stego).forEach((plane, index) => {
    storeInterior(fields[index] as Field, plane, shift);
  });
  ring.write(encodeHeader({ profile: profile.code, shift, price, start, state: rans.state }));
  return stego;
}

/** Writes all layers; the last one only until `isDone`. Returns where it was left, in steps. */
function writeLayers(
  fields: readonly Field[],
  profile: Profile,
  price: number,
  rans: Rans,
  isDone: () => boolean,
  survey: Survey,
): number {
  const layers = fields.flatMap((field) => [0, 1].map((parity) => ({ field, parity })));
  const coding = { prior: profile.prior, ratio: ratioOf(price) };
  let start = 0;
  layers.forEach(({ field, parity }, index) => {
    const isLast = index === layers.length - 1;
    const tape = index === 0 ? survey.firstTape : readLayer(field, parity, profile);
    const step = isLast ? startStep(field, parity) : Number.POSITIVE_INFINITY;
    start = writeLayer(field, parity, tape, coding, rans, { step, isDone }) / step;
  });
  return start;
}

/** Samples of the last layer from one possible start to the next. */
export function startStep(field: Field, parity: number): number {
  return Math.max(1, Math.ceil(layerSize(field, parity) / STARTS));
}

/** How far what a payload takes may lie from what another of its size takes, in √bits. */
const SPREAD = 4;

/**
 * Bytes of payload that `embedCoded` will hold, whatever they are. Measured by writing all layers
 * at price 0; a little is kept back, because payloads of one size do not all take the same.
 */
export function capacityCoded(cover: Picture, profile: Profile): number {
  let best = 0;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const survey = new Survey(cover, profile, shift);
    const random = new Keystream(new Uint8Array(32), 'capacity');
    const stack = new WordStack(new Uint16Array(0), (index) => random.wordAt(index));
    const rans = new Rans(STATE_START, stack);
    writeLayers(fieldsOf(cover, shift), profile, 0, rans, () => false, survey);
    const bits = Math.max(0, 16 * (stack.borrowed - stack.size));
    best = Math.max(best, Math.floor((bits - SPREAD * Math.sqrt(bits) - OVERHEAD_BITS) / 8));
  }
  return best;
}

/** Changed samples to expect for a payload of `payloadSize`. Undefined if it does not fit. */
export function forecastCoded(
  cover: Picture,
  payloadSize: number,
  profile: Profile,
): number | undefined {
  const survey = new Survey(cover, profile, 0);
  const needed = 8 * payloadSize + OVERHEAD_BITS;
  const price = findPrice((price) => survey.forecast(price).bits, needed);
  if (price === undefined) return undefined;
  const { bits, changes } = survey.forecast(price);
  return (changes * needed) / bits;
}

/** The inverse of `embedCoded`. Undefined if the coder does not end where it began. */
export function extractCoded(
  stego: Picture,
  key: Uint8Array,
  header: Header,
  profile: Profile,
): Extracted | undefined {
  const stack = new WordStack(new Uint16Array(0), () => 0);
  const rans = new Rans(header.state, stack);
  const fields = fieldsOf(stego, header.shift);
  const layers = fields.flatMap((field) => [0, 1].map((parity) => ({ field, parity })));
  const ratio = ratioOf(header.price);
  for (const [index, { field, parity }] of [...layers.entries()].reverse()) {
    const isLast = index === layers.length - 1;
    const from = isLast ? header.start * startStep(field, parity) : 0;
    restoreLayer(field, parity, profile, ratio, rans, from);
  }
  if (rans.state !== STATE_START || stack.borrowed > 0) return undefined;
  const body = decodeBody(bytesOf(stack.words()), key);
  return body === undefined ? undefined : { body, fields };
}
