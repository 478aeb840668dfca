/** What can be killed, paused and started again: a peer, the device, the bridge, a wire. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../test/support/peer-process.ts';
import type { Random } from '../test/support/random.ts';
import type { Holding } from './holding.ts';

export interface Part {
  readonly name: string;
  readonly pid: number | undefined;
  start(): Promise<unknown>;
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown>;
}

/** A part that tells what it holds when it gets SIGUSR2. */
export interface Telling extends Part {
  readonly told: readonly unknown[];
}

interface ChildOptions {
  readonly name: string;
  /** A file of this folder. Its arguments: whether it is bad, a seed, and those given here. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly random: Random;
  /** How often each of its faults has happened. */
  readonly faults: Map<string, number>;
}

/** A part that lies between others, and does them harm. */
export class Child implements Telling {
  readonly name: string;
  /** False: from its next start on it does no harm. */
  isBad = false;
  readonly told: unknown[] = [];
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async start(): Promise<void> {
    const { entry, args, random } = this.#options;
    const file = fileURLToPath(new URL(entry, import.meta.url));
    const child = fork(file, [this.isBad ? 'bad' : 'good', `${random.u32()}`, ...args]);
    this.#process = child;
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${this.name} ended by itself: ${code}`);
    });
    ended.catch(() => undefined);
    const ready = new Promise<void>((resolve) => {
      child.on('message', (message) => (message === 'ready' ? resolve() : this.#hear(message)));
    });
    await Promise.race([ready, ended]);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async become(mood: 'good' | 'bad'): Promise<void> {
    this.isBad = mood === 'bad';
    await this.stop('SIGTERM');
    await this.start();
  }

  #hear(message: unknown): void {
    if (!isAboutFaults(message)) {
      this.told.push(message);
      return;
    }
    const { faults } = this.#options;
    for (const [fault, count] of Object.entries(message.faults)) {
      faults.set(fault, (faults.get(fault) ?? 0) + count);
    }
  }
}

function isAboutFaults(message: unknown): message is { faults: Record<string, number> } {
  return typeof message === 'object' && message !== null && 'faults' in message;
}

const LOOKS = 4;
const LOOK_MS = 500;

/** The least of some looks, each after a forced collection: what leaks is there in all of them. */
export async function holdingOf(part: Telling): Promise<Holding> {
  const looks: Holding[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    await sleep(LOOK_MS);
    looks.push(await lookAt(part));
  }
  const least = (of: (holding: Holding) => number) => Math.min(...looks.map(of));
  return { heap: least(({ heap }) => heap), descriptors: least(({ descriptors }) => descriptors) };
}

function lookAt(part: Telling): Promise<Holding> {
  const before = part.told.length;
  process.kill(part.pid ?? 0, 'SIGUSR2');
  return until(`${part.name} tells what it holds`, () => {
    const told = part.told[before] as { holding: Holding } | undefined;
    return told?.holding;
  });
}
