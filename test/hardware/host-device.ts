/** Builds and drives hardware/esp32-peer/host: the firmware as a process, on a pty. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { PATIENCE_MS } from '../support/patience.ts';

const run = promisify(execFile);
export const HARDWARE = new URL('../../hardware/esp32-peer/', import.meta.url).pathname;

/** Why the firmware cannot be built here, with the command that helps; undefined: it can. */
export async function firmwareMissing(): Promise<string | undefined> {
  for (const tool of ['gcc', 'make', 'flock']) {
    const found = await run(tool, ['--version']).then(
      () => true,
      () => false,
    );
    if (!found) return advice(tool);
  }
  return existsSync('/usr/include/psa/crypto.h') ? undefined : advice('libmbedtls-dev');
}

function advice(lacking: string): string {
  return `LEFT OUT for want of ${lacking}: apt-get install gcc make libc6-dev libmbedtls-dev util-linux`;
}

/** Runs `make` in a folder of the firmware, one at a time, and returns what it printed. */
export async function make(folder: string, ...targets: string[]): Promise<string> {
  const args = ['-s', '-C', HARDWARE + folder, `NODE=${process.execPath}`, ...targets];
  return (await run('flock', [HARDWARE + folder, 'make', ...args], { maxBuffer: 2 ** 24 })).stdout;
}

export class HostDevice {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: string[] = [];
  /** With --tell: when each reading was taken. */
  readonly taken_ms: number[] = [];
  /** Hears each line of the console, besides those who wait for one. */
  onLine: (line: string) => void = () => undefined;
  #stderr = '';
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  constructor(...args: string[]) {
    // The sanitizers keep 256 MiB of what was freed, which looks like a leak; a little is enough.
    const env = { ...process.env, ASAN_OPTIONS: 'quarantine_size_mb=1' };
    this.#process = spawn(`${HARDWARE}host/build/sotto-device`, args, { env });
    // Who types at a device whose plug was just pulled is not heard; that is all.
    this.#process.stdin.on('error', () => undefined);
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    createInterface(this.#process.stdout).on('line', (line) => {
      const reading = /^reading (\d+)$/.exec(line);
      if (reading === null) this.#lines.push(line);
      else this.taken_ms.push(Number(reading[1]));
      this.onLine(line);
      this.#rouse();
    });
    this.#process.on('close', () => {
      this.#hasEnded = true;
      this.#rouse();
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** A line typed at the device's own console. */
  type(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The first line that matches, of those not yet asked for; it and all before it are gone. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    deadline.addEventListener('abort', () => this.#rouse());
    for (;;) {
      for (let at = 0; at < this.#lines.length; at++) {
        const found = pattern.exec(this.#lines[at] ?? '');
        if (found === null) continue;
        this.#lines.splice(0, at + 1);
        return found;
      }
      if (deadline.aborted || this.#hasEnded) {
        throw new Error(`no ${pattern}; it said ${this.#lines.join(' | ')} ${this.#stderr}`);
      }
      await this.#wake.promise;
    }
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const gone = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await gone;
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }
}
