/** Request bodies: every read has a size limit and a deadline. */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { isInCrumbs, release } from '../bytes.ts';
import { Problem } from './problem.ts';
import type { Room } from './room.ts';

const RETRY_AFTER_S = 5;

export interface WholeBodyLimits {
  readonly sizeMax: number;
  /** From now until the last byte. */
  readonly deadline_ms: number;
  /** Where others have a say in how much of it is held. */
  readonly room?: Room;
}

export interface StreamedBodyLimits {
  readonly sizeMax: number;
  /** The longest silence between two chunks. */
  readonly idle_ms: number;
}

/**
 * Who sends it in crumbs is cut.
 * @throws {Problem} `too_large`, `body_timeout`, `unavailable` if there is no room, or
 * `invalid_request` if the client hung up.
 */
export async function readBytes(
  request: IncomingMessage,
  limits: WholeBodyLimits,
): Promise<Uint8Array> {
  // A small body comes with its head: then it is here once that has been dealt with.
  await Promise.resolve();
  return whole(request, limits.sizeMax) ?? readArriving(request, limits);
}

/** All of it, if all of it is here. Node calls a request complete a little later. */
function whole(request: IncomingMessage, sizeMax: number): Uint8Array | undefined {
  const size = request.readableLength;
  const isHere = request.complete || (size > 0 && size === declaredSize(request));
  if (!isHere || size > sizeMax) return undefined;
  const body: Uint8Array | null = request.read();
  // To its end, which is noticed only by who reads on.
  request.resume();
  return body ?? new Uint8Array();
}

function readArriving(
  request: IncomingMessage,
  { sizeMax, deadline_ms, room }: WholeBodyLimits,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  if (declaredSize(request) > sizeMax) reject(tooLarge(sizeMax));
  const chunks: Uint8Array[] = [];
  let whole: Uint8Array | undefined;
  let size = 0;
  const onData = (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > sizeMax) return reject(tooLarge(sizeMax));
    chunks.push(chunk);
    room?.hold(request, size, () => reject(noRoom()));
    if (isInCrumbs(chunks.length, size)) request.destroy();
  };
  const onEnd = () => {
    // Comes in the same turn, and would make an error for nobody.
    request.off('close', onGone);
    whole = joined(chunks);
    resolve(whole);
  };
  const onGone = () => reject(hungUp());
  const timer = setTimeout(() => reject(new Problem('body_timeout')), deadline_ms);
  request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  return promise.finally(() => {
    clearTimeout(timer);
    room?.leave(request);
    // The collector would come for them when there are many more; what is whole owns its chunks.
    for (const chunk of chunks) if (chunk !== whole) release(chunk);
    request.off('data', onData).off('end', onEnd).off('close', onGone);
    request.pause(); // 'error' stays listened to: a client may still hang up.
  });
}

/** One byte string of its own, or the only chunk. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  return Buffer.concat(chunks);
}

/**
 * The body as it arrives, with backpressure.  What is left unread stays unread.
 * @throws {Problem} `too_large`, `body_timeout`, or `invalid_request` if the client hung up.
 */
export async function* readChunks(
  request: IncomingMessage,
  { sizeMax, idle_ms }: StreamedBodyLimits,
): AsyncIterable<Uint8Array> {
  if (declaredSize(request) > sizeMax) throw tooLarge(sizeMax);
  // Destroying the request would take the connection along, and with it the answer.
  const chunks: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await within(idle_ms, chunks.next());
      if (done) return;
      size += value.length;
      if (size > sizeMax) throw tooLarge(sizeMax);
      yield value;
    }
  } finally {
    // Else `hearOut` could not read on. It may wait for a chunk that never comes.
    void chunks.return?.().catch(() => undefined);
  }
}

async function within<T>(idle_ms: number, next: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Problem('body_timeout')), idle_ms);
  try {
    return await Promise.race([next, promise]);
  } catch (cause) {
    throw cause instanceof Problem ? cause : hungUp();
  } finally {
    clearTimeout(timer);
  }
}

const HEAR_OUT_MS = 2_000;

/**
 * Many clients read the answer only after they have written everything, and find a broken
 * connection if it was closed before. So a refused body is read on for a while, and thrown away.
 * Goes around everything that answers.
 */
export const hearOut: Middleware = async (ctx, next) => {
  await next();
  // Of one that is all here, too, something may stand in front of the next request.
  if (ctx.req.complete) ctx.req.resume();
  else if (ctx.status !== 408) await discard(ctx.req);
  if (!ctx.req.complete) ctx.set('Connection', 'close');
};

async function discard(request: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  const timer = setTimeout(done, HEAR_OUT_MS);
  let [pieces, size] = [0, 0];
  request.on('end', done).on('error', done).on('close', done);
  request.on('data', (chunk: Uint8Array) => {
    [pieces, size] = [pieces + 1, size + chunk.length];
    if (isInCrumbs(pieces, size)) request.destroy();
    release(chunk);
  });
  // A listener alone does not: whoever refused it has paused it.
  request.resume();
  await promise;
  clearTimeout(timer);
  request.pause();
}

/** Content-Length, or 0 if the client does not know it yet. */
function declaredSize(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

function tooLarge(sizeMax: number): Problem {
  const detail = `The body is larger than ${sizeMax} bytes, which is the most this route takes.`;
  return new Problem('too_large', { detail });
}

function noRoom(): Problem {
  const detail = 'Too many bodies are arriving, and this one has been at it the longest.';
  return new Problem('unavailable', { detail, retryAfter_s: RETRY_AFTER_S });
}

function hungUp(): Problem {
  return new Problem('invalid_request', { detail: 'The connection closed before the body ended.' });
}
