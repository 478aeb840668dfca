/**
 * Sees from a thread of its own that a decoder runs without an end, which no timer in its own thread
 * would: writes the input to a file, says so, and ends the process.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** On the clock; longer than all tries of what waits for something. */
const HANGS_MS = 240_000;
const LOOK_MS = 1_000;
/** How often something began, and the size of its input, or -1 while nothing runs. */
const [TURN, SIZE] = [0, 1];
const NOTHING = -1;
const INPUT_SIZE_MAX = 64 * 1024;

interface Watched {
  readonly state: Int32Array;
  readonly input: Uint8Array;
  readonly file: string;
}

export class Watchdog {
  readonly #watched: Watched;
  readonly #thread: Worker;

  /** @param file where the input goes that does not end. */
  constructor(file: string) {
    const state = new Int32Array(new SharedArrayBuffer(8)).fill(NOTHING);
    const input = new Uint8Array(new SharedArrayBuffer(INPUT_SIZE_MAX));
    this.#watched = { state, input, file };
    this.#thread = new Worker(new URL(import.meta.url), { workerData: this.#watched });
    this.#thread.unref();
  }

  begin(input: Uint8Array): void {
    const { state, input: shown } = this.#watched;
    shown.set(input.subarray(0, INPUT_SIZE_MAX));
    Atomics.add(state, TURN, 1);
    Atomics.store(state, SIZE, Math.min(input.length, INPUT_SIZE_MAX));
  }

  end(): void {
    Atomics.store(this.#watched.state, SIZE, NOTHING);
  }
}

function watch({ state, input, file }: Watched): void {
  let turn = NOTHING;
  let since = performance.now();
  setInterval(() => {
    const [now, size] = [Atomics.load(state, TURN), Atomics.load(state, SIZE)];
    if (now !== turn || size === NOTHING) [turn, since] = [now, performance.now()];
    if (performance.now() - since < HANGS_MS) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, input.slice(0, size));
    console.error(`${file}: it did not end in ${HANGS_MS / 1_000} s`);
    process.kill(process.pid, 'SIGKILL');
  }, LOOK_MS);
}

if (!isMainThread) watch(workerData as Watched);
