/** Hides by bits-back coding, profiles fast and max. Pure: the given picture stays as it was. */
import { release } from '../bytes.ts';
import { type Body, bytesOf, decodeBody, OVERHEAD_BITS, stackOf } from './body.ts';
import { Keystream } from './chacha20.ts';
import { type End, easedPrice, stepOf, writeLast } from './ending.ts';
import { type Field, fieldOf, type Layer, layerSize, type OnRows, storeInterior } from './field.ts';
import { encodeHeader, type Header, HeaderRing } from './header.ts';
import {
  type Forecast,
  forecast,
  readLayer,
  releaseTape,
  restoreLayer,
  type Tape,
  WHOLE,
  writeLayer,
} from './layer.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { decodePrice, encodePrice, findPrice, ratioOf } from './price.ts';
import type { Profile } from './profile.ts';
import { Rans, STATE_START, WordStack } from './rans.ts';
import { PIXELS_TRIED_MAX } from './sizes.ts';

/** What later layers lose, because they are predicted from samples that have moved, and a little. */
const MARGIN_FACTOR = 1.04;
const MARGIN_BITS = 64;
/** How near to the best price a search has to come. */
const TOLERANCE = 1 / 64;
/** What looking at a tape costs, in readings of its layer. */
const LOOK_COST = 0.3;

const SHIFT_MAX = 7;

/** Where forecasts are worth nothing; each has half the λ of the one before, about, or less. */
const PRICES_TRIED = [2048, 1440, 1024, 720, 512, 256];
/** log2 3: a sample goes up, or down, or stays. */
const BITS_A_SAMPLE_MAX = 1.585;

/** Up to so many bits one layer a plane is enough, unless it changes this many times the samples. */
const SHORT_BITS = 1024;
const ONE_LAYER_COST = 1.1;

/** A cover that was looked at once, for one profile, shift and choice of layers. */
class Survey {
  readonly shift: number;
  readonly layers: readonly Layer[];
  readonly #tapes: readonly Tape[];
  readonly #profile: Profile;
  readonly onLook: () => void;
  /** Samples of all layers over those of the first. */
  readonly #factor: number;

  constructor(
    picture: Picture,
    profile: Profile,
    shift: number,
    layers: readonly Layer[],
    onRows?: OnRows,
  ) {
    // Looking is quick beside least squares, and counts there for nothing.
    this.onLook = () => onRows?.(profile.roughness ? 0 : LOOK_COST * picture.height);
    this.shift = shift;
    this.layers = layers;
    this.#profile = profile;
    const [first] = layers as [Layer];
    const sizes = layers.map((layer) => layerSize(picture, layer));
    this.#factor =
      sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, layerSize(picture, first));
    this.#tapes = fieldsOf(picture, shift, onRows).map((field) => {
      const tape = readLayer(field, first, profile);
      release(field.samples);
      return tape;
    });
  }

  /** The first layers as they will be written. */
  get tapes(): readonly Tape[] {
    return this.#tapes;
  }

  /** For all layers; those of a plane are as good as alike. */
  forecast(price: number): Forecast {
    const ratio = ratioOf(price);
    let bits = 0;
    let changes = 0;
    for (const tape of this.#tapes) {
      const one = forecast(tape, this.#profile.prior, ratio);
      this.onLook();
      bits += this.#factor * one.bits;
      changes += this.#factor * one.changes;
    }
    return { bits, changes };
  }

  /** Samples to change for so many bits at about the best price; undefined if there is no room. */
  cost(
    bits: number,
    tolerance?: number,
  ): { readonly price: number; readonly changes: number } | undefined {
    const best = findPrice((price) => this.forecast(price).bits, bits, tolerance);
    if (best === undefined) return undefined;
    const price = decodePrice(encodePrice(best));
    const found = this.forecast(price);
    return { price, changes: (found.changes * bits) / found.bits };
  }
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
  const stego = embedAsForecast(cover, payload, key, profile, onRows);
  const pixels = cover.width * cover.height;
  const most = pixels * carryingPlanes(cover).length * BITS_A_SAMPLE_MAX;
  if (stego !== undefined || pixels >= PIXELS_TRIED_MAX || 8 * payload.length > most) return stego;
  return embedByTrial(cover, payload, key, profile, onRows);
}

/**
 * Where the first layers hold much less than the others, as in a sensor's mosaic of colours, no
 * forecast is worth anything: prices are tried, the one that holds the most first.
 */
function embedByTrial(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
  onRows?: OnRows,
): Picture | undefined {
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const survey = new Survey(cover, profile, shift, profile.layers, onRows);
    const attempt = (price: number) =>
      tryEmbed(cover, payload, key, profile, price, survey, onRows);
    const holding = attempt(0);
    if (typeof holding === 'number') continue;
    for (const price of PRICES_TRIED) {
      const dearer = attempt(price);
      if (typeof dearer !== 'number') return dearer;
    }
    return holding;
  }
  return undefined;
}

function embedAsForecast(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
  onRows?: OnRows,
): Picture | undefined {
  const needed = 8 * payload.length + OVERHEAD_BITS;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    for (const { survey, start } of surveysFor(cover, profile, shift, needed, onRows)) {
      // Without a promising price, price 0 is still tried if it may just suffice.
      if (start === undefined && survey.forecast(0).bits * MARGIN_FACTOR + MARGIN_BITS < needed) {
        continue;
      }
      let missing = 0;
      for (let price = start ?? 0; ; ) {
        const result = tryEmbed(cover, payload, key, profile, price, survey, onRows);
        if (typeof result !== 'number') return result;
        if (price === 0) break;
        // What the layers held less than was forecast they will hold less again.
        missing += result + MARGIN_BITS;
        const next = survey.cost(needed * MARGIN_FACTOR + missing)?.price ?? 0;
        price = Math.min(next, decodePrice(encodePrice(price) - 1));
      }
    }
  }
  return undefined;
}

