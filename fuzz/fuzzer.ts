/**
 * A coverage-guided fuzzer: mutates inputs, keeps those that reach code that no other has, and
 * reports those that make a decoder throw what it has not declared, or compute too long.
 *
 * V8's own block counters are read once a batch, since that costs more than a run; only a batch
 * that reached something new is run again, one by one, to find which input it was.
 */
import { createHash } from 'node:crypto';
import { Random } from '../test/support/random.ts';
import { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { Watchdog } from './watchdog.ts';

export interface Target {
  readonly name: string;
  /** URLs of the sources whose coverage guides. */
  readonly watched: RegExp;
  /** Good inputs to begin with. */
  seeds(): readonly Uint8Array[];
  /** @throws {Error} if the decoder did what it must not; what it has declared is caught here. */
  run(bytes: Uint8Array): void | Promise<void>;
  /** Ends what `run` has opened for all inputs. */
  close?(): Promise<void>;
}

export interface Found {
  readonly runs: number;
  readonly corpus: readonly Uint8Array[];
  readonly crashes: readonly { readonly input: Uint8Array; readonly error: unknown }[];
  /** Characters of the watched sources. */
  readonly covered: { readonly run: number; readonly all: number };
}

const BATCH = 64;
/**
 * What an input may cost in computing, of this thread; on the clock a busy machine would make
 * mistakes. A collection of garbage may fall into one try, but not into all.
 */
const TOO_LONG_MS = 2_000;
const TRIES = 3;
/** On the clock, for what waits: everything here ends by itself in milliseconds. */
const HANGS_MS = 60_000;

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Ends when so many different mistakes were found. */
  readonly crashesMax: number;
  readonly watchdog?: Watchdog;
}

export async function fuzz(
  target: Target,
  known: readonly Uint8Array[],
  { seconds, seed, crashesMax, watchdog }: FuzzOptions,
): Promise<Found> {
  const coverage = new Coverage(target.watched);
  const random = new Random(seed);
  const crashes = new Map<string, { input: Uint8Array; error: unknown }>();
  const corpus: Uint8Array[] = [];
  let runs = 0;

  const run = async (input: Uint8Array) => {
    runs += 1;
    watchdog?.begin(input);
    const error = await failure(target, input);
    watchdog?.end();
    if (error !== undefined) crashes.set(kindOf(error), { input, error });
  };
  const keepNew = async (inputs: readonly Uint8Array[]) => {
    for (const input of inputs) {
      await run(input);
      if (coverage.reachedMore()) corpus.push(input);
    }
  };

  await keepNew([...target.seeds(), ...known]);
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end && crashes.size < crashesMax) {
    const batch = Array.from({ length: BATCH }, () =>
      mutate(random.pick(corpus) ?? new Uint8Array(1), random, corpus),
    );
    for (const input of batch) await run(input);
    if (coverage.reachedMore(false)) await keepNew(batch);
  }
  return { runs, corpus, crashes: [...crashes.values()], covered: coverage.total() };
}

/** What is wrong with how `target` took `input`. */
export async function failure(target: Target, input: Uint8Array): Promise<unknown> {
  let took_ms = 0;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = process.threadCpuUsage();
    const error = await thrown(target, input);
    if (error !== undefined) return error;
    const { user, system } = process.threadCpuUsage(before);
    took_ms = Math.round((user + system) / 1_000);
    if (took_ms <= TOO_LONG_MS) return undefined;
  }
  return new Error(`took ${took_ms} ms of computing`);
}

async function thrown(target: Target, input: Uint8Array): Promise<unknown> {
  // What a listener throws in an event reaches nobody who awaits, and would end a peer.
  const { promise: outside, reject } = Promise.withResolvers<never>();
  process.once('uncaughtException', reject);
  const timer = setTimeout(() => reject(new Error(`no end in ${HANGS_MS / 1_000} s`)), HANGS_MS);
  try {
    await Promise.race([target.run(Uint8Array.from(input)), outside]);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
    process.off('uncaughtException', reject);
  }
}

/** So that one mistake is reported once. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const where = error.stack?.split('\n').find((line) => line.includes('/src/')) ?? '';
  return `${error.name} ${where}`;
}

export function nameOf(input: Uint8Array): string {
  return `${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`;
}
