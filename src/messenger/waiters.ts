/** Who waits for messages to be acknowledged. */

interface Waiter {
  /** The first, up to the last, that is not known to be acknowledged. */
  from: bigint;
  readonly last: bigint;
  readonly resolve: (isAcknowledged: boolean) => void;
}

export interface Waiting {
  /** False: it will not be known any more. */
  readonly promise: Promise<boolean>;
  cancel(): void;
}

export class Waiters {
  readonly #waiters = new Set<Waiter>();
  #isDismissed = false;

  /**
   * For all from `first` to `last`: bundles overtake each other, so that the last part of a content
   * is acknowledged says nothing of the others.
   */
  add(first: bigint, last: bigint): Waiting {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { from: first, last, resolve };
    if (this.#isDismissed) resolve(false);
    else this.#waiters.add(waiter);
    return { promise, cancel: () => this.#waiters.delete(waiter) };
  }

  /** Resolves for those who have what they waited for. */
  settle(isAcknowledged: (sequence: bigint) => boolean): void {
    for (const waiter of this.#waiters) {
      while (waiter.from <= waiter.last && isAcknowledged(waiter.from)) waiter.from += 1n;
      if (waiter.from <= waiter.last) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(true);
    }
  }

  /** Nobody waits any longer, nor from now on. */
  dismiss(): void {
    this.#isDismissed = true;
    for (const { resolve } of this.#waiters) resolve(false);
    this.#waiters.clear();
  }
}
