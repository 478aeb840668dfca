/** When to repeat what may have been lost: after 1, 2, 4, 8 … s, for a while (PROTOCOL §5, §6). */

const FIRST_ms = 1_000;

/** How long XX2, PSK1, PSK3 and KK1 are repeated. */
export const REPEATED_FOR_ms = 60_000;

export class Repeats {
  readonly endsAt: number;
  #interval_ms = FIRST_ms;
  #dueAt: number;

  /** @param now the time of the first sending. */
  constructor(now: number) {
    this.endsAt = now + REPEATED_FOR_ms;
    this.#dueAt = now + FIRST_ms;
  }

  /** When there is something to do: to repeat, or to give up. */
  get nextAt(): number {
    return Math.min(this.#dueAt, this.endsAt);
  }

  /** Whether to repeat now; the next time is twice as far away. */
  take(now: number): boolean {
    if (now < this.#dueAt || now >= this.endsAt) return false;
    this.#interval_ms *= 2;
    this.#dueAt = now + this.#interval_ms;
    return true;
  }
}
