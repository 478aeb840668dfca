/** What one link can do, whoever made it: a handshake, then bytes that arrive sealed and in order. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** Both ends are in this process. */
export interface Channel {
  send(payload: Uint8Array): void;
  /** Resolves when `bytes` of payload, counted from the handshake on, were opened at the far end. */
  arrived(bytes: number): Promise<void>;
  close(): void;
}

export interface Contender {
  readonly name: string;
  /** How it meets, and what it is built on: for the table. */
  readonly about: string;
  /** A fresh handshake between two who know each other, over a connection that stands. */
  meet(): Promise<Channel>;
}

/** Bytes that have come, and who waits for how many. */
export class Tally {
  #bytes = 0;
  readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];

  add(bytes: number): void {
    this.#bytes += bytes;
    while ((this.#waiting[0]?.bytes ?? Number.POSITIVE_INFINITY) <= this.#bytes) {
      this.#waiting.shift()?.resolve();
    }
  }

  reached(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, resolve });
    this.add(0);
    return promise;
  }
}

/** A loopback connection, both ends. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  near.setNoDelay(true);
  far.setNoDelay(true);
  return [near, far];
}

/** Packets with a length of 16 bits before each, as a bundle has them. */
export class Framed {
  readonly #socket: Socket;
  readonly #packets: Uint8Array[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #listener: ((packet: Uint8Array) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  write(packet: Uint8Array): void {
    const framed = Buffer.allocUnsafe(2 + packet.length);
    framed.writeUInt16BE(packet.length);
    framed.set(packet, 2);
    this.#socket.write(framed);
  }

  /** The next one. */
  read(): Promise<Uint8Array> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    this.listen((packet) => {
      this.#listener = undefined;
      resolve(packet);
    });
    return promise;
  }

  /** Every one from now on. */
  listen(listener: (packet: Uint8Array) => void): void {
    this.#listener = listener;
    this.#give();
  }

  #take(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
      const size = rest.readUInt16BE();
      this.#packets.push(rest.subarray(2, 2 + size));
      rest = rest.subarray(2 + size);
    }
    this.#rest = rest;
    this.#give();
  }

  #give(): void {
    while (this.#listener !== undefined) {
      const packet = this.#packets.shift();
      if (packet === undefined) return;
      this.#listener(packet);
    }
  }
}
