/** Payloads into pictures and out again, by any profile. Pure: the picture given stays as it was. */
import { capacityCoded, embedCoded, extractCoded, forecastCoded } from './coded.ts';
import { StegoError } from './errors.ts';
import { type Field, storeInterior } from './field.ts';
import { decodeHeader, HEADER_BITS, HeaderRing } from './header.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { PROFILES, type ProfileName } from './profile.ts';
import { capacityShifted, embedShifted, extractShifted, forecastShifted } from './shifted.ts';

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
): Picture {
  const { width, height } = cover;
  if (!canCarry(cover)) {
    throw new StegoError('capacity', `${width} × ${height} pixels are too few to hide anything`);
  }
  const stego =
    name === 'integer'
      ? embedShifted(cover, payload, key)
      : embedCoded(cover, payload, key, PROFILES[name]);
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
): { readonly payload: Uint8Array; readonly cover: Picture } {
  if (!canCarry(stego)) throw noMessage();
  const cover = copyOf(stego);
  const ring = new HeaderRing(cover, key);
  const header = decodeHeader(ring.read());
  // Only 16-bit pictures are ever shifted.
  if (header === undefined || (header.shift > 0 && stego.depth === 8)) throw noMessage();
  const coded = Object.values(PROFILES).find(({ code }) => code === header.profile);
  const found =
    coded === undefined
      ? extractShifted(stego, key, header)
      : extractCoded(stego, key, header, coded);
  if (found === undefined) throw noMessage();
  carryingPlanes(cover).forEach((plane, index) => {
    storeInterior(found.fields[index] as Field, plane, header.shift);
  });
  ring.write(found.body.ring);
  return { payload: found.body.payload, cover };
}

/** Bytes of payload that `embed` will hold, whatever they are. */
export function capacity(cover: Picture, name: ProfileName): number {
  if (!canCarry(cover)) return 0;
  return name === 'integer' ? capacityShifted(cover) : capacityCoded(cover, PROFILES[name]);
}

/** Decibels to expect. Undefined if a payload of that size does not fit, or only in coarse steps. */
export function forecast_dB(
  cover: Picture,
  payloadSize: number,
  name: ProfileName,
): number | undefined {
  if (!canCarry(cover)) return undefined;
  const changes =
    name === 'integer'
      ? forecastShifted(cover, payloadSize)
      : forecastCoded(cover, payloadSize, PROFILES[name]);
  if (changes === undefined) return undefined;
  const samples = cover.width * cover.height * carryingPlanes(cover).length;
  const peak = 2 ** cover.depth - 1;
  return 10 * Math.log10((peak * peak * samples) / (changes + HEADER_BITS / 7));
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
