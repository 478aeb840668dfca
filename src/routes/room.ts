/**
 * Memory for bodies that are still arriving, of all requests together. Where it is used up, the one
 * that has been at it the longest gives way: an honest body is there within a moment, one that is
 * to take room away from others stays.
 */

/** A body up to here takes none of it: there are only so many connections. */
const SMALL_SIZE = 16 * 1024;

interface Holder {
  readonly size: number;
  readonly giveWay: () => void;
}

export class Room {
  readonly #sizeMax: number;
  #held = 0;
  /** By the request; oldest first. */
  readonly #holders = new Map<object, Holder>();

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** @param size of what has arrived so far. `giveWay` is called at most once, perhaps at once. */
  hold(request: object, size: number, giveWay: () => void): void {
    if (size <= SMALL_SIZE) return;
    this.#held += size - (this.#holders.get(request)?.size ?? 0);
    this.#holders.set(request, { size, giveWay });
    for (const [oldest, holder] of this.#holders) {
      if (this.#held <= this.#sizeMax) return;
      this.leave(oldest);
      holder.giveWay();
    }
  }

  leave(request: object): void {
    this.#held -= this.#holders.get(request)?.size ?? 0;
    this.#holders.delete(request);
  }
}
