/**
 * How many connections a server holds. Where all places are taken a newcomer gets that of one that
 * asks nothing, of the address that holds the most of those: who hoards them has only fewer of them.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { network } from './arrivals.ts';

export function boundConnections(server: Server, max: number): void {
  const places = new Places();
  server.on('connection', (socket: Socket) => {
    if (places.count >= max && !places.makeRoom()) {
      socket.destroy();
      return;
    }
    places.take(socket, network(socket.remoteAddress ?? ''));
    socket.once('close', () => places.leave(socket));
  });
  server.on('request', ({ socket }, response) => {
    places.ask(socket);
    response.once('close', () => places.answered(socket));
  });
}

interface Place {
  readonly from: string;
  /** Requests under way; several, if they are sent one behind the other. */
  asks: number;
}

class Places {
  readonly #places = new Map<Socket, Place>();
  /** Those that ask nothing, by address; who has been idle the longest comes first. */
  readonly #idle = new Map<string, Set<Socket>>();

  get count(): number {
    return this.#places.size;
  }

  take(socket: Socket, from: string): void {
    this.#places.set(socket, { from, asks: 0 });
    this.#rest(socket, from);
  }

  leave(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    this.#places.delete(socket);
    this.#wake(socket, place.from);
  }

  ask(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    place.asks += 1;
    this.#wake(socket, place.from);
  }

  answered(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    place.asks -= 1;
    if (place.asks === 0) this.#rest(socket, place.from);
  }

  /** Closes one. False: all are asking. */
  makeRoom(): boolean {
    const sets = [...this.#idle.values()];
    const most = sets.reduce<Set<Socket> | undefined>(
      (found, each) => (each.size > (found?.size ?? 0) ? each : found),
      undefined,
    );
    const [socket] = most ?? [];
    if (socket === undefined) return false;
    this.leave(socket);
    socket.destroy();
    return true;
  }

  #rest(socket: Socket, from: string): void {
    const idle = this.#idle.get(from) ?? new Set();
    this.#idle.set(from, idle.add(socket));
  }

  #wake(socket: Socket, from: string): void {
    const idle = this.#idle.get(from);
    idle?.delete(socket);
    if (idle?.size === 0) this.#idle.delete(from);
  }
}
