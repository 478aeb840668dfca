/** A peer as people run it: `sotto up` in a process of its own, with what it prints kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';

const COMMAND = fileURLToPath(new URL('../../scripts/sotto.mjs', import.meta.url));
/** For a condition that must come true; long, because a busy machine is not a failure. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

export interface PeerOptions {
  readonly name: string;
  readonly folder: string;
  /** More flags of `sotto up`. */
  readonly flags?: readonly string[];
  /** False: as `sotto up` is otherwise, where an operator has a token. */
  readonly demo?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test compares it with what it expects.
  readonly json: any;
  readonly headers: IncomingHttpHeaders;
}

export interface CallOptions {
  readonly json?: object;
  readonly body?: string | Uint8Array | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export class PeerProcess {
  readonly name: string;
  origin = '';
  token = '';
  /** What its person sees, line by line; and what goes to the log. Over all its runs. */
  readonly terminal: string[] = [];
  readonly log: string[] = [];
  /** Of a process that ended by itself. */
  exitCode: number | null = null;
  readonly #options: PeerOptions;
  #process: ChildProcess | undefined;

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Resolves when it listens. */
  async start(): Promise<this> {
    const { name, folder, flags = [], demo = true } = this.#options;
    const own = [
      'up',
      ...(demo ? ['--demo'] : []),
      '--port',
      '0',
      '--name',
      name,
      '--data-dir',
      folder,
    ];
    const child = spawn(process.execPath, [COMMAND, ...own, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    keepLines(child.stdout, this.terminal);
    keepLines(child.stderr, this.log);
    const ended = once(child, 'close').then(([code]) => {
      this.exitCode = code;
      throw new Error(`${name} did not start: ${this.log.at(-1)}`);
    });
    const [ready] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
    this.origin = ready.origin;
    this.token = new URL(ready.pageLink).searchParams.get('token') ?? '';
    return this;
  }

  get folder(): string {
    return this.#options.folder;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get port(): number {
    return Number(new URL(this.origin).port);
  }

  /** The most memory that this run of it has held, as the kernel counts, in bytes. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** As its person would. Returns its exit code; null if a signal ended it. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#process;
    if (child === undefined) return null;
    this.#process = undefined;
    if (child.exitCode !== null) return child.exitCode;
    const ended = once(child, 'close');
    child.kill(signal);
    const [code] = await ended;
    return code;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { json, body, headers = {} } = options;
    const response = await request(`${this.origin}${path}`, {
      method,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      headersTimeout: PATIENCE_MS,
    });
    const text = await response.body.text();
    const isJson = /json/.test(String(response.headers['content-type']));
    const { statusCode: status, headers: answered } = response;
    return { status, text, json: isJson ? JSON.parse(text) : undefined, headers: answered };
  }

  post(path: string, json?: object): Promise<Answer> {
    return this.call('POST', path, json === undefined ? {} : { json });
  }

  /** What GET /show says about a contact. */
  async contact(name: string): Promise<Answer['json']> {
    const { json } = await this.call('GET', '/show');
    return json.contacts.find((contact: { name: string }) => contact.name === name);
  }

  /** The first match in what the terminal has shown, now or later. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return until(`${this.name}'s terminal shows ${pattern}`, () => {
      for (const line of this.terminal) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      return undefined;
    });
  }
}

function keepLines(stream: Readable | null, lines: string[]): void {
  if (stream !== null) createInterface(stream).on('line', (line) => lines.push(line));
}

/** Waits until `look` finds something. @throws {Error} that says what did not come. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { patience_ms = PATIENCE_MS, poll_ms = POLL_MS } = {},
): Promise<T> {
  const end = performance.now() + patience_ms;
  while (performance.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(poll_ms);
  }
  throw new Error(`it did not come true that ${what}`);
}