/** Which layers to write, and the price to begin with; undefined if there seems to be no room. */
interface Attempt {
  readonly survey: Survey;
  readonly start: number | undefined;
}

/** The best one first; one layer that does not hold what it promised leaves all of them to try. */
function surveysFor(
  cover: Picture,
  profile: Profile,
  shift: number,
  needed: number,
  onRows?: OnRows,
): readonly [Attempt, ...Attempt[]] {
  const wanted = needed * MARGIN_FACTOR + MARGIN_BITS;
  const all = new Survey(cover, profile, shift, profile.layers, onRows);
  const cost = all.cost(wanted, needed > SHORT_BITS ? TOLERANCE : undefined);
  const whole = { survey: all, start: cost?.price };
  if (cost === undefined || needed > SHORT_BITS) return [whole];
  const last = new Survey(cover, profile, shift, profile.layers.slice(-1), onRows);
  const shortCost = last.cost(wanted);
  return shortCost !== undefined && shortCost.changes <= ONE_LAYER_COST * cost.changes
    ? [{ survey: last, start: shortCost.price }, whole]
    : [whole];
}

const isWritten = ({ stack }: Rans) => stack.size === 0;

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
  const { shift, layers } = survey;
  const stack = stackOf({ ring: new HeaderRing(cover, key).read(), payload }, key);
  const rans = new Rans(STATE_START, stack);
  const fields = fieldsOf(cover, shift, onRows);
  const end = writeLayers(fields, profile, price, rans, survey, isWritten);
  const missing = 16 * stack.size;
  const oneLayer = layers.length < profile.layers.length;
  const header = {
    profile: profile.code,
    shift,
    price,
    oneLayer,
    state: rans.state,
    ...end,
  };
  const result = missing > 0 ? missing : stegoImage(cover, fields, key, header);
  for (const { samples } of fields) release(samples);
  return result;
}

/** Writes all layers, the last ones at a price of their own. */
function writeLayers(
  fields: readonly Field[],
  profile: Profile,
  price: number,
  rans: Rans,
  { layers, tapes: firstTapes, onLook: onTry }: Survey,
  isDone: (rans: Rans) => boolean,
): End {
  const { prior } = profile;
  const coding = { prior, ratio: ratioOf(price) };
  const last = layers.at(-1) as Layer;
  for (const layer of layers.slice(0, -1)) {
    for (const [plane, field] of fields.entries()) {
      const known = layer === layers[0] ? firstTapes[plane] : undefined;
      const tape = known ?? readLayer(field, layer, profile);
      writeLayer(field, layer, tape, coding, rans, WHOLE);
      // The first ones are needed again if this price does not hold the payload.
      if (known === undefined) releaseTape(tape);
    }
  }
  const known = last === layers[0];
  const tapes = known ? firstTapes : fields.map((field) => readLayer(field, last, profile));
  const end = writeLast({ fields, layer: last, tapes, prior, price, isDone, onTry }, rans);
  if (!known) for (const tape of tapes) releaseTape(tape);
  return end;
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
    const survey = new Survey(cover, profile, shift, profile.layers, onRows);
    const random = new Keystream(new Uint8Array(32), 'capacity');
    const stack = new WordStack(new Uint16Array(0), (index) => random.wordAt(index));
    const rans = new Rans(STATE_START, stack);
    writeLayers(fieldsOf(cover, shift, onRows), profile, 0, rans, survey, () => false);
    const bits = Math.max(0, 16 * (stack.borrowed - stack.size));
    best = Math.max(best, Math.floor((bits - SPREAD * Math.sqrt(bits) - OVERHEAD_BITS) / 8));
  }
  return best;
}

/**
 * Squared error to expect for a payload of `payloadSize`: changed samples, each times the square of
 * its step. Undefined if it does not fit.
 */
export function forecastCoded(
  cover: Picture,
  payloadSize: number,
  profile: Profile,
  onRows?: OnRows,
): number | undefined {
  const needed = 8 * payloadSize + OVERHEAD_BITS;
  for (let shift = 0; shift <= (cover.depth === 16 ? SHIFT_MAX : 0); shift++) {
    const [{ survey }] = surveysFor(cover, profile, shift, needed, onRows);
    const cost = survey.cost(needed);
    if (cost !== undefined) return cost.changes * 4 ** shift;
  }
  return undefined;
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
  const layers = profile.layers.slice(header.oneLayer ? -1 : 0);
  for (const layer of layers.toReversed()) {
    const isLast = layer === layers.at(-1);
    const ratio = ratioOf(isLast ? easedPrice(header.price, header.easing) : header.price);
    for (const [plane, field] of [...fields.entries()].reverse()) {
      const isVeryLast = isLast && plane === fields.length - 1;
      const from = isVeryLast ? header.start * stepOf(field, layer) : 0;
      restoreLayer(field, layer, profile, ratio, rans, from);
    }
  }
  if (rans.state !== STATE_START || stack.borrowed > 0) return undefined;
  const body = decodeBody(bytesOf(stack.words()), key);
  return body === undefined ? undefined : { body, fields };
}
