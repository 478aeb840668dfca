/** Hides by bits-back coding, profiles fast and max. Pure: the given picture stays as it was. */
import { release } from '../bytes.ts';
import { type Body, bytesOf, decodeBody, OVERHEAD_BITS, stackOf } from './body.ts';
import { Keystream } from './chacha20.ts';
import { type Field, fieldOf, layerSize, type OnRows, storeInterior } from './field.ts';
import { encodeHeader, type Header, HeaderRing, STARTS } from './header.ts';
import {
  type Forecast,
  forecast,
  readLayer,
  releaseTape,
  restoreLayer,
  type Tape,
  writeLayer,
} from './layer.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { findPrice, PRICE_MAX, ratioOf } from './price.ts';
import type { Profile } from './profile.ts';
import { Rans, STATE_START, WordStack } from './rans.ts';
import { secondLayersShare } from './trial.ts';

/** Extra room to plan for: forecasts are means, and the second parity is taken for the first. */
const MARGIN_FACTOR = 1.04;
const MARGIN_BITS = 64;
/** How near to the best price a search has to come, and the step that tells how bits fall there. */
const TOLERANCE = 1 / 64;
/** What looking at a tape costs, in readings of its layer. */
const LOOK_COST = 0.3;
const STEP = 1 / 32;

const SHIFT_MAX = 7;

/** Up to so many bits one layer a plane is enough, unless it changes this many times the samples. */
const SHORT_BITS = 1024;
const ONE_LAYER_COST = 1.1;

/** The layers of a plane that carry. */
type Parities = readonly [0, 1] | readonly [1];
const BOTH: Parities = [0, 1];
const SECOND: Parities = [1];

/** A cover that was looked at once, for one profile, shift and choice of layers. */
class Survey {
  readonly shift: number;
  readonly parities: Parities;
  readonly #tapes: readonly Tape[];
  readonly #profile: Profile;
  readonly #onLook: () => void;

  constructor(
    picture: Picture,
    profile: Profile,
    shift: number,
    parities: Parities,
    onRows?: OnRows,
  ) {
    // Looking is quick beside least squares, and counts there for nothing.
    this.#onLook = () => onRows?.(profile.solves ? 0 : LOOK_COST * picture.height);
    this.shift = shift;
    this.parities = parities;
    this.#profile = profile;
    this.#tapes = fieldsOf(picture, shift, onRows).map((field) => {
      const tape = readLayer(field, parities[0], profile);
      release(field.samples);
      return tape;
    });
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
      const one = forecast(tape, this.#profile.prior, ratio);
      this.#onLook();
      bits += this.parities.length * one.bits;
      changes += this.parities.length * one.changes;
    }
    return { bits, changes };
  }

  /** Samples to change for so many bits at about the best price; undefined if there is no room. */
  cost(
    bits: number,
    tolerance?: number,
  ): { readonly price: number; readonly changes: number } | undefined {
    const price = findPrice((price) => this.forecast(price).bits, bits, tolerance);
    if (price === undefined) return undefined;
    const found = this.forecast(price);
    return { price, changes: (found.changes * bits) / found.bits };
  }
}

/**
 * The price for so many bits, from one nearby: the
 * logarithm of the bits falls in a straight line, nearly. The second
 * layers are tried, because most pictures that fail fail by what they lose.
 */
function refined(cover: Picture, profile: Profile, survey: Survey, near: number, needed: number) {
  if (near === 0 || needed <= SHORT_BITS) return near;
  const wanted = needed * MARGIN_FACTOR + MARGIN_BITS;
  const share =
    survey.parities === BOTH ? secondLayersShare(cover, profile, survey.shift, near) : 1;
  const lower = Math.floor(near * (1 - STEP));
  const [here, there] = [survey.forecast(near).bits, survey.forecast(lower).bits];
  const excess = Math.log((here * (1 + share)) / 2 / wanted);
  const price = near + ((near - lower) * excess) / Math.max(1e-3, Math.log(there / here));
  return Math.round(Math.min(PRICE_MAX, Math.max(0, near * (1 - 4 * STEP), price)));
}

/** What comes out of a picture: the body, and the fields with the cover's samples. */
export interface Extracted {
  readonly body: Body;
  readonly fields: readonly Field[];
}

export function fieldsOf(picture: Picture, shift: number, onRows?: OnRows): Field[] {
  const { width, height, depth } = picture;
  return carryingPlanes(picture).map((plane) =>
    fieldOf(plane, width, height, depth, shift, onRows),
  );
}

/**
 * The cover with what its fields became, and the header. Only here a second picture is made: while
 * layers are written, the largest ones leave no memory for it.
 */
export function stegoImage(
  cover: Picture,
  fields: readonly Field[],
  key: Uint8Array,
  header: Header,
): Picture {
  const stego = copyOf(cover);
  carryingPlanes(stego).forEach((plane, index) => {
    storeInterior(fields[index] as Field, plane, header.shift);
  });
  new HeaderRing(stego, key).write(encodeHeader(header));
  return stego;
}

