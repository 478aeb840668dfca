/**
 * What one connection may have under way. Node hands over at once all that a client sends without
 * waiting for answers, and keeps what is not read of these. Here the requests of a connection are
 * answered one after the other; who is many ahead, or does not read its answer, loses it.
 */
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';

/** For a client that sends on before it reads; none of ours does. */
const WAITING_MAX = 8;
/** An answer of which that long nothing could be written. */
const UNREAD_MS = 30_000;

export function answerInTurn(server: Server, answer: RequestListener): void {
  /** Of each connection that asks: what comes after the request under way. */
  const turns = new WeakMap<Socket, (() => void)[]>();
  const begin: RequestListener = (request, response) => {
    const { socket } = request;
    response.on('close', () => {
      const next = socket.destroyed ? undefined : turns.get(socket)?.shift();
      if (next === undefined) turns.delete(socket);
      else next();
    });
    answer(request, response);
  };
  server.on('request', (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const waiting = turns.get(socket);
    if (waiting === undefined) {
      turns.set(socket, []);
      begin(request, response);
    } else if (waiting.length < WAITING_MAX) {
      waiting.push(() => begin(request, response));
    } else {
      cut(socket);
    }
  });
  // Comes also to who was answered and asks nothing more; who waits for an answer may be silent.
  server.setTimeout(UNREAD_MS, (socket) => {
    if (socket.writableLength > 0 || !turns.has(socket)) socket.destroy();
  });
}

/** Has no documentation, so a test looks whether it is still there. */
interface Parsed {
  readonly parser?: { onIncoming: () => number } | null;
}

/**
 * Node goes on with the 64 KiB that it has read, and keeps the thousands of requests that these may
 * hold until the connection is closed. Its parser hands each to this, and stops at a number below 0.
 */
function cut(socket: Socket & Parsed): void {
  if (socket.parser) socket.parser.onIncoming = () => -1;
  socket.destroy();
}
