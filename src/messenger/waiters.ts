/** Who waits for messages to be acknowledged. */

interface Waiter {
  /** The first, up to the last, that is not known to be acknowledged. */
  from: bigint;
  readonly last: bigint;
  readonly resolve: () => void;
}

export interface Waiting {
  readonly promise: Promise<void>;
  cancel(): void;
}

export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /**
   * For all from `first` to `last`: bundles overtake each other, so that the last part of a content
   * is acknowledged says nothing of the others.
   */
  add(first: bigint, last: bigint): Waiting {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { from: first, last, resolve };
    this.#waiters.add(waiter);
    return { promise, cancel: () => this.#waiters.delete(waiter) };
  }

  /** Resolves for those who have what they waited for. */
  settle(isAcknowledged: (sequence: bigint) => boolean): void {
    for (const waiter of this.#waiters) {
      while (waiter.from <= waiter.last && isAcknowledged(waiter.from)) waiter.from += 1n;
      if (waiter.from <= waiter.last) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
