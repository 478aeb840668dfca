/** A wire that somebody else owns: every exchange between two peers passes through their hands. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { decodeBundle, encodeBundle } from '../src/protocol/index.ts';

type Packets = readonly Uint8Array[];

export interface Exchange {
  readonly asked: Packets;
  readonly answered: Packets;
}

/** What the owner does to what passes. Both are the identity unless set. */
export interface Tampering {
  asked?: (packets: Packets) => Packets;
  answered?: (packets: Packets) => Packets;
}

const DEADLINE_MS = 20_000;
const KEPT_MAX = 10_000;

export class Wire {
  readonly address: string;
  /** Origin of the peer that it leads to. */
  target = '';
  tampering: Tampering = {};
  readonly exchanges: Exchange[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, outgoing) => {
      this.#carry(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async open(): Promise<Wire> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Wire(server);
  }

  /** Every packet that has passed, in both directions. */
  packets(): Packets {
    return this.exchanges.flatMap(({ asked, answered }) => [...asked, ...answered]);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const asked = decodeBundle(new Uint8Array(Buffer.concat(await incoming.toArray())));
    const { status, packets } = await post(this.target, this.tampering.asked?.(asked) ?? asked);
    const answered = this.tampering.answered?.(packets) ?? packets;
    this.exchanges.push({ asked, answered: packets });
    if (this.exchanges.length > KEPT_MAX) this.exchanges.shift();
    outgoing.writeHead(status, { 'content-type': 'application/octet-stream' });
    outgoing.end(status === 200 ? encodeBundle(answered) : '');
  }
}

export interface Reply {
  readonly status: number;
  readonly packets: Packets;
}

/** One bundle to a peer's `/packets`. */
export function post(origin: string, packets: Packets): Promise<Reply> {
  return postBytes(origin, encodeBundle(packets));
}

/** Any bytes to a peer's `/packets`. */
export async function postBytes(origin: string, body: Uint8Array): Promise<Reply> {
  const response = await request(`${origin}/packets`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
    headersTimeout: DEADLINE_MS,
    bodyTimeout: DEADLINE_MS,
  });
  const reply = new Uint8Array(await response.body.arrayBuffer());
  const packets = response.statusCode === 200 ? decodeBundle(reply) : [];
  return { status: response.statusCode, packets };
}
