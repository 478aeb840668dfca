/** `/receive`: takes a letter file that a person has carried here, PROTOCOL §9. */
import { readBytes } from './body.ts';
import type { Route } from './route.ts';

/** 16 MiB of packets, and the length before each: at least 512 bytes of packet to 2 of length. */
const LIMITS = { sizeMax: 16 * 1024 * 1024 + 64 * 1024, deadline_ms: 60_000 };

export const receive: Route = async (ctx, messenger) => {
  ctx.body = await messenger.readLetter(await readBytes(ctx.req, LIMITS));
};
