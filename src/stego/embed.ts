/** Hides a payload in a picture's samples. Pure: the given picture stays as it was. */
import { OVERHEAD_BITS, stackOf } from './body.ts';
import { StegoError } from './errors.ts';
import { type Field, fieldOf, layerSize, storeInterior } from './field.ts';
import { encodeHeader, HeaderRing, STARTS } from './header.ts';
import { type Forecast, forecast, readLayer, type Tape, writeLayer } from './layer.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { findPrice, ratioOf } from './price.ts';
import type { Profile } from './profile.ts';
import { Rans, STATE_START } from './rans.ts';

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
    this.#tapes = this.fields.map((field) => readLayer(field, 0, profile.predictor(field)));
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

export function fieldsOf(picture: Picture, shift: number): Field[] {
  const { width, height, depth } = picture;
  return carryingPlanes(picture).map((plane) => fieldOf(plane, width, height, depth, shift));
}

/**
 * @returns a stego picture that `extract` with the same key turns into payload and cover again.
 * @throws {StegoError} `capacity`; then nothing was made.
 */
export function embed(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  profile: Profile,
): Picture {
  const { width, height } = cover;
  const planes = carryingPlanes(cover).length;
  if (!HeaderRing.fits({ width, height, planes })) {
    throw new StegoError('capacity', `${width} × ${height} pixels are too few to hide anything`);
  }
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
  throw new StegoError('capacity', `the picture cannot hold ${payload.length} bytes`);
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
  const layers = fields.flatMap((field) => [0, 1].map((parity) => ({ field, parity })));
  const coding = { prior: profile.prior, ratio: ratioOf(price) };
  let start = 0;
  layers.forEach(({ field, parity }, index) => {
    const isFirst = index === 0;
    const isLast = index === layers.length - 1;
    const tape = isFirst ? survey.firstTape : readLayer(field, parity, profile.predictor(field));
    const step = isLast ? startStep(field, parity) : Number.POSITIVE_INFINITY;
    const from = writeLayer(field, parity, tape, coding, rans, {
      step,
      isDone: () => stack.size === 0,
    });
    if (isLast) start = from / step;
  });
  if (stack.size > 0) return undefined;
  carryingPlanes(stego).forEach((plane, index) => {
    storeInterior(fields[index] as Field, plane, shift);
  });
  ring.write(encodeHeader({ profile: profile.code, shift, price, start, state: rans.state }));
  return stego;
}

/** Samples of the last layer from one possible start to the next. */
export function startStep(field: Field, parity: number): number {
  return Math.max(1, Math.ceil(layerSize(field, parity) / STARTS));
}
