/**
 * Hiding, revealing and measuring, off the event loop: how much may wait, how long one picture may
 * take, and what a refusal means to a person.
 */
import {
  type Capacity,
  type Hidden,
  type HideOptions,
  type Revealed,
  StegoError,
  StegoPool,
} from '../stego/index.ts';
import type { Clock } from './ports.ts';
import { UseCaseError } from './use-case-error.ts';

/** PROTOCOL §9.1: of a PNG file, in bytes. */
export const PICTURE_SIZE_MAX = 32 * 1024 * 1024;
/** 13 megapixels of RGB, 40 of gray; a thread needs some 16 bytes for each. */
const SAMPLES_MAX = 40 * 1024 * 1024;
/** Whatever is hidden or looked for: what takes longer is ended, with its thread. */
const DEADLINE_MS = 120_000;
/** Pictures of one kind of work that may wait or be under way. */
const WAITING_MAX = 8;

/**
 * A thread for what this peer's person asks, and one for what comes from outside: a stranger who
 * sends picture after picture keeps nobody here from hiding.
 */
export class PictureWork {
  readonly #clock: Clock;
  readonly #onHiding: (share: number) => void;
  readonly #own = new StegoPool({ queueMax: WAITING_MAX });
  readonly #foreign = new StegoPool({ queueMax: WAITING_MAX });
  #waiting = 0;
  #isClosed = false;

  /** @param onHiding is told several times a second what share of a picture is done. */
  constructor(clock: Clock, onHiding: (share: number) => void) {
    this.#clock = clock;
    this.#onHiding = onHiding;
  }

  /** @throws {UseCaseError} `cover_unusable`, `cover_too_small`, `busy` */
  hide(
    cover: Uint8Array,
    payload: Uint8Array,
    key: Uint8Array,
    options: Pick<HideOptions, 'profile'>,
  ): Promise<Hidden> {
    return this.#asked(async (signal) => {
      const all = { ...options, samplesMax: SAMPLES_MAX, signal };
      try {
        const told = { ...all, onProgress: this.#onHiding };
        return await this.#own.hide(cover, payload, key, told);
      } catch (cause) {
        if (!(cause instanceof StegoError) || cause.failure !== 'capacity') throw cause;
        const room = await this.#own.capacity(cover, payload.length, all);
        throw tooSmall(room, payload.length, cause);
      }
    });
  }

  /** @throws {UseCaseError} `cover_unusable`, `busy` */
  capacity(cover: Uint8Array, payloadSize: number | undefined): Promise<Capacity> {
    return this.#asked((signal) =>
      this.#own.capacity(cover, payloadSize, { samplesMax: SAMPLES_MAX, signal }),
    );
  }

  /** A picture of unknown origin. @throws {StegoError} */
  reveal(png: Uint8Array, keys: readonly Uint8Array[]): Promise<Revealed> {
    return this.#timed((signal) =>
      this.#foreign.revealWithAny(png, keys, { samplesMax: SAMPLES_MAX, signal }),
    );
  }

  /** What is under way is refused as `stopping`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#own.close(), this.#foreign.close()]);
  }

  async #asked<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      throw new UseCaseError('busy', 'other pictures are being worked on: try again in a while');
    }
    this.#waiting += 1;
    try {
      return await this.#timed(work);
    } catch (cause) {
      if (!(cause instanceof StegoError)) throw cause;
      throw new UseCaseError('cover_unusable', cause.message, { cause });
    } finally {
      this.#waiting -= 1;
    }
  }

  async #timed<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const done = new AbortController();
    void this.#clock.sleep(DEADLINE_MS, done.signal).then(() => {
      if (!done.signal.aborted) late.abort();
    });
    try {
      return await work(late.signal);
    } catch (cause) {
      if (this.#isClosed) {
        throw new UseCaseError('stopping', 'the peer is stopping: try again later', { cause });
      }
      if (!late.signal.aborted) throw cause;
      const seconds = DEADLINE_MS / 1_000;
      const message = `the picture took more than ${seconds} s: take a smaller one`;
      throw new StegoError('too_large', message, { cause });
    } finally {
      done.abort();
    }
  }
}

function tooSmall({ width, height, bytes, pixelsNeeded }: Capacity, size: number, cause: unknown) {
  const holds = `this cover of ${width} × ${height} pixels holds ${bytes} bytes, and it takes ${size}`;
  const side = Math.ceil(Math.sqrt(pixelsNeeded ?? 0));
  const cure =
    side === 0 ? 'take a larger one' : `one like it of about ${side} × ${side} pixels would do`;
  return new UseCaseError('cover_too_small', `${holds}: ${cure}`, { cause });
}
