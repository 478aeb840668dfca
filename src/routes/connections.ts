/**
 * How many connections a server holds. Where all places are taken a newcomer gets one of the
 * address that holds the most: first of those that ask nothing, then of those whose answer takes
 * the longest. So who hoards them has only fewer of them, whatever it does on them.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { network } from './arrivals.ts';

export function boundConnections(server: Server, max: number): void {
  const places = new Places();
  server.on('connection', (socket: Socket) => {
    const from = network(socket.remoteAddress ?? '');
    if (places.count >= max && !places.makeRoom(from)) {
      socket.destroy();
      return;
    }
    places.take(socket, from);
    socket.once('close', () => places.leave(socket));
  });
  server.on('request', ({ socket }, response) => {
    places.ask(socket);
    response.on('close', () => places.answered(socket));
  });
}

/** What one address holds; who has been at it the longest comes first. */
interface Share {
  readonly idle: Set<Socket>;
  readonly asking: Set<Socket>;
}

interface Place {
  readonly from: string;
  /** Requests under way; several, if they are sent one behind the other. */
  asks: number;
}

class Places {
  readonly #places = new Map<Socket, Place>();
  readonly #shares = new Map<string, Share>();

  get count(): number {
    return this.#places.size;
  }

  take(socket: Socket, from: string): void {
    this.#places.set(socket, { from, asks: 0 });
    const share = this.#shares.get(from) ?? { idle: new Set(), asking: new Set() };
    this.#shares.set(from, share);
    share.idle.add(socket);
  }

  leave(socket: Socket): void {
    const place = this.#places.get(socket);
    const share = this.#shares.get(place?.from ?? '');
    if (place === undefined || share === undefined) return;
    this.#places.delete(socket);
    share.idle.delete(socket);
    share.asking.delete(socket);
    if (sizeOf(share) === 0) this.#shares.delete(place.from);
  }

  ask(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    place.asks += 1;
    if (place.asks === 1) this.#move(socket, place, 'idle', 'asking');
  }

  answered(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    place.asks -= 1;
    if (place.asks === 0) this.#move(socket, place, 'asking', 'idle');
  }

  /**
   * Closes one for a newcomer. False: nobody holds so much more than its address that one who asks
   * has to go.
   */
  makeRoom(from: string): boolean {
    const most = [...this.#shares.values()].reduce(larger);
    const own = sizeOf(this.#shares.get(from));
    const [socket] = most.idle.size > 0 || sizeOf(most) <= own + 1 ? most.idle : most.asking;
    if (socket === undefined) return false;
    this.leave(socket);
    socket.destroy();
    return true;
  }

  #move(socket: Socket, { from }: Place, here: keyof Share, there: keyof Share): void {
    const share = this.#shares.get(from);
    share?.[here].delete(socket);
    share?.[there].add(socket);
  }
}

function sizeOf(share: Share | undefined): number {
  return share === undefined ? 0 : share.idle.size + share.asking.size;
}

/** Of two that hold as many, the one of which more ask nothing. */
function larger(found: Share, each: Share): Share {
  const more = sizeOf(each) - sizeOf(found) || each.idle.size - found.idle.size;
  return more > 0 ? each : found;
}
