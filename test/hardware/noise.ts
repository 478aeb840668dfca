/** A line that drops, flips, repeats and delays, in both directions, by a seed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenSerial, openTty } from '../../src/link/index.ts';
import type { Random } from '../support/random.ts';

/** Of the first bytes after a zero, so of every short frame, one in so many comes to harm. */
const SHORT_RATE = 200;
const SHORT_SIZE = 48;
/** Of the bytes behind them: else no long frame would ever come through. */
const LONG_RATE = 4_000;
/** One piece in so many waits, at most so long; what comes after it waits as well. */
const DELAY_RATE = 20;
const DELAY_MAX_MS = 300;

/** What happened to the bytes of both directions. */
export interface Harm {
  passed: number;
  dropped: number;
  flipped: number;
  repeated: number;
  delayed: number;
}

export const noHarm = (): Harm => ({ passed: 0, dropped: 0, flipped: 0, repeated: 0, delayed: 0 });

/** @param isThrottled carries no more than the baud rate, which a pseudo terminal does not know. */
export function badLine(random: Random, harm: Harm, isThrottled = false): OpenSerial {
  return async (path, baud, { onBytes, onGone }) => {
    const byte_ms = isThrottled ? 10_000 / baud : 0;
    const arriving = new Direction(random, harm, byte_ms, onBytes);
    const port = await openTty(path, baud, { onBytes: (bytes) => arriving.take(bytes), onGone });
    const leaving = new Direction(random, harm, byte_ms, (bytes) => port.write(bytes));
    return {
      write: (bytes) => leaving.take(bytes),
      close() {
        for (const direction of [arriving, leaving]) direction.close();
        port.close();
      },
    };
  };
}

class Direction {
  readonly #random: Random;
  readonly #harm: Harm;
  /** How long a byte takes. */
  readonly #byte_ms: number;
  readonly #pass: (bytes: Uint8Array) => void;
  #sinceZero = 0;
  /** What is under way, in order: a line delays, it does not reorder. */
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(random: Random, harm: Harm, byte_ms: number, pass: (bytes: Uint8Array) => void) {
    this.#random = random;
    this.#harm = harm;
    this.#byte_ms = byte_ms;
    this.#pass = pass;
  }

  take(bytes: Uint8Array): void {
    const mangled = Uint8Array.from([...bytes].flatMap((byte) => this.#mangle(byte)));
    const isLate = this.#random.once(DELAY_RATE);
    if (isLate) this.#harm.delayed += 1;
    const late_ms = isLate ? this.#random.below(DELAY_MAX_MS) : 0;
    const delay_ms = Math.round(late_ms + bytes.length * this.#byte_ms);
    this.#last = this.#last.then(async () => {
      if (delay_ms > 0) await sleep(delay_ms);
      if (!this.#isClosed) this.#pass(mangled);
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #mangle(byte: number): number[] {
    this.#sinceZero = byte === 0 ? 0 : this.#sinceZero + 1;
    if (!this.#random.once(this.#sinceZero < SHORT_SIZE ? SHORT_RATE : LONG_RATE)) {
      this.#harm.passed += 1;
      return [byte];
    }
    const fate = this.#random.below(3);
    if (fate === 0) {
      this.#harm.dropped += 1;
      return [];
    }
    if (fate === 1) {
      this.#harm.flipped += 1;
      return [byte ^ (1 << this.#random.below(8))];
    }
    this.#harm.repeated += 1;
    return [byte, byte];
  }
}
