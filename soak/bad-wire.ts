/**
 * What lies between two peers on a bad day: HTTP exchanges that come late, twice, in another
 * order, cut short, slowly, or not at all. Everything by a seed.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Random } from '../test/support/random.ts';

const FAULTS = [
  'pass',
  'pass',
  'pass',
  'delay',
  'lose the question',
  'lose the answer',
  'cut the answer',
  'twice',
  'again later',
  'slowly',
] as const;
type Fault = (typeof FAULTS)[number];

const DELAY_MAX_MS = 300;
const LATER_MAX_MS = 3_000;
const DEADLINE_MS = 20_000;

export class BadWire {
  readonly address: string;
  /** Origin of the peer that it leads to; empty: nobody is there. */
  target = '';
  /** False: as good as any wire. */
  isBad = true;
  /** How often each fault happened. */
  readonly faults = new Map<Fault, number>();
  readonly #server: Server;
  readonly #random: Random;

  private constructor(server: Server, random: Random) {
    this.#server = server;
    this.#random = random;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, outgoing) => {
      this.#carry(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async open(random: Random): Promise<BadWire> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BadWire(server, random);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray());
    const fault = this.isBad ? (this.#random.pick(FAULTS) ?? 'pass') : 'pass';
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    if (fault === 'lose the question') {
      outgoing.destroy();
      return;
    }
    // A reordering too: what comes after it overtakes it.
    if (fault === 'delay') await sleep(this.#random.below(DELAY_MAX_MS));
    if (fault === 'twice') await this.#pass(incoming, body);
    if (fault === 'again later') this.#later(incoming, body);
    const { status, headers, reply } = await this.#pass(incoming, body);
    if (fault === 'lose the answer') {
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(status, headers);
    await this.#answer(outgoing, reply, fault);
  }

  async #answer(outgoing: ServerResponse, reply: Buffer, fault: Fault): Promise<void> {
    const half = Math.trunc(reply.length / 2);
    if (fault === 'cut the answer') {
      outgoing.write(reply.subarray(0, half), () => outgoing.destroy());
      return;
    }
    if (fault === 'slowly') {
      outgoing.write(reply.subarray(0, half));
      await sleep(this.#random.below(DELAY_MAX_MS));
      outgoing.end(reply.subarray(half));
      return;
    }
    outgoing.end(reply);
  }

  /** Out of nowhere, when nobody waits for it any more. */
  async #later(incoming: IncomingMessage, body: Buffer): Promise<void> {
    await sleep(this.#random.below(LATER_MAX_MS));
    await this.#pass(incoming, body).catch(() => undefined);
  }

  async #pass({ method = 'POST', url = '/', headers }: IncomingMessage, body: Buffer) {
    const response = await request(`${this.target}${url}`, {
      method: method as 'POST',
      headers: { 'content-type': headers['content-type'] ?? '' },
      body,
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
    });
    const reply = Buffer.from(await response.body.arrayBuffer());
    const { 'content-type': type = '', 'retry-after': retry } = response.headers;
    const answered = { 'content-type': String(type), 'content-length': reply.length };
    return {
      status: response.statusCode,
      headers: retry === undefined ? answered : { ...answered, 'retry-after': String(retry) },
      reply,
    };
  }
}
