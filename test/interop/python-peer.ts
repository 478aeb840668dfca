/** Drives test/interop/peer.py, the peer in Python: a command is a line in, an event a line out. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PATIENCE_MS } from '../support/patience.ts';

/** Debian's own, because only that one has Debian's python3-cryptography. */
const PYTHON = '/usr/bin/python3';

const FOLDER = new URL('.', import.meta.url).pathname;

/** Why the peer in Python cannot run here, with the command that helps; undefined: it can. */
export function pythonMissing(): string | undefined {
  const { status } = spawnSync(PYTHON, ['-c', 'import cryptography']);
  return status === 0 ? undefined : 'NOT RUN: apt-get install -y python3-cryptography';
}

/** Runs one of the folder's scripts to its end. */
export function runPython(script: string, ...args: string[]): { status: number; output: string } {
  const run = spawnSync(PYTHON, ['-B', FOLDER + script, ...args], { encoding: 'utf8' });
  return { status: run.status ?? -1, output: run.stdout + run.stderr };
}

export type Line = Readonly<Record<string, unknown>>;

export class PythonPeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #events: Line[] = [];
  readonly #answers = new Map<number, Line>();
  #commands = 0;
  #stderr = '';
  #wake = Promise.withResolvers<void>();

  private constructor(args: readonly string[]) {
    this.#process = spawn(PYTHON, ['-B', `${FOLDER}peer.py`, ...args]);
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    createInterface(this.#process.stdout).on('line', (line) => this.#hear(JSON.parse(line)));
    this.#process.on('exit', () => this.#rouse());
  }

  /** Ready to be called at `address`, which a port of 0 leaves to the system. */
  static async start(
    name: string,
    store: string,
    port = 0,
    ...args: string[]
  ): Promise<{ readonly peer: PythonPeer; readonly address: string; readonly key: string }> {
    const peer = new PythonPeer(['--store', store, '--name', name, '--port', `${port}`, ...args]);
    const { address, key } = await peer.until('ready');
    return { peer, address: String(address), key: String(key) };
  }

  /** @throws {Error} with the peer's words if it refuses the command. */
  async do(name: string, fields: Line = {}): Promise<Line> {
    this.#commands += 1;
    const id = this.#commands;
    this.#process.stdin.write(`${JSON.stringify({ id, do: name, ...fields })}\n`);
    const answer = await this.#patiently(name, () => this.#answers.get(id));
    if (answer['error'] !== undefined) throw new Error(`${name}: ${answer['error']}`);
    return answer;
  }

  /** The first event of this kind with these fields, taken once. */
  async until(event: string, fields: Line = {}): Promise<Line> {
    const matches = (line: Line): boolean =>
      Object.entries({ event, ...fields }).every(([key, value]) => line[key] === value);
    return await this.#patiently(event, () => {
      const at = this.#events.findIndex(matches);
      return at < 0 ? undefined : this.#events.splice(at, 1)[0];
    });
  }

  /** How often it happened and was not yet taken by `until`. */
  count(event: string, fields: Line = {}): number {
    const wanted = Object.entries({ event, ...fields });
    return this.#events.filter((line) => wanted.every(([k, v]) => line[k] === v)).length;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  #hear(line: Line): void {
    if (typeof line['id'] === 'number') this.#answers.set(line['id'], line);
    else this.#events.push(line);
    this.#rouse();
  }

  #rouse(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #patiently(what: string, look: () => Line | undefined): Promise<Line> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    const expired = once(deadline, 'abort');
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const ended = this.#process.exitCode !== null;
      if (ended || deadline.aborted) throw new Error(`no ${what} from Python\n${this.#lately()}`);
      await Promise.race([this.#wake.promise, expired]);
    }
  }

  #lately(): string {
    return [...this.#events.map((line) => JSON.stringify(line)), this.#stderr].join('\n');
  }
}
