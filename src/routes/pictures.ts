/** `/pictures/…`: what a cover can hold. */
import { z } from 'zod';
import { readBytes } from './body.ts';
import { check } from './fields.ts';
import type { Route } from './route.ts';

/** A cover, or a picture that somebody has carried here. */
export const PICTURE_LIMITS = { sizeMax: 32 * 1024 * 1024, deadline_ms: 120_000 };

const CapacityFields = z.strictObject({
  /** Bytes of the text that is to go in. */
  size: z.coerce
    .number()
    .int()
    .min(1)
    .max(16 * 1024 * 1024)
    .exactOptional(),
});

/** The body is the PNG. */
export const coverCapacity: Route = async (ctx, messenger) => {
  const fields = check(CapacityFields, { ...ctx.query });
  const cover = await readBytes(ctx.req, PICTURE_LIMITS);
  const { bitsPerSample, pixelsNeeded, ...forecast } = await messenger.forecastCover({
    cover,
    ...fields,
  });
  ctx.body = {
    ...forecast,
    ...(bitsPerSample !== undefined && { bits_per_sample: bitsPerSample }),
    ...(pixelsNeeded !== undefined && { pixels_needed: pixelsNeeded }),
  };
};
