/** Takes a payload out of a picture's samples, and gives the cover back. Pure. */
import { bodyOf } from './body.ts';
import { fieldsOf, startStep } from './embed.ts';
import { StegoError } from './errors.ts';
import { type Field, storeInterior } from './field.ts';
import { decodeHeader, HeaderRing } from './header.ts';
import { restoreLayer } from './layer.ts';
import { carryingPlanes, copyOf, type Picture } from './picture.ts';
import { ratioOf } from './price.ts';
import { PROFILES } from './profile.ts';
import { Rans, STATE_START, WordStack } from './rans.ts';

export interface Extracted {
  readonly payload: Uint8Array;
  readonly cover: Picture;
}

/**
 * The inverse of `embed`. What it returns may still be an accident of one in 2^20 or so: only the
 * payload's own authentication is proof.
 * @throws {StegoError} `no_message` if this key never made this picture, or it changed since.
 */
export function extract(stego: Picture, key: Uint8Array): Extracted {
  const { width, height } = stego;
  const planes = carryingPlanes(stego).length;
  if (!HeaderRing.fits({ width, height, planes })) throw noMessage();
  const cover = copyOf(stego);
  const ring = new HeaderRing(cover, key);
  const header = decodeHeader(ring.read());
  const profile = Object.values(PROFILES).find(({ code }) => code === header?.profile);
  if (header === undefined || profile === undefined) throw noMessage();
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
  if (rans.state !== STATE_START || stack.borrowed > 0) throw noMessage();
  const body = bodyOf(stack.words(), key);
  if (body === undefined) throw noMessage();
  carryingPlanes(cover).forEach((plane, index) => {
    storeInterior(fields[index] as Field, plane, header.shift);
  });
  ring.write(body.ring);
  return { payload: body.payload, cover };
}

function noMessage(): StegoError {
  return new StegoError('no_message', 'there is no message for this key in this picture');
}
