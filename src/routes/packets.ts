/** `/packets`: the peer side, open to the network. PROTOCOL §3.1 gives each status. */
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import { release } from '../bytes.ts';
import { StoreError } from '../failures.ts';
import { type Messenger, UseCaseError } from '../messenger/index.ts';
import { BUNDLE_SIZE_MAX, RemoteProtocolError } from '../protocol/index.ts';
import { type Arrivals, network } from './arrivals.ts';
import { readBytes } from './body.ts';
import { PICTURE_LIMITS, PICTURE_TYPE } from './pictures.ts';
import { Problem } from './problem.ts';

export { BUNDLE_SIZE_MAX };

export const BUNDLE_TYPE = 'application/octet-stream';
const LIMITS = { sizeMax: BUNDLE_SIZE_MAX, deadline_ms: 10_000 };
const RETRY_AFTER_S = 5;

/** Pictures whose bytes are arriving, from all addresses together: each is held in memory. */
const PICTURES_ARRIVING_MAX = 4;

export interface PeerArrivals {
  readonly arrivals: Arrivals;
  /** Counted besides, when it is a picture. */
  readonly pictureArrivals: Arrivals;
}

/** One bundle; returns the one that goes back. @throws {Problem} or what is a mistake of ours */
export function takeBundle(
  request: IncomingMessage,
  messenger: Messenger,
  arrivals: Arrivals,
): Promise<Uint8Array> {
  return admitted(request, arrivals, async () => {
    const bundle = await readBytes(request, { ...LIMITS, room: arrivals.room });
    const reply = await messenger.receive(bundle);
    release(bundle);
    return reply;
  });
}

export function packets(
  messenger: Messenger,
  { arrivals, pictureArrivals }: PeerArrivals,
): Middleware {
  const picturesArriving = new Set<object>();
  const takePicture = async (ctx: Context) => {
    if (picturesArriving.size >= PICTURES_ARRIVING_MAX) throw busy();
    picturesArriving.add(ctx);
    try {
      const png = await readBytes(ctx.req, PICTURE_LIMITS);
      messenger.receivePicture(png, network(addressOf(ctx.req)));
      return new Uint8Array();
    } finally {
      picturesArriving.delete(ctx);
    }
  };
  const take = (ctx: Context) => {
    const type = ctx.get('content-encoding') === '' ? ctx.request.type : '';
    if (type === BUNDLE_TYPE) return takeBundle(ctx.req, messenger, arrivals);
    return admitted(ctx.req, arrivals, async () => {
      if (type !== PICTURE_TYPE) throw new Problem('unsupported_media_type');
      return admitted(ctx.req, pictureArrivals, () => takePicture(ctx));
    });
  };
  return async (ctx) => {
    const reply = await take(ctx);
    ctx.set('Content-Type', BUNDLE_TYPE);
    ctx.body = Buffer.from(reply.buffer, reply.byteOffset, reply.length);
  };
}

async function admitted<T>(
  request: IncomingMessage,
  arrivals: Arrivals,
  work: () => Promise<T>,
): Promise<T> {
  const arrival = arrivals.enter(addressOf(request));
  if (!arrival.admitted) {
    throw new Problem('too_many_requests', { retryAfter_s: arrival.retryAfter_s });
  }
  try {
    return await work();
  } catch (cause) {
    throw problemOf(cause);
  } finally {
    arrival.leave();
  }
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}

function busy(cause?: unknown): Problem {
  return new Problem('unavailable', { cause, retryAfter_s: RETRY_AFTER_S });
}

function problemOf(cause: unknown): unknown {
  if (cause instanceof RemoteProtocolError) return new Problem('malformed_bundle', { cause });
  const passes = cause instanceof StoreError || cause instanceof UseCaseError;
  return passes ? busy(cause) : cause;
}
