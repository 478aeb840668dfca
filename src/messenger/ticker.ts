/** Wakes the machines when they have something to repeat, to give up or to wipe. */
import type { Effect, Meetings, Reunions, Sessions } from '../protocol/index.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import type { Clock } from './ports.ts';

/** Nothing that ticks needs to be more punctual. */
const TICK_MS = 250;
export interface TickerDeps {
  readonly sessions: Sessions;
  readonly meetings: Meetings;
  readonly reunions: Reunions;
  readonly contacts: Contacts;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly carryOut: (effects: readonly Effect[]) => void;
}

export class Ticker {
  readonly #deps: TickerDeps;
  readonly #poll_ms: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polledAt = 0;

  /** @param poll_ms how often to ask contacts for what they have; undefined: they can call. */
  constructor(deps: TickerDeps, poll_ms: number | undefined) {
    this.#deps = deps;
    this.#poll_ms = poll_ms;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    // A peer lives as long as its server does; the ticker keeps nothing alive.
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { sessions, meetings, reunions, clock, carryOut } = this.#deps;
    const now = clock.monotonic_ms();
    carryOut(sessions.tick(now));
    carryOut(meetings.tick(now));
    carryOut(reunions.tick(now));
    if (this.#poll_ms !== undefined && now - this.#polledAt >= this.#poll_ms) this.#poll(now);
  }

  #poll(now: number): void {
    this.#polledAt = now;
    for (const { id, publicKey } of this.#deps.contacts.all()) {
      if (publicKey === undefined) continue;
      this.#deps.deliveries.of(id).poll();
      this.#deps.deliveries.wake(id);
    }
  }
}
