/**
 * Exchanges over a serial line, docs/SERIAL.md §5: carries bundles and verbs to the device and its
 * bundles to whoever they are for. Holds no key. The device may come, go and restart at any time.
 */
import { concat } from '../bytes.ts';
import { LinkError } from '../failures.ts';
import { knownReason } from '../reasons.ts';
import type { Channel } from './serial-frame.ts';
import { type LineCounters, type LineEvent, SerialLine } from './serial-line.ts';
import { openPort } from './serial-port.ts';
import { type OpenSerial, openTty, type SerialPort } from './serial-tty.ts';

const REPLY = 0x80;
const REPLY_MS = 10_000;
const REOPEN_MS = 1_000;
const WAITING_MAX = 32;
/** Asked and not answered yet; a number, of 128, must not be taken twice. */
const ASKED_MAX = 64;
/** Bundles of the device on their way to others. It has one out at a time; a babbling line more. */
const FORWARDED_MAX = 4;
/** Of records to this side; a device's picture of 160 × 120 fits. */
const MTU = 32_768;
/** `stty` is Linux's: see serial-tty.ts for what it is better at. */
const openSerial = process.platform === 'linux' ? openTty : openPort;

export interface SerialLinkOptions {
  readonly path: string;
  readonly baud?: number;
  /** Random, not 0: tells this run of the bridge from others. */
  readonly bootId: bigint;
  /** A bundle of the device: returns what goes back. @throws {LinkError} if it cannot be carried. */
  readonly onBundle: (address: string, bundle: Uint8Array) => Promise<Uint8Array>;
  /** Why a bundle of the device could not be carried. */
  readonly onLost?: (reason: string) => void;
  /** The line came up, with what the device says of itself, or went down. */
  readonly onState?: (firmware: string | undefined) => void;
  /** The line cannot be opened, and why; it is tried again for as long as it takes. */
  readonly onMissing?: (reason: string) => void;
  /** A boot log, or the device's own log. */
  readonly onText?: (text: string) => void;
  readonly open?: OpenSerial;
}

interface Exchange {
  readonly resolve: (reply: Uint8Array) => void;
  readonly reject: (error: LinkError) => void;
  readonly timer: NodeJS.Timeout;
}

export class SerialLink {
  readonly #options: SerialLinkOptions;
  readonly #line: SerialLine;
  #port: SerialPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Why the line cannot be opened now. */
  #missing: string | undefined;
  #next = 0;
  #forwarded = 0;
  /** By channel and number. */
  readonly #exchanges = new Map<string, Exchange>();
  readonly #waiting: { readonly channel: Channel; readonly record: Uint8Array }[] = [];

  constructor(options: SerialLinkOptions) {
    this.#options = options;
    const { bootId, baud = 115_200 } = options;
    this.#line = new SerialLine({ bootId, mtu: MTU, firmware: 'sotto bridge', baud }, now_ms());
    void this.#reopen();
  }

  get counters(): LineCounters {
    return this.#line.counters;
  }

  get isUp(): boolean {
    return this.#line.isUp;
  }

