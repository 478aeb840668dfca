/**
 * What lies between two peers on a bad day: HTTP exchanges that come late, twice, in another
 * order, cut short, drop by drop, or not at all. Everything by a seed. A process of its own
 * (`wire.ts`), so that it can be killed and paused as well.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Random } from '../test/support/random.ts';

const FAULTS = [
  'pass',
  'pass',
  'pass',
  'pass',
  'delay',
  'lose the question',
  'lose the answer',
  'cut the question',
  'cut the answer',
  'twice',
  'again later',
  'throttle',
] as const;
export type Fault = (typeof FAULTS)[number];

const DELAY_MAX_MS = 300;
const LATER_MAX_MS = 3_000;
const DEADLINE_MS = 20_000;
/** A throttled body takes at most a second and a half. */
const DROPS = 16;
const DROP_MAX_MS = 100;

export interface WireOptions {
  readonly port: number;
  /** Origin of the peer that it leads to. */
  readonly target: string;
  readonly random: Random;
  /** False: as good as any wire. */
  readonly isBad: boolean;
  readonly onFault: (fault: Fault) => void;
}

export async function openWire(options: WireOptions): Promise<void> {
  const wire = new Wire(options);
  const server = createServer((incoming, outgoing) => {
    wire.carry(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
}

class Wire {
  readonly #options: WireOptions;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  async carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { random, isBad, onFault } = this.#options;
    const body = Buffer.concat(await incoming.toArray());
    const fault = isBad ? (random.pick(FAULTS) ?? 'pass') : 'pass';
    onFault(fault);
    if (fault === 'lose the question') {
      outgoing.destroy();
      return;
    }
    // A reordering too: what comes after it overtakes it.
    if (fault === 'delay') await sleep(random.below(DELAY_MAX_MS));
    if (fault === 'twice') await this.#pass(incoming, body);
    if (fault === 'again later') this.#later(incoming, body);
    const { status, headers, reply } = await this.#pass(incoming, body, fault);
    if (fault === 'lose the answer') {
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(status, headers);
    await this.#answer(outgoing, reply, fault);
  }

  async #answer(outgoing: ServerResponse, reply: Buffer, fault: Fault): Promise<void> {
    if (fault === 'cut the answer') {
      outgoing.write(reply.subarray(0, reply.length / 2), () => outgoing.destroy());
      return;
    }
    if (fault === 'throttle') {
      for await (const drop of this.#drops(reply)) outgoing.write(drop);
      outgoing.end();
      return;
    }
    outgoing.end(reply);
  }

  /** Out of nowhere, when nobody waits for it any more. */
  async #later(incoming: IncomingMessage, body: Buffer): Promise<void> {
    await sleep(this.#options.random.below(LATER_MAX_MS));
    await this.#pass(incoming, body).catch(() => undefined);
  }

  async #pass(
    { method = 'POST', url = '/', headers }: IncomingMessage,
    body: Buffer,
    fault?: Fault,
  ) {
    const response = await request(`${this.#options.target}${url}`, {
      method: method as 'POST',
      headers: {
        'content-type': headers['content-type'] ?? '',
        'content-length': `${body.length}`,
      },
      body: this.#question(body, fault),
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

  #question(body: Buffer, fault: Fault | undefined): Buffer | Readable {
    if (fault === 'throttle') return Readable.from(this.#drops(body));
    if (fault === 'cut the question') return Readable.from(half(body));
    return body;
  }

  async *#drops(bytes: Buffer): AsyncGenerator<Buffer> {
    const size = Math.ceil(bytes.length / DROPS);
    for (let at = 0; at < bytes.length; at += size) {
      await sleep(this.#options.random.below(DROP_MAX_MS));
      yield bytes.subarray(at, at + size);
    }
  }
}

async function* half(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, bytes.length / 2);
  throw new Error('cut');
}
