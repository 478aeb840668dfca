/**
 * What writing the first layer of each plane will cost the second: its samples stay, but what they
 * are predicted from has moved. Tried on a part of the picture, because nothing simpler tells it.
 */
import { Keystream } from './chacha20.ts';
import { fieldOf } from './field.ts';
import { forecast, readLayer, writeLayer } from './layer.ts';
import { carryingPlanes, type Picture } from './picture.ts';
import { ratioOf } from './price.ts';
import type { Profile } from './profile.ts';
import { Rans, STATE_START, WordStack } from './rans.ts';

/** Of so many rows one strip is tried. */
const PERIOD = 64;
const STRIP = 16;
/** Fewer bits tell nothing. */
const BITS_MIN = 64;
const [SHARE_MIN, SHARE_MAX] = [0.5, 1];
const WHOLE_LAYER = { step: Number.POSITIVE_INFINITY, isDone: () => false } as const;

/** Bits that the second layers will hold at this price, as a part of what the first ones hold. */
export function secondLayersShare(
  cover: Picture,
  profile: Profile,
  shift: number,
  price: number,
): number {
  const coding = { prior: profile.prior, ratio: ratioOf(price) };
  const bits = [0, 0] as [number, number];
  const random = new Keystream(new Uint8Array(32), 'trial');
  const words = new WordStack(new Uint16Array(0), (index) => random.wordAt(index));
  const rans = new Rans(STATE_START, words);
  for (const plane of carryingPlanes(cover)) {
    const strips = stripsOf(plane, cover.width, cover.height);
    const height = strips.length / cover.width;
    const field = fieldOf(strips, cover.width, height, cover.depth, shift);
    const first = readLayer(field, 0, profile);
    bits[0] += forecast(first, profile.prior, coding.ratio).bits;
    writeLayer(field, 0, first, coding, rans, WHOLE_LAYER);
    bits[1] += forecast(readLayer(field, 1, profile), profile.prior, coding.ratio).bits;
  }
  if (bits[0] < BITS_MIN) return 1;
  return Math.min(SHARE_MAX, Math.max(SHARE_MIN, bits[1] / bits[0]));
}

/** Every fourth part of the rows, in strips; all of a small picture. */
function stripsOf(plane: Uint16Array, width: number, height: number): Uint16Array {
  if (height < 2 * PERIOD) return plane;
  const strips = new Uint16Array(Math.floor(height / PERIOD) * STRIP * width);
  for (let y = PERIOD - STRIP, to = 0; to < strips.length; y += PERIOD, to += STRIP * width) {
    strips.set(plane.subarray(y * width, (y + STRIP) * width), to);
  }
  return strips;
}
