/** Accepts each message counter once, in nearly any order. RFC 6479's idea, one bigint wide. */

/** How many counters a peer remembers; a device has room for fewer. */
export const WINDOW_SIZE = 1024;
export const DEVICE_WINDOW_SIZE = 64;

export class ReplayWindow {
  /** Counters older than the newest by this much or more are refused. */
  readonly #size: bigint;
  #newest = -1n;
  /** Bit i is set when counter `newest - i` was accepted. */
  #accepted = 0n;

  constructor(size: number = WINDOW_SIZE) {
    this.#size = BigInt(size);
  }

  /** Whether `accept` would refuse `counter`: saves opening what cannot be new. */
  hasSeen(counter: bigint): boolean {
    const age = this.#newest - counter;
    return age >= this.#size || (age >= 0n && ((this.#accepted >> age) & 1n) === 1n);
  }

  /**
   * Records `counter` and returns whether it is new. Call only after the message authenticated:
   * otherwise a forger could push the window past honest messages.
   */
  accept(counter: bigint): boolean {
    if (this.hasSeen(counter)) return false;
    if (counter > this.#newest) this.#slide(counter);
    else this.#accepted |= 1n << (this.#newest - counter);
    return true;
  }

  #slide(counter: bigint): void {
    const shift = counter - this.#newest;
    const kept = shift < this.#size ? this.#accepted << shift : 0n;
    this.#accepted = BigInt.asUintN(Number(this.#size), kept | 1n);
    this.#newest = counter;
  }
}
