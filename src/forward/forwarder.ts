/** Carries readings from the queue to one place: one batch at a time, and again until it is there. */
import type { Clock, ForwardQueue, Log } from '../messenger/index.ts';
import type { Place } from './place.ts';

/** Readings in a batch: about 1 MB of memory. */
const BATCH_SIZE = 5_000;
/** While nothing waits, or little: so that what trickles in travels together. */
const PAUSE_MS = 1_000;
/** After failures: 1, 2, 4 … s, each shortened by chance, so that peers do not come all at once. */
const BACK_OFF_MS = 1_000;
const BACK_OFF_MAX_MS = 60_000;

export interface ForwardState {
  readonly target: string;
  /** Readings that came new and are not there yet. */
  readonly waiting: number;
  /** Since the start. */
  readonly delivered: number;
  readonly failures: number;
}

interface Deps {
  readonly queue: ForwardQueue;
  readonly clock: Clock;
  readonly log: Log;
}

export class Forwarder {
  readonly #target: string;
  readonly #place: Place;
  readonly #deps: Deps;
  #wasReached = false;
  #delivered = 0;
  #failures = 0;
  /** Without an answer since; and what was logged of it, once. */
  #inRow = 0;
  #reason: string | undefined;

  constructor(target: string, place: Place, deps: Deps) {
    this.#target = target;
    this.#place = place;
    this.#deps = deps;
  }

  /** Resolves soon after `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const close = () => this.#place.close();
    signal.addEventListener('abort', close, { once: true });
    while (!signal.aborted) {
      const pause_ms = await this.#step().catch((error: unknown) => this.#failed(error, signal));
      if (pause_ms > 0) await clock.sleep(pause_ms, signal);
    }
    this.#place.close();
  }

  state(): ForwardState {
    const waiting = this.#deps.queue.waiting(this.#target);
    return {
      target: this.#target,
      waiting,
      delivered: this.#delivered,
      failures: this.#failures,
    };
  }

  /** Returns how long to wait before the next one, in ms. */
  async #step(): Promise<number> {
    if (!this.#wasReached) await this.#reach();
    const batch = this.#deps.queue.next(this.#target, BATCH_SIZE);
    if (batch === undefined) return PAUSE_MS;
    const { readings } = batch;
    if (readings.length > 0) await this.#place.deliver(readings);
    batch.done();
    this.#delivered += readings.length;
    this.#succeeded();
    return readings.length < BATCH_SIZE ? PAUSE_MS : 0;
  }

  /** Before there is anything to carry: a wrong password is told at the start, not at night. */
  async #reach(): Promise<void> {
    await this.#place.deliver([]);
    this.#wasReached = true;
    this.#succeeded();
  }

  #succeeded(): void {
    if (this.#reason !== undefined) this.#deps.log.info('forwarding', { target: this.#target });
    this.#reason = undefined;
    this.#inRow = 0;
  }

  #failed(error: unknown, signal: AbortSignal): number {
    if (signal.aborted) return 0;
    this.#failures += 1;
    const reason = error instanceof Error ? error.message : String(error);
    const wait_ms = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** Math.min(this.#inRow, 16));
    this.#inRow += 1;
    if (reason !== this.#reason) {
      this.#reason = reason;
      this.#deps.log.warn('not_forwarded', { target: this.#target, reason });
    }
    return wait_ms * (0.5 + Math.random() / 2);
  }
}