  /**
   * One bundle to the device, one back. A bundle larger than the device takes goes in pieces, cut
   * between packets; each packet is judged alone anyway.
   * @throws {LinkError} when the device is not there, or does not answer.
   */
  async exchange(bundle: Uint8Array): Promise<Uint8Array> {
    if (!this.#line.isUp) throw this.#gone();
    const replies: Uint8Array[] = [];
    for (const piece of pieces(bundle, this.#line.mtu - 2)) {
      // No address: the bundle is for the device itself.
      replies.push(await this.#ask('packets', concat(Uint8Array.of(0), piece)));
    }
    return concat(...replies);
  }

  /** A trigger; answers with the device's JSON. @throws {LinkError} */
  async verb(name: string, patience_ms = REPLY_MS): Promise<string> {
    const answer = await this.#ask('verbs', new TextEncoder().encode(name), patience_ms);
    return new TextDecoder().decode(answer);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#port?.close();
    this.#failAll('the bridge is stopping');
  }

  #ask(channel: Channel, body: Uint8Array, patience_ms = REPLY_MS): Promise<Uint8Array> {
    if (!this.#line.isUp) {
      return Promise.reject(this.#gone());
    }
    if (this.#waiting.length >= WAITING_MAX || this.#exchanges.size >= ASKED_MAX) {
      return Promise.reject(new LinkError('busy', `too much waits for ${this.#options.path}`));
    }
    while (this.#exchanges.has(`${channel} ${this.#next}`)) this.#next = (this.#next + 1) % REPLY;
    const number = this.#next;
    this.#next = (number + 1) % REPLY;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const key = `${channel} ${number}`;
    const timer = setTimeout(() => {
      this.#exchanges.delete(key);
      reject(new LinkError('timeout', `the device on ${this.#options.path} did not answer`));
    }, patience_ms);
    this.#exchanges.set(key, { resolve, reject, timer });
    this.#queue(channel, concat(Uint8Array.of(number), body));
    return promise;
  }

  #gone(): LinkError {
    return new LinkError('unreachable', `no device on ${this.#options.path}`);
  }

  #queue(channel: Channel, record: Uint8Array): void {
    this.#waiting.push({ channel, record });
    this.#pump();
  }

  async #reopen(): Promise<void> {
    if (this.#isClosed) return;
    const { path, baud = 115_200, open = openSerial } = this.#options;
    const onBytes = (bytes: Uint8Array) => {
      for (const event of this.#line.receive(bytes, now_ms())) this.#handle(event);
      this.#pump();
    };
    const onGone = () => {
      this.#port = undefined;
      for (const event of this.#line.restart(now_ms())) this.#handle(event);
      this.#reopenLater();
    };
    try {
      this.#port = await open(path, baud, { onBytes, onGone });
      this.#missing = undefined;
      if (this.#isClosed) this.#port.close();
      else this.#pump();
    } catch (cause) {
      const words = cause instanceof Error ? cause.message : String(cause);
      this.#tellMissing(knownReason(cause) ?? words);
      this.#reopenLater();
    }
  }

  /** Once for each reason: it is tried every second. */
  #tellMissing(reason: string): void {
    if (reason === this.#missing) return;
    this.#missing = reason;
    this.#options.onMissing?.(reason);
  }

  /** Unplugged, or not there yet: looks again every second, for as long as it takes. */
  #reopenLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#reopen(), REOPEN_MS);
  }

  /** Writes whatever is due, and sleeps until something will be. */
  #pump(): void {
    if (this.#isClosed || this.#port === undefined) return;
    for (;;) {
      const first = this.#line.isIdle ? this.#waiting.shift() : undefined;
      // A record that the device cannot take is dropped; its exchange ends by its deadline.
      if (first !== undefined) this.#line.send(first.channel, first.record);
      const { frame, events } = this.#line.poll(now_ms());
      for (const event of events) this.#handle(event);
      if (frame === undefined) break;
      this.#port.write(frame);
    }
    clearTimeout(this.#timer);
    const at_ms = this.#line.nextPoll_ms(now_ms());
    if (at_ms === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#pump(), Math.max(1, Math.ceil(at_ms - now_ms())));
  }

  #handle(event: LineEvent): void {
    if (event.kind === 'text') this.#options.onText?.(new TextDecoder().decode(event.text));
    else if (event.kind === 'up') this.#options.onState?.(event.firmware);
    else if (event.kind === 'down') this.#forget();
    else this.#take(event.channel, event.record);
  }

  #forget(): void {
    this.#waiting.length = 0;
    this.#failAll('the device restarted or is gone');
    this.#options.onState?.(undefined);
  }

  #failAll(reason: string): void {
    for (const { reject, timer } of this.#exchanges.values()) {
      clearTimeout(timer);
      reject(new LinkError('unreachable', `${this.#options.path}: ${reason}`));
    }
    this.#exchanges.clear();
  }

  #take(channel: Channel, record: Uint8Array): void {
    const number = record[0];
    if (number === undefined) return;
    if (number < REPLY) {
      if (channel === 'packets') void this.#forward(number, record.subarray(1));
      return;
    }
    const key = `${channel} ${number - REPLY}`;
    const exchange = this.#exchanges.get(key);
    if (exchange === undefined) return;
    this.#exchanges.delete(key);
    clearTimeout(exchange.timer);
    exchange.resolve(record.slice(1));
  }

  /** Carries the device's bundle; silence says that it could not be. */
  async #forward(number: number, rest: Uint8Array): Promise<void> {
    const size = rest[0] ?? 0;
    if (rest.length < 1 + size) return;
    const address = new TextDecoder().decode(rest.subarray(1, 1 + size));
    const bundle = rest.slice(1 + size);
    if (this.#forwarded >= FORWARDED_MAX) return;
    this.#forwarded += 1;
    const reply = await this.#carried(address, bundle);
    this.#forwarded -= 1;
    if (reply === undefined || !this.#line.isUp || this.#waiting.length >= WAITING_MAX) return;
    this.#queue('packets', concat(Uint8Array.of(number | REPLY), reply));
  }

  /**
   * As much of the reply as the device takes. The address was the device's choice, and what answers
   * there may be anything: no error about either may end the bridge.
   */
  async #carried(address: string, bundle: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const reply = await this.#options.onBundle(address, bundle);
      // What does not fit is repeated by whoever sent it, as what a link lost.
      return pieces(reply, this.#line.mtu - 1)[0];
    } catch (cause) {
      this.#options.onLost?.(cause instanceof Error ? cause.message : 'it cannot be carried');
      return undefined;
    }
  }
}

/** Whole packets, as many as fit; at least one piece, because an empty bundle is one too. */
function pieces(bundle: Uint8Array, sizeMax: number): Uint8Array[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  const found: Uint8Array[] = [];
  let start = 0;
  let end = 0;
  while (end + 2 <= bundle.length) {
    const next = end + 2 + view.getUint16(end);
    if (next > bundle.length || next - end > sizeMax) break;
    if (next - start > sizeMax) {
      found.push(bundle.subarray(start, end));
      start = end;
    }
    end = next;
  }
  if (end !== bundle.length) throw new LinkError('rejected', 'no bundle that the device can take');
  found.push(bundle.subarray(start));
  return found;
}

function now_ms(): number {
  return Math.floor(performance.now());
}