/** Undefined if the picture cannot hold the payload. */
export function embedCoded(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
  onRows?: OnRows,
): Picture | undefined {
  const needed = 8 * payload.length + OVERHEAD_BITS;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const [survey, start] = bestSurvey(cover, profile, shift, needed, onRows);
    // Without a promising price, price 0 is still tried if it may just suffice.
    if (start === undefined && survey.forecast(0).bits < needed) continue;
    let missing = 0;
    for (let price = refined(cover, profile, survey, start ?? 0, needed); ; ) {
      const result = tryEmbed(cover, payload, key, profile, price, survey, onRows);
      if (typeof result !== 'number') return result;
      if (price === 0) break;
      // What the layers held less than was forecast they will hold less again.
      missing += result + MARGIN_BITS;
      const next = survey.cost(needed * MARGIN_FACTOR + missing)?.price ?? 0;
      price = Math.min(next, Math.floor(price * 0.99));
    }
  }
  return undefined;
}

/** Which layers to write, and the price to begin with; undefined if there seems to be no room. */
function bestSurvey(
  cover: Picture,
  profile: Profile,
  shift: number,
  needed: number,
  onRows?: OnRows,
): readonly [Survey, number | undefined] {
  const wanted = needed * MARGIN_FACTOR + MARGIN_BITS;
  const both = new Survey(cover, profile, shift, BOTH, onRows);
  const cost = both.cost(wanted, needed > SHORT_BITS ? TOLERANCE : undefined);
  if (cost === undefined || needed > SHORT_BITS) return [both, cost?.price];
  const second = new Survey(cover, profile, shift, SECOND, onRows);
  const shortCost = second.cost(wanted);
  return shortCost !== undefined && shortCost.changes <= ONE_LAYER_COST * cost.changes
    ? [second, shortCost.price]
    : [both, cost.price];
}

/** The bits that are missing if the layers, as they really came out, do not hold the payload. */
function tryEmbed(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
  price: number,
  survey: Survey,
  onRows?: OnRows,
): Picture | number {
  const { shift, parities } = survey;
  const stack = stackOf({ ring: new HeaderRing(cover, key).read(), payload }, key);
  const rans = new Rans(STATE_START, stack);
  const fields = fieldsOf(cover, shift, onRows);
  const start = writeLayers(fields, profile, price, rans, () => stack.size === 0, survey);
  const missing = 16 * stack.size;
  const oneLayer = parities === SECOND;
  const { state } = rans;
  const header = { profile: profile.code, shift, price, start, oneLayer, state };
  const result = missing > 0 ? missing : stegoImage(cover, fields, key, header);
  for (const { samples } of fields) release(samples);
  return result;
}

interface Layer {
  readonly field: Field;
  readonly parity: number;
}

/** In the order of writing. */
function layersOf(fields: readonly Field[], parities: Parities): Layer[] {
  return fields.flatMap((field) => parities.map((parity) => ({ field, parity })));
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
  const layers = layersOf(fields, survey.parities);
  const coding = { prior: profile.prior, ratio: ratioOf(price) };
  let start = 0;
  layers.forEach(({ field, parity }, index) => {
    const isLast = index === layers.length - 1;
    const tape = index === 0 ? survey.firstTape : readLayer(field, parity, profile);
    const step = isLast ? startStep(field, parity) : Number.POSITIVE_INFINITY;
    start = writeLayer(field, parity, tape, coding, rans, { step, isDone }) / step;
    // The first one is needed again if this price does not hold the payload.
    if (index > 0) releaseTape(tape);
  });
  return start;
}

/** Samples of the last layer from one possible start to the next. */
export function startStep(field: Field, parity: number): number {
  return Math.max(1, Math.ceil(layerSize(field, parity) / STARTS));
}

/** How far what a payload takes may lie from what another of its size takes, in √bits. */
const SPREAD = 2;

/**
 * Bytes of payload that `embedCoded` will hold, whatever they are. Measured by writing all layers
 * at price 0; a little is kept back, because payloads of one size do not all take the same.
 */
export function capacityCoded(cover: Picture, profile: Profile, onRows?: OnRows): number {
  let best = 0;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const survey = new Survey(cover, profile, shift, BOTH, onRows);
    const random = new Keystream(new Uint8Array(32), 'capacity');
    const stack = new WordStack(new Uint16Array(0), (index) => random.wordAt(index));
    const rans = new Rans(STATE_START, stack);
    writeLayers(fieldsOf(cover, shift, onRows), profile, 0, rans, () => false, survey);
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
  onRows?: OnRows,
): number | undefined {
  const needed = 8 * payloadSize + OVERHEAD_BITS;
  const [survey] = bestSurvey(cover, profile, 0, needed, onRows);
  return survey.cost(needed)?.changes;
}

/** The inverse of `embedCoded`. Undefined if the coder does not end where it began. */
export function extractCoded(
  stego: Picture,
  key: Uint8Array,
  header: Header,
  profile: Profile,
  onRows?: OnRows,
): Extracted | undefined {
  const stack = new WordStack(new Uint16Array(0), () => 0);
  const rans = new Rans(header.state, stack);
  const fields = fieldsOf(stego, header.shift, onRows);
  const layers = layersOf(fields, header.oneLayer ? SECOND : BOTH);
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
