/** `/packets`: the peer side, open to the network. PROTOCOL §3.1 gives each status. */
import type { Middleware } from 'koa';
import { StoreError } from '../failures.ts';
import { type Messenger, UseCaseError } from '../messenger/index.ts';
import { RemoteProtocolError } from '../protocol/index.ts';
import type { Arrivals } from './arrivals.ts';
import { readBytes } from './body.ts';
import { Problem } from './problem.ts';

const BUNDLE_TYPE = 'application/octet-stream';
const LIMITS = { sizeMax: 1_048_576, deadline_ms: 10_000 };
const RETRY_AFTER_S = 5;

export function packets(messenger: Messenger, arrivals: Arrivals): Middleware {
  return async (ctx) => {
    const arrival = arrivals.enter(ctx.req.socket.remoteAddress ?? '');
    if (!arrival.admitted) {
      throw new Problem('too_many_requests', { retryAfter_s: arrival.retryAfter_s });
    }
    try {
      const isBundle = ctx.request.type === BUNDLE_TYPE && ctx.get('content-encoding') === '';
      if (!isBundle) throw new Problem('unsupported_media_type');
      const reply = await receive(messenger, await readBytes(ctx.req, LIMITS));
      ctx.body = Buffer.from(reply.buffer, reply.byteOffset, reply.length);
      ctx.type = BUNDLE_TYPE;
    } finally {
      arrival.leave();
    }
  };
}

async function receive(messenger: Messenger, bundle: Uint8Array): Promise<Uint8Array> {
  try {
    return await messenger.receive(bundle);
  } catch (cause) {
    if (cause instanceof RemoteProtocolError) throw new Problem('malformed_bundle', { cause });
    const passes = cause instanceof StoreError || cause instanceof UseCaseError;
    throw passes ? new Problem('unavailable', { cause, retryAfter_s: RETRY_AFTER_S }) : cause;
  }
}
