/** One port for both sides, and what a client that speaks no proper HTTP may cost. */
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type Koa from 'koa';
import { boundConnections } from './connections.ts';
import { answerInTurn } from './turns.ts';

const HEADERS_MS = 10_000;
/** Longer than a client of ours keeps a connection, so that it closes first. */
const KEEP_ALIVE_MS = 65_000;
const CONNECTIONS_MAX = 1_000;
const SWEEP_MS = 20;

/** What other peers and monitors call; everything else belongs to the operator. */
const PEER_SIDE = new Set(['/packets', '/healthz']);

/** With the deadlines and bounds that hold for every route; `serve` says what it answers. */
export function createHttpServer(connectionsMax = CONNECTIONS_MAX): Server {
  const server = createServer({
    headersTimeout: HEADERS_MS,
    // Each route has deadlines for its own body: a large file may take its time.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: 16_384,
    connectionsCheckingInterval: 5_000,
  });
  boundConnections(server, connectionsMax);
  server.on('clientError', refuse);
  return server;
}

export function serve(server: Server, onPeer: RequestListener, operator: Koa): void {
  const onOperator = operator.callback();
  answerInTurn(server, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (PEER_SIDE.has(path)) onPeer(request, response);
    else void onOperator(request, response);
  });
}

/** Stops listening, lets requests under way finish within `grace_ms`, then closes the rest. */
export async function closeServer(server: Server, grace_ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A connection that answered its last request would be kept alive.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const timer = setTimeout(() => server.closeAllConnections(), grace_ms);
  await promise;
  clearInterval(sweep);
  clearTimeout(timer);
}

/** What the parser refuses never becomes a request, so it is answered by hand. */
function refuse(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const title = STATUS_CODES[status] ?? '';
  const code = status === 408 ? 'body_timeout' : 'invalid_request';
  const detail = 'This is not a request that HTTP/1.1 allows, or it came too slowly.';
  const type = `urn:sotto:error:${code}`;
  const body = JSON.stringify({ type, title, status, detail, code });
  const head = `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n`;
  socket.end(`${head}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
}

function statusOf(code: string | undefined): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
}
