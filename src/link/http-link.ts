/**
 * A link over HTTP, PROTOCOL §3.1: one POST carries a bundle out, its answer brings one back.
 *
 * The address comes from a person or from another peer, so nothing it answers is trusted: every
 * wait has a deadline, the answer has a size limit, and a redirect is an answer like any other
 * wrong one. A bundle is never sent twice here; the messenger knows what may be repeated.
 */
import type { Readable } from 'node:stream';
import type { Agent } from 'undici';
import { release } from '../bytes.ts';
import { LinkError } from '../failures.ts';
import type { Link } from '../messenger/index.ts';
import { knownReason, systemCode } from '../reasons.ts';
import { type Answer, HttpExchange } from './http-exchange.ts';

const BUNDLE_TYPE = 'application/octet-stream';
/** From here on a bundle's memory is given back at once. Above what a socket buffers unasked. */
const PASSED_SIZE_MIN = 131_072;
const RETRY_AFTER_MAX_MS = 3_600_000;
const STOPPING = 'this peer is stopping';

export interface HttpLinkLimits {
  readonly connect_ms: number;
  /** From the last byte sent until the answer's head. */
  readonly headers_ms: number;
  /** Between two pieces of the answer's body. */
  readonly body_ms: number;
  /** The whole exchange: a server that drips bytes does not hold a delivery for ever. */
  readonly exchange_ms: number;
  /** The same for a picture, which may be thirty times as large. */
  readonly picture_ms: number;
  /** Bytes of the bundle that comes back, PROTOCOL §3. */
  readonly answerSizeMax: number;
  readonly connectionsPerOrigin: number;
  /** Addresses with open connections. */
  readonly originsMax: number;
  /** Exchanges under way to all addresses together. */
  readonly exchangesMax: number;
}

const LIMITS: HttpLinkLimits = {
  connect_ms: 5_000,
  headers_ms: 15_000,
  body_ms: 10_000,
  exchange_ms: 30_000,
  picture_ms: 150_000,
  answerSizeMax: 1_048_576,
  connectionsPerOrigin: 4,
  originsMax: 256,
  exchangesMax: 1_024,
};

export class HttpLink implements Link {
  readonly #limits: HttpLinkLimits;
  /** Made, and its library loaded, with the first exchange: a peer that listens needs neither. */
  #agent: Promise<Agent> | undefined;
  #isClosed = false;
  readonly #underWay = new Set<HttpExchange>();

