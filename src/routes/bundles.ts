/**
 * The short way of a bundle. Most that a peer is asked are exchanges of a hundred bytes, of which a
 * whole fleet's come at once; through Koa one costs twice the computing. Only what succeeds is
 * answered here: Koa says what went wrong, and takes whatever does not look as every peer sends it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nameOf } from '../bytes.ts';
import type { Log, Messenger } from '../messenger/index.ts';
import type { Arrivals } from './arrivals.ts';
import type { Meters } from './meters.ts';
import { BUNDLE_TYPE, takeBundle } from './packets.ts';
import { logRequest } from './request-log.ts';

/** Nearly each answer is a packet or two, in bytes. */
const SMALL_SIZE = 1_024;

/** What went wrong with a request, for who answers it then. */
export type Failures = WeakMap<IncomingMessage, { readonly cause: unknown }>;

export interface BundleSide {
  readonly messenger: Messenger;
  readonly log: Log;
  readonly meters: Meters;
  readonly arrivals: Arrivals;
  readonly failures: Failures;
  /** Koa. */
  readonly onOther: (request: IncomingMessage, response: ServerResponse) => unknown;
}

/** The very head that peers send. */
export function isBundle({ method, url, headers }: IncomingMessage): boolean {
  return (
    method === 'POST' &&
    url === '/packets' &&
    headers['content-type'] === BUNDLE_TYPE &&
    headers['content-encoding'] === undefined
  );
}

export async function serveBundle(
  request: IncomingMessage,
  response: ServerResponse,
  { messenger, log, meters, arrivals, failures, onOther }: BundleSide,
): Promise<void> {
  const begun_ms = performance.now();
  let reply: Uint8Array;
  try {
    reply = await takeBundle(request, messenger, arrivals);
  } catch (cause) {
    failures.set(request, { cause });
    onOther(request, response);
    return;
  }
  response.writeHead(200, { 'Content-Type': BUNDLE_TYPE, 'Content-Length': reply.length });
  // As a string it goes with its head; bytes would be a piece of their own.
  if (reply.length <= SMALL_SIZE) response.end(nameOf(reply), 'latin1');
  else response.end(reply);
  meters.exchanged(200);
  logRequest(log, { method: 'POST', route: '/packets', status: 200 }, begun_ms);
}
