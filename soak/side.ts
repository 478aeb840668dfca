/** A peer in a process of its own, with a ledger of what it was asked to send. */
import { Ledger } from '../test/support/ledger.ts';
import type { MovedClock } from '../test/support/moved-clock.ts';
import { PeerProcess, until } from '../test/support/peer-process.ts';
import type { Telling } from './part.ts';

const PATIENCE_MS = 240_000;

export interface SideOptions {
  readonly name: string;
  readonly folder: string;
  readonly entry: string;
  readonly other: string;
  readonly clock: MovedClock;
}

export class Side implements Telling {
  readonly peer: PeerProcess;
  readonly other: string;
  readonly clock: MovedClock;
  /** Of what it sends to the other. */
  readonly ledger = new Ledger();
  /** Resolves when it runs again. */
  up: Promise<unknown> = Promise.resolve();

  constructor({ clock, other, ...options }: SideOptions, flags: readonly string[]) {
    this.peer = new PeerProcess({ ...options, flags, environment: clock.environment() });
    this.clock = clock;
    this.other = other;
  }

  get name(): string {
    return this.peer.name;
  }

  get pid(): number | undefined {
    return this.peer.pid;
  }

  get told(): readonly unknown[] {
    return this.peer.told;
  }

  start(): Promise<unknown> {
    return this.peer.start();
  }

  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown> {
    return this.peer.stop(signal);
  }

  /** One text; into the ledger before and after. */
  async send(text: string, to = this.other, ledger = this.ledger): Promise<void> {
    ledger.posted(text);
    try {
      const { status } = await this.peer.post('/send_msg', { text, to });
      if (status === 202) ledger.accepted(text);
      else ledger.refused(text);
    } catch {
      await this.up;
    }
  }

  /** Opens what has arrived. An answer that is lost loses nothing: `received` finds it again. */
  async open(): Promise<void> {
    try {
      await this.peer.opened();
    } catch {
      await this.up;
    }
  }

  /** Every text that has ever arrived from a contact, as often as the peer keeps it. */
  async received(from: string): Promise<string[]> {
    const texts: string[] = [];
    let more = '';
    do {
      const { messages, before } = await this.#read<Page>(`/messages?with=${from}${more}`);
      const arrived = messages.filter(({ direction }) => direction === 'in');
      texts.push(...arrived.map(({ text }) => text ?? 'a message without a text'));
      more = before === undefined || before === null ? '' : `&before=${before}`;
    } while (more !== '');
    return texts;
  }

  /** The times of every reading, in milliseconds since 1970. */
  async readingTimes(): Promise<number[]> {
    const all = 'name=temp_sht4&from=0&to=7258118400&limit=100000';
    const rows = await this.#read<{ readonly at: string; readonly count: number }[]>(
      `/sensor?${all}`,
    );
    return rows.flatMap(({ at, count }) => Array<number>(count).fill(Date.parse(at)));
  }

  /** @param meanwhile what it takes of the other side, again and again. */
  async untilDrained(to = this.other, meanwhile?: () => Promise<void>): Promise<void> {
    const what = `${this.name} has everything for ${to} acknowledged`;
    const isDrained = async () => {
      await meanwhile?.();
      return (await this.peer.contact(to)).queued.messages === 0;
    };
    const wait = { patience_ms: PATIENCE_MS, poll_ms: 200 };
    try {
      await until(what, async () => ((await isDrained()) ? true : undefined), wait);
    } catch (cause) {
      const { json } = await this.peer.call('GET', '/show');
      const said = { show: json, log: this.peer.log.slice(-5) };
      throw new Error(`${what}: ${JSON.stringify(said)}`, { cause });
    }
  }

  async #read<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${this.peer.token}` };
    const { status, text } = await this.peer.call('GET', path, { headers });
    if (status !== 200) throw new Error(text);
    return JSON.parse(text) as T;
  }
}

interface Page {
  readonly messages: readonly { readonly direction: 'in' | 'out'; readonly text?: string }[];
  /** Where the next page ends; none after the last. */
  readonly before?: number | string;
}