  constructor(limits: Partial<HttpLinkLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  async exchange(
    address: string,
    bundle: Uint8Array,
    options: { readonly mediaType?: 'application/octet-stream' | 'image/png' } = {},
  ): Promise<Uint8Array> {
    if (this.#isClosed) throw new LinkError('unreachable', STOPPING);
    const agent = await this.#open();
    if (this.#underWay.size >= this.#limits.exchangesMax) {
      throw new LinkError('busy', `too many exchanges under way, ${address} has to wait`);
    }
    const exchange = new HttpExchange();
    const { exchange_ms, picture_ms } = this.#limits;
    const deadline_ms = options.mediaType === 'image/png' ? picture_ms : exchange_ms;
    const timer = setTimeout(() => exchange.abort(late(address)), deadline_ms);
    this.#underWay.add(exchange);
    try {
      agent.dispatch(requestOf(address, bundle, options.mediaType ?? BUNDLE_TYPE), exchange);
      return taken(address, await exchange.answer);
    } catch (error) {
      throw failure(address, error);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(exchange);
    }
  }

  /** Finishes exchanges under way, those that end within `grace_ms`, and starts no other. */
  async close(grace_ms: number): Promise<void> {
    const stopping = new LinkError('unreachable', STOPPING);
    const timer = setTimeout(() => {
      for (const exchange of this.#underWay) exchange.abort(stopping);
    }, grace_ms);
    this.#isClosed = true;
    const agent = await this.#agent?.catch(() => undefined);
    await agent?.close();
    clearTimeout(timer);
  }

  /** Its library is read from the disk: that fails where no descriptor is left, and later does not. */
  async #open(): Promise<Agent> {
    this.#agent ??= open(this.#limits);
    const opening = this.#agent;
    try {
      return await opening;
    } catch (cause) {
      if (this.#agent === opening) this.#agent = undefined;
      throw new LinkError('unreachable', 'this peer can call nobody at present', { cause });
    }
  }
}

async function open(limits: HttpLinkLimits): Promise<Agent> {
  const { Agent } = await import('undici');
  return new Agent({
    allowH2: false,
    connect: { timeout: limits.connect_ms },
    headersTimeout: limits.headers_ms,
    bodyTimeout: limits.body_ms,
    maxResponseSize: limits.answerSizeMax,
    connections: limits.connectionsPerOrigin,
    maxOrigins: limits.originsMax,
    maxHeaderSize: 16_384,
  });
}

function requestOf(address: string, bundle: Uint8Array, mediaType: string) {
  const headers = {
    'content-type': mediaType,
    accept: BUNDLE_TYPE,
    'content-length': String(bundle.length),
  };
  const isLarge = mediaType === BUNDLE_TYPE && bundle.length > PASSED_SIZE_MIN;
  const body = isLarge ? passing(bundle) : bundle;
  return { origin: address, path: '/packets', method: 'POST', headers, body } as const;
}

/** A socket asks for the next piece when it has written this one: nobody reads it any more. */
function passing(bundle: Uint8Array): Readable {
  async function* once() {
    yield bundle;
    release(bundle);
  }
  // The documentation takes iterables, the types do not. A Readable would ask too early.
  return once() as unknown as Readable;
}

function late(address: string): LinkError {
  return new LinkError('timeout', `${address} did not answer in time`);
}

/** @throws {LinkError} unless it is a bundle. */
function taken(address: string, answer: Answer): Uint8Array {
  const wrong = wrongAnswer(address, answer);
  if (wrong !== undefined) throw wrong;
  return answer.body;
}

function wrongAnswer(address: string, { status, headers }: Answer): LinkError | undefined {
  if (status === 429 || status === 503) {
    const retryAfter_ms = parseRetryAfter(headers['retry-after']);
    const options = retryAfter_ms === undefined ? {} : { retryAfter_ms };
    return new LinkError('busy', `${address} asks for patience (${status})`, options);
  }
  if (status === 408) return new LinkError('timeout', `${address} waited too long for the bundle`);
  if (status !== 200) return new LinkError('rejected', `${address} answered ${status}`);
  const type = String(headers['content-type'] ?? '').split(';', 1)[0];
  if (type?.trim().toLowerCase() === BUNDLE_TYPE) return undefined;
  return new LinkError('rejected', `${address} answered something else than a bundle`);
}

/** Seconds or a date, RFC 9110 §10.2.3; at most an hour, so that nobody silences us for good. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '') return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

/** Errors of the library. */
const TIMEOUTS = ['HeadersTimeoutError', 'BodyTimeoutError'];
const BREAKS = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];
const MISBEHAVIOURS = [
  'ResponseExceededMaxSizeError',
  'HeadersOverflowError',
  'HTTPParserError',
  'CrumbsError',
];

function failure(address: string, cause: unknown): unknown {
  if (cause instanceof LinkError) return cause;
  if (!(cause instanceof Error)) return cause;
  if (cause.name === 'InvalidArgumentError') return cause; // Our bug: let it stay one.
  if (TIMEOUTS.includes(cause.name)) {
    return new LinkError('timeout', `${address} did not answer in time`, { cause });
  }
  if (MISBEHAVIOURS.includes(cause.name)) {
    return new LinkError('rejected', `${address} answered something else than a bundle`, { cause });
  }
  const reason = knownReason(cause) ?? cause.message;
  const isBroken = BREAKS.includes(systemCode(cause) ?? '');
  return new LinkError(
    isBroken ? 'broken' : 'unreachable',
    `${address} cannot be reached: ${reason}`,
    { cause },
  );
}
