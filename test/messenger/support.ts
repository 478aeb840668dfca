/** Two or more messengers on real stores, on one wire that the test can listen to and harm. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  type CryptoProvider,
  openssl,
  type PublicKey,
  type SharedSecret,
  systemRandomBytes,
} from '../../src/crypto/index.ts';
import { LinkError } from '../../src/failures.ts';
import {
  type Clock,
  type Link,
  type Log,
  type NewContact,
  PeerMessenger,
  type PeerMessengerConfig,
  type Store,
} from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { PATIENCE_MS } from '../support/patience.ts';

export const SILENT: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

export const realClock: Clock = {
  now: () => new Date(),
  monotonic_ms: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

/** What happens to one exchange; the default is that it succeeds. */
export type Harm = (bundle: Uint8Array) => 'pass' | 'lose_request' | 'lose_reply' | 'twice';

export class Wire implements Link {
  readonly peers = new Map<string, Side>();
  /** Every bundle that ever passed, both ways. */
  readonly seen: Uint8Array[] = [];
  harm: Harm = () => 'pass';

  async exchange(
    address: string,
    bundle: Uint8Array,
    { mediaType }: { readonly mediaType?: string } = {},
  ): Promise<Uint8Array> {
    const fate = this.harm(bundle);
    this.seen.push(bundle.slice());
    await new Promise(setImmediate);
    const there = this.peers.get(address);
    if (there === undefined || fate === 'lose_request') throw lost();
    try {
      return await this.#deliver(there, bundle, mediaType === 'image/png', fate);
    } catch (error) {
      // Who is stopped meanwhile hangs up, and says nothing of what went wrong.
      throw this.peers.get(address) === there ? error : lost();
    }
  }

  async #deliver(
    there: Side,
    bundle: Uint8Array,
    isPicture: boolean,
    fate: ReturnType<Harm>,
  ): Promise<Uint8Array> {
    if (isPicture) {
      there.messenger.receivePicture(bundle.slice(), 'the wire');
      if (fate === 'lose_reply') throw lost();
      return new Uint8Array();
    }
    const reply = await there.messenger.receive(bundle.slice());
    if (fate === 'twice') await there.messenger.receive(bundle.slice());
    this.seen.push(reply.slice());
    if (fate === 'lose_reply') throw lost();
    return reply;
  }
}

function lost(): LinkError {
  return new LinkError('unreachable', 'lost on the wire');
}

export interface SideOptions extends Partial<PeerMessengerConfig> {
  readonly clock?: Clock;
  readonly crypto?: CryptoProvider;
}

/** One peer, that can be killed (nothing in memory survives) and started again. */
export class Side {
  readonly name: string;
  readonly address: string;
  readonly printed: string[] = [];
  /** What was logged as information, each as an event and its facts. */
  readonly logged: (readonly [string, unknown])[] = [];
  readonly folder: string;
  readonly #wire: Wire;
  readonly #options: SideOptions;
  readonly #secret: Uint8Array;
  #messenger: PeerMessenger | undefined;
  #store: Store | undefined;

  constructor(t: Test, wire: Wire, name: string, options: SideOptions = {}) {
    this.name = name;
    this.address = `http://${name}:5000`;
    this.folder = mkdtempSync(join(tmpdir(), `sotto-${name}-`));
    this.#wire = wire;
    this.#options = options;
    this.#secret = systemRandomBytes(32);
    t.teardown(async () => {
      await this.stop();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  get messenger(): PeerMessenger {
    if (this.#messenger === undefined) throw new Error(`${this.name} is not running`);
    return this.#messenger;
  }

  async start(): Promise<this> {
    const { crypto = openssl, clock = realClock, ...config } = this.#options;
    const store = await openStore({ folder: this.folder, key: 'key file', log: SILENT, crypto });
    const privateKey = this.#secret.slice();
    this.#store = store;
    this.#messenger = new PeerMessenger(
      {
        name: this.name,
        address: this.address,
        trust: 'tofu',
        contentSizeMax: 64 * 1024 * 1024,
        ...config,
      },
      {
        crypto,
        randomBytes: systemRandomBytes,
        staticKeys: crypto.generateKeyPair(() => privateKey),
        store,
        link: this.#wire,
        clock,
        terminal: {
          print: (line) => this.printed.push(line),
          printMessage: (line) => this.printed.push(line),
        },
        log: { ...SILENT, info: (event, facts) => this.logged.push([event, facts]) },
      },
    );
    this.#wire.peers.set(this.address, this);
    this.#messenger.start();
    return this;
  }

  /** What its static key and another make together. */
  dh(publicKey: PublicKey): SharedSecret {
    return openssl.generateKeyPair(() => this.#secret.slice()).dh(publicKey);
  }

  /** Another run, in which a contact is not as it was. */
  async changeContact(name: string, change: Partial<NewContact>): Promise<void> {
    await this.stop();
    const folder = this.folder;
    const store = await openStore({ folder, key: 'key file', log: SILENT, crypto: openssl });
    const id = store.contacts.all().find((contact) => contact.name === name)?.id ?? 0;
    store.contacts.update(id, change);
    store.close();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#wire.peers.delete(this.address);
    await this.#messenger?.stop();
    this.#messenger?.settle();
    this.#messenger = undefined;
    this.#store?.close();
    this.#store = undefined;
  }
}

/** Two peers that do not know each other yet. */
export async function twoPeers(t: Test, options: SideOptions = {}) {
  const wire = new Wire();
  const alice = await new Side(t, wire, 'alice', options).start();
  const bob = await new Side(t, wire, 'bob', options).start();
  return { wire, alice, bob };
}

/** Two peers that have met, as the walk does it. */
export async function pairedPeers(t: Test, options: SideOptions = {}) {
  const peers = await twoPeers(t, options);
  const { alice, bob } = peers;
  await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
  await bob.messenger.sendKeys({ to: 'alice', address: alice.address });
  return peers;
}

export function text(text: string) {
  return { content: { type: 'text' as const, text } };
}

/** What has arrived as text, oldest first. One call opens only so many messages. */
export function readTexts(side: Side): string[] {
  const texts: string[] = [];
  for (;;) {
    const opened = side.messenger.decryptMessages({});
    if (opened.length === 0) return texts;
    for (const { content } of opened) if (content.type === 'text') texts.push(content.text);
  }
}

export async function until(what: () => boolean, ms = PATIENCE_MS): Promise<void> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
