/** `/receive`: takes a letter, bare or in a picture, that a person has carried here, PROTOCOL §9. */
import { readBytes } from './body.ts';
import { decibels, PICTURE_LIMITS } from './pictures.ts';
import type { Route } from './route.ts';

/** A PNG's signature; no letter begins so, whose first packet is longer than 35,000 bytes then. */
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Of a letter less is taken, but what it is stands in the body. */
export const receive: Route = async (ctx, messenger) => {
  const body = await readBytes(ctx.req, PICTURE_LIMITS);
  if (!SIGNATURE.every((byte, index) => body[index] === byte)) {
    ctx.body = await messenger.readLetter(body);
    return;
  }
  const { from, messages, cover } = await messenger.readPicture(body);
  const { id, sha256 } = cover;
  ctx.body = {
    from,
    messages,
    cover: { id, sha256, psnr_dB: decibels(cover.psnr_dB), content: `/covers/${id}` },
  };
};
