/**
 * The way to one contact: one exchange at a time, or two while one content fills bundles; handshake
 * packets before messages, and a pause that grows while nobody answers. What is sent and what a reply
 * means is decided elsewhere.
 */
import { release } from '../bytes.ts';
import { LinkError, StoreError } from '../failures.ts';
import { encodeBundle, type Payload } from '../protocol/index.ts';
import type { Clock, Link } from './ports.ts';

const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 60_000;
/** While one bundle is stored there, the next is read and sealed here. */
const EXCHANGES_MAX = 2;

/** Instead of what is to go out, which cannot be read. */
const BROKEN = 'broken';

/** What goes out in one exchange. */
export interface Outgoing {
  readonly packets: readonly Uint8Array[];
  /** Whether a reply that brings nothing forward is a reason to pause. */
  readonly expectsProgress: boolean;
  /** The session a packet of which is in it: once that arrived, the session stands. */
  readonly confirms: number | undefined;
  /** Messages in it, which nobody else may send until this exchange has ended. */
  readonly sequences: readonly bigint[];
  /** Letters that it acknowledges: owed again if it comes to nothing. */
  readonly letters: readonly Payload[];
  /** As much of one content as a bundle should carry: more of it may go beside. */
  readonly isFull: boolean;
}

export interface LaneOwner {
  /** Where to; undefined: the contact cannot be called, so the lane rests. */
  address(): string | undefined;
  /** The next thing to send; undefined: nothing at present. @throws {StoreError} */
  next(): Outgoing | undefined;
  /** More of the content whose full bundle is under way; undefined: there is none. @throws {StoreError} */
  beside(): Outgoing | undefined;
  /** Reads the reply; returns whether it brought anything forward. @throws {StoreError} */
  reply(bundle: Uint8Array, outgoing: Outgoing): boolean;
  /** An exchange came to nothing, or could not begin; the lane tries again after a pause. */
  failed(error: LinkError | StoreError, outgoing?: Outgoing): void;
}

export class Lane {
  readonly #owner: LaneOwner;
  readonly #link: Link;
  readonly #clock: Clock;
  /** Uniform in [0, 1): spreads the retries of many peers. */
  readonly #jitter: () => number;
  #running: Promise<void> | undefined;
  #pause: AbortController | undefined;
  #onRest: (() => void)[] = [];
  #failures = 0;
  /** The other side has asked for that much patience, the last time. */
  #asked_ms = 0;
  #woken = false;
  #pressed = false;
  #resting = false;
  #stopped = false;

  constructor(owner: LaneOwner, link: Link, clock: Clock, jitter: () => number) {
    this.#owner = owner;
    this.#link = link;
    this.#clock = clock;
    this.#jitter = jitter;
  }

  /** There may be something to send. Does not cut a pause short. */
  wake(): void {
    if (this.#stopped) return;
    this.#woken = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#woken) this.wake();
    });
  }

  /** The contact has just been heard: whatever kept us from it may be over. */
  heard(): void {
    if (this.#failures > 0) this.hurry();
    else this.wake();
  }

  /** A person asks: try now. */
  hurry(): void {
    this.#failures = 0;
    this.press();
  }

  /** A handshake packet is to go out: once without a pause, but a pause that grew stays grown. */
  press(): void {
    this.#pressed = true;
    this.#resting = false;
    this.#pause?.abort();
    this.wake();
  }

  /** Resolves when nothing is left to send, or the lane pauses because it cannot. */
  async settled(): Promise<void> {
    while (this.#running !== undefined && !this.#resting) {
      await Promise.race([this.#running, this.#nextRest()]);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause?.abort();
    await this.#running;
  }

  #nextRest(): Promise<void> {
    return new Promise((resolve) => this.#onRest.push(resolve));
  }

  async #run(): Promise<void> {
    // One turn of the loop lets every caller of this turn queue what it has.
    await Promise.resolve();
    while (!this.#stopped) {
      this.#woken = false;
      this.#pressed = false;
      const address = this.#owner.address();
      const outgoing =
        address === undefined ? undefined : this.#unlessBroken(() => this.#owner.next());
      if (address === undefined || outgoing === undefined) return;
      if (outgoing === BROKEN) {
        await this.#failed();
        continue;
      }
      const progress = await (outgoing.isFull
        ? this.#exchanges(address, outgoing)
        : this.#exchange(address, outgoing));
      if (progress) this.#failures = 0;
      else if (progress === false) await this.#failed();
    }
  }

  /** As `#exchange`, with others beside it as long as all goes well. False if any of them failed. */
  async #exchanges(address: string, first: Outgoing): Promise<boolean | undefined> {
    const underWay = new Set<Promise<void>>();
    let result: boolean | undefined;
    const start = (outgoing: Outgoing) => {
      const exchange = this.#exchange(address, outgoing).then((progress) => {
        underWay.delete(exchange);
        if (result !== false) result = progress ?? result;
      });
      underWay.add(exchange);
    };
    start(first);
    while (underWay.size > 0) {
      const hasRoom = underWay.size < EXCHANGES_MAX && result !== false && !this.#stopped;
      const other = hasRoom ? this.#unlessBroken(() => this.#owner.beside()) : undefined;
      if (other === undefined || other === BROKEN) await Promise.race(underWay);
      else start(other);
    }
    return result;
  }

  /** Whether it brought something forward; undefined if it did not, and did not have to. */
  async #exchange(address: string, outgoing: Outgoing): Promise<boolean | undefined> {
    try {
      const reply = await this.#link.exchange(address, encodeBundle(outgoing.packets));
      const progress = this.#owner.reply(reply, outgoing);
      for (const packet of outgoing.packets) release(packet);
      return progress || outgoing.expectsProgress ? progress : undefined;
    } catch (error) {
      if (!(error instanceof LinkError || error instanceof StoreError)) throw error;
      if (error instanceof LinkError) this.#asked_ms = error.retryAfter_ms ?? 0;
      this.#owner.failed(error, outgoing);
      return false;
    }
  }

  /** What is queued for one contact may not be readable: that ends nobody else's delivery. */
  #unlessBroken(take: () => Outgoing | undefined): Outgoing | undefined | typeof BROKEN {
    try {
      return take();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#owner.failed(error);
      return BROKEN;
    }
  }

  async #failed(): Promise<void> {
    // Who stops waits for the exchange under way, and not for a pause after it.
    if (this.#stopped) return;
    this.#failures += 1;
    // The first time there may be a better idea already, such as to meet again.
    if (this.#pressed && this.#failures === 1) return;
    const full = Math.min(BACKOFF_FIRST_MS * 2 ** (this.#failures - 1), BACKOFF_MAX_MS);
    const pause = new AbortController();
    this.#pause = pause;
    this.#resting = true;
    for (const resolve of this.#onRest.splice(0)) resolve();
    const pause_ms = Math.max(full * (0.75 + 0.5 * this.#jitter()), this.#asked_ms);
    this.#asked_ms = 0;
    await this.#clock.sleep(pause_ms, pause.signal);
    this.#pause = undefined;
    this.#resting = false;
  }
}
