/** Hides and reveals off the event loop, one picture at a time a thread. */
import type { Piscina } from 'piscina';
import type { OnProgress } from './engine.ts';
import { StegoError } from './errors.ts';
import type { Capacity, Hidden, HideOptions, Look, Revealed } from './message.ts';
import type { Answer, Task } from './worker.ts';

export interface PoolOptions {
  /** Threads; each may need a gigabyte for the largest pictures. Default 1. */
  readonly threads?: number;
  /** Pictures that may wait. Default 16; what comes then is refused. */
  readonly queueMax?: number;
}

export interface Cancellable extends HideOptions {
  /** Ends the work, and its thread, at once. */
  readonly signal?: AbortSignal;
}

/** Unused threads end after a while, so an idle pool keeps no process alive for long. */
const IDLE_ms = 5_000;

/** How often somebody is told how far it is. */
const LOOK_ms = 50;

function shareIn(memory: SharedArrayBuffer | undefined): number {
  return memory === undefined ? 0 : (new Float64Array(memory)[0] ?? 0);
}

export class StegoPool {
  readonly #options: PoolOptions;
  /** Made with the first picture: most peers never see one. */
  #piscina: Promise<Piscina> | undefined;
  #isClosed = false;

  constructor(options: PoolOptions = {}) {
    this.#options = options;
  }

  /** See `hide` of message.ts. The arguments are copied; the result is the caller's. */
  async hide(
    coverPng: Uint8Array,
    payload: Uint8Array,
    key: Uint8Array,
    { signal, onProgress, ...options }: Cancellable = {},
  ): Promise<Hidden> {
    const task = { verb: 'hide', coverPng, payload, key, options } as const;
    return (await this.#run(task, signal, onProgress)) as Hidden;
  }

  /** See `reveal` of message.ts. */
  reveal(stegoPng: Uint8Array, key: Uint8Array, options: Cancellable = {}): Promise<Revealed> {
    return this.revealWithAny(stegoPng, [key], options);
  }

  /** See `revealWithAny` of message.ts. */
  async revealWithAny(
    stegoPng: Uint8Array,
    keys: readonly Uint8Array[],
    { signal, onProgress, ...options }: Cancellable = {},
  ): Promise<Revealed> {
    const task = { verb: 'reveal', stegoPng, keys, options } as const;
    return (await this.#run(task, signal, onProgress)) as Revealed;
  }

  /** See `lookAtDecoded` of message.ts. The picture is decoded there, so that nothing of it stays here. */
  async look(png: Uint8Array): Promise<Look> {
    return (await this.#run({ verb: 'look', png }, undefined)) as Look;
  }

  /** See `measureCapacity` of message.ts. */
  async capacity(
    coverPng: Uint8Array,
    wanted?: number | 'quiet',
    { signal, profile, samplesMax, onProgress }: Cancellable = {},
  ): Promise<Capacity> {
    const options = {
      ...(profile === undefined ? {} : { profile }),
      ...(samplesMax === undefined ? {} : { samplesMax }),
    };
    const task = { verb: 'capacity', coverPng, wanted, options } as const;
    return (await this.#run(task, signal, onProgress)) as Capacity;
  }

  /** Ends all threads; what still runs is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const piscina = await this.#piscina?.catch(() => undefined);
    await piscina?.destroy();
  }

  async #pool(): Promise<Piscina> {
    if (this.#isClosed) throw closed();
    this.#piscina ??= open(this.#options).catch((cause) => {
      // Such as that no descriptor is left: the next picture tries again.
      this.#piscina = undefined;
      throw cause;
    });
    return this.#piscina;
  }

  async #run(task: Task, signal: AbortSignal | undefined, onProgress?: OnProgress) {
    const progress = onProgress === undefined ? undefined : new SharedArrayBuffer(8);
    const looking = onProgress && setInterval(() => onProgress(shareIn(progress)), LOOK_ms);
    try {
      const piscina = await this.#pool();
      // Closed meanwhile: it would make a thread that nobody ends.
      if (this.#isClosed) throw closed();
      const answer: Answer = await piscina.run({ ...task, progress }, { signal: signal ?? null });
      if ('value' in answer) return answer.value;
      throw new StegoError(answer.failure, answer.message);
    } finally {
      clearInterval(looking);
    }
  }
}

function closed(): Error {
  return new Error('the pool is closed');
}

async function open({ threads = 1, queueMax = 16 }: PoolOptions): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  const piscina = new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    maxQueue: queueMax,
    idleTimeout: IDLE_ms,
  });
  // A thread that dies with nothing to do fails nobody's picture; the next one gets another.
  return piscina.on('error', () => undefined);
}
