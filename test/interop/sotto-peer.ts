/** A whole peer of this program on a free port, operated by HTTP as its person would. */
import { loadConfig } from '../../src/config.ts';
import { createPeer, type Peer } from '../../src/peer.ts';
import { PATIENCE_MS } from '../support/patience.ts';

export type Json = Readonly<Record<string, unknown>>;

const QUIET = {
  log: {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: () => {},
  },
  terminal: { print: () => {}, printMessage: () => {} },
};

export class SottoPeer {
  readonly origin: string;
  readonly #peer: Peer;
  readonly #token: string;

  private constructor(peer: Peer, origin: string, token: string) {
    this.#peer = peer;
    this.origin = origin;
    this.#token = token;
  }

  /** @param contacts as `NAME=ORIGIN`. */
  static async start(
    name: string,
    folder: string,
    port = 0,
    ...contacts: string[]
  ): Promise<SottoPeer> {
    const given = ['--name', name, '--data-dir', folder, '--port', `${port}`, '--trust', 'tofu'];
    const known = contacts.flatMap((contact) => ['--contact', contact]);
    const peer = createPeer(loadConfig([...given, ...known], {}), QUIET);
    const { origin, pageLink } = await peer.start();
    return new SottoPeer(peer, origin, new URL(pageLink).searchParams.get('token') ?? '');
  }

  get port(): number {
    return Number(new URL(this.origin).port);
  }

  async stop(): Promise<void> {
    await this.#peer.stop();
  }

  async fetch(path: string, body?: Json | Uint8Array): Promise<Response> {
    const isJson = body !== undefined && !(body instanceof Uint8Array);
    return await fetch(this.origin + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': isJson ? 'application/json' : 'application/octet-stream',
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : new Uint8Array(body) }),
    });
  }

  /** @throws {Error} with the peer's words if it refuses. */
  async call(path: string, body: Json | Uint8Array = {}): Promise<Json> {
    const response = await this.fetch(path, body);
    const answer = (await response.json()) as Json;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer['detail']}`);
    return answer;
  }

  async show(): Promise<Json> {
    return (await (await this.fetch('/show')).json()) as Json;
  }

  /** The contact as `/show` has it. */
  async contact(name: string): Promise<Json> {
    const contacts = (await this.show())['contacts'] as readonly Json[];
    return contacts.find((contact) => contact['name'] === name) ?? {};
  }

  /** How many packets were refused, by reason. */
  async refused(): Promise<Readonly<Record<string, number>>> {
    return (await this.show())['refused'] as Readonly<Record<string, number>>;
  }

  /** Messages as they are opened, until there are so many. */
  async open(count = 1): Promise<readonly Json[]> {
    const opened: Json[] = [];
    await until(`${count} messages`, async () => {
      const { messages } = await this.call('/decrypt_msg');
      opened.push(...(messages as readonly Json[]));
      return opened.length >= count;
    });
    return opened;
  }
}

/** Asks again and again: what happens between two peers has no other end to wait at. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
