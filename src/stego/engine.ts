/** Payloads into pictures and out again, by any profile. Pure: the picture given stays as it was. */
import { release } from '../bytes.ts';
import { capacityCoded, embedCoded, extractCoded, forecastCoded } from './coded.ts';
import { StegoError } from './errors.ts';
import { type Field, HALVES, type OnRows, storeInterior } from './field.ts';
import { decodeHeader, HEADER_BITS, HeaderRing } from './header.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { PROFILES, type ProfileName } from './profile.ts';
import { capacityShifted, embedShifted, extractShifted, forecastShifted } from './shifted.ts';
import { PIXELS_TRIED_MAX } from './sizes.ts';

export const PROFILE_NAMES: readonly ProfileName[] = ['fast', 'max', 'integer'];

/**
 * @returns a stego picture that `extract` with the same key turns into payload and cover again.
 * @throws {StegoError} `capacity`; then nothing was made.
 */
export function embed(
  cover: Picture,
  payload: Uint8Array,
  key: Uint8Array,
  name: ProfileName,
  onProgress?: OnProgress,
): Picture {
  const { width, height } = cover;
  if (!canCarry(cover)) {
    throw new StegoError('capacity', `${width} × ${height} pixels are too few to hide anything`);
  }
  const onRows = counting(rowsOf(cover) * EMBED_WALKS[name], onProgress);
  const stego =
    name === 'integer'
      ? embedShifted(cover, payload, key, onRows)
      : embedCoded(cover, payload, key, PROFILES[name], onRows);
  if (stego !== undefined) return stego;
  throw new StegoError('capacity', `the picture cannot hold ${payload.length} bytes`);
}

/**
 * The inverse of `embed`. What it returns may still be an accident of one in 2^20 or so: only the
 * payload's own authentication is proof.
 * @throws {StegoError} `no_message` if this key never made this picture, or it changed since.
 */
export function extract(
  stego: Picture,
  key: Uint8Array,
  onProgress?: OnProgress,
): { readonly payload: Uint8Array; readonly cover: Picture } {
  if (!canCarry(stego)) throw noMessage();
  const header = decodeHeader(new HeaderRing(stego, key).read());
  // Only 16-bit pictures are ever shifted.
  if (header === undefined || (header.shift > 0 && stego.depth === 8)) throw noMessage();
  const coded = Object.values(PROFILES).find(({ code }) => code === header.profile);
  const layers = (coded?.layers ?? HALVES).slice(header.oneLayer ? -1 : 0);
  const walks = layers.reduce((sum, { step }) => sum + 1 / step, 0);
  const onRows = counting(rowsOf(stego) * walks, onProgress);
  const found =
    coded === undefined
      ? extractShifted(stego, key, header, onRows)
      : extractCoded(stego, key, header, coded, onRows);
  if (found === undefined) throw noMessage();
  const cover = copyOf(stego);
  const ring = new HeaderRing(cover, key);
  carryingPlanes(cover).forEach((plane, index) => {
    const field = found.fields[index] as Field;
    storeInterior(field, plane, header.shift);
    release(field.samples);
  });
  ring.write(found.body.ring);
  return { payload: found.body.payload, cover };
}

/** Bytes of payload that `embed` will hold, whatever they are. */
export function capacity(cover: Picture, name: ProfileName, onProgress?: OnProgress): number {
  if (!canCarry(cover)) return 0;
  const isTriedShifted = name !== 'integer' && cover.depth === 16;
  const walks = CAPACITY_WALKS * (isTriedShifted ? SHIFTS : 1);
  const onRows = counting(rowsOf(cover) * walks, onProgress);
  return name === 'integer'
    ? capacityShifted(cover, onRows)
    : capacityCoded(cover, PROFILES[name], onRows);
}

/**
 * Whether a payload that went in has more than `capacity` bytes: near its limit a picture holds a
 * little more or less by chance. Who refuses that has a limit that is exact.
 */
export function isBeyondCapacity(
  cover: Picture,
  stego: Picture,
  payloadSize: number,
  key: Uint8Array,
  name: ProfileName,
): boolean {
  const price = decodeHeader(new HeaderRing(stego, key).read())?.price ?? 0;
  const isLarge = cover.width * cover.height >= PIXELS_TRIED_MAX;
  const mayBeFlat = !isLarge && (payloadSize < SMALL || name === 'integer');
  return (
    price < (mayBeFlat ? PRICE_AT_MOST : PRICE_WITH_ROOM) && payloadSize > capacity(cover, name)
  );
}

/**
 * Who still asks so much for a change has room to spare: by bits-back coding even where all is
 * flat, if it is much; by shifting flat parts nobody ever asks PRICE_AT_MOST.
 */
const [PRICE_WITH_ROOM, PRICE_AT_MOST] = [1280, 1536];
/** Bytes of a payload. */
const SMALL = 256;

/** Decibels to expect. Undefined if a payload of that size does not fit. */
export function forecast_dB(
  cover: Picture,
  payloadSize: number,
  name: ProfileName,
  onProgress?: OnProgress,
): number | undefined {
  if (!canCarry(cover)) return undefined;
  const onRows = counting(rowsOf(cover) * FORECAST_WALKS, onProgress);
  const squares =
    name === 'integer'
      ? forecastShifted(cover, payloadSize)
      : forecastCoded(cover, payloadSize, PROFILES[name], onRows);
  if (squares === undefined) return undefined;
  const samples = cover.width * cover.height * carryingPlanes(cover).length;
  const peak = 2 ** cover.depth - 1;
  return 10 * Math.log10((peak * peak * samples) / (squares + HEADER_BITS / 7));
}

/** Hears what share of the work is done, 0 to 1, never falling; hundreds of times, not more. */
export type OnProgress = (share: number) => void;

/** Tells of a part of the work as of a part of the whole, and no more often than of a whole. */
export function part(onProgress: OnProgress | undefined, from: number, to: number) {
  if (onProgress === undefined) return undefined;
  let told = 0;
  return (share: number) => {
    if ((share - told) * (to - from) * TELLING < 1) return;
    told = share;
    onProgress(from + share * (to - from));
  };
}

/** Rows of a plane that embedding walks, in heights of the picture, if the first price holds. */
const EMBED_WALKS: Readonly<Record<ProfileName, number>> = { fast: 8.5, max: 3.75, integer: 18 };
/** The same of measuring: every layer is read and written; and of a forecast, which looks at one. */
const [CAPACITY_WALKS, FORECAST_WALKS] = [4, 4];
const SHIFTS = 8;
const TELLING = 256;

function counting(total: number, onProgress: OnProgress | undefined): OnRows | undefined {
  if (onProgress === undefined) return undefined;
  let [done, told] = [0, 0];
  return (count) => {
    done += count;
    // Seldom a price is tried again, and more is done than was foreseen.
    const share = Math.min(1, done / total);
    if ((share - told) * TELLING < 1) return;
    told = share;
    onProgress(share);
  };
}

function rowsOf(picture: Picture): number {
  return picture.height * carryingPlanes(picture).length;
}

function canCarry(picture: Picture): boolean {
  const { width, height } = picture;
  return HeaderRing.fits({ width, height, planes: carryingPlanes(picture).length });
}

function noMessage(): StegoError {
  return new StegoError(
    'no_message',
    'no message for this key: another key, a cover, or a picture that was changed since',
  );
}
