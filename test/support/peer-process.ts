/** A peer as people run it: `sotto up` in a process of its own, with what it prints kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { PATIENCE_MS } from './patience.ts';

const COMMAND = fileURLToPath(new URL('../../scripts/sotto.mjs', import.meta.url));
/** How `sotto up` is asked for what the tests want. */
const UP = [COMMAND, 'up'];
const POLL_MS = 20;

export interface PeerOptions {
  readonly name: string;
  readonly folder: string;
  /** More flags of `sotto up`. */
  readonly flags?: readonly string[];
  /** False: as `sotto up` is otherwise, where an operator has a token. */
  readonly demo?: boolean;
  /** Instead of `sotto up`: a file of a test that composes a peer of its own, and its environment. */
  readonly entry?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** For Node itself. */
  readonly nodeFlags?: readonly string[];
}

/** What answers hold, each some of it: which, is for the test to compare. */
export interface Fields {
  readonly code: string;
  readonly detail: string;
  readonly id: string;
  readonly count: number;
  readonly delivered: boolean;
  readonly public_key: string;
  readonly combined_key: string;
  readonly messages: readonly OpenedMessage[];
  readonly contacts: readonly [ShownContact, ...ShownContact[]];
  readonly waiting: readonly { readonly name: string; readonly address: string }[];
  readonly refused: Readonly<Record<string, number>>;
  /** Of a picture that was sent; and of a cover that was measured, what it would take. */
  readonly picture: SentPicture;
  readonly bytes: number;
  readonly pixels_needed: number;
  /** Of a picture that was brought by hand. */
  readonly cover: { readonly content: string };
}

export interface SentPicture {
  readonly psnr_dB: number;
  readonly bits_per_sample: number;
  readonly cover: string;
  readonly cover_sha256: string;
  readonly warnings: readonly string[];
}

/** Of a contact in GET /show. */
export interface ShownContact {
  readonly name: string;
  readonly state: string;
  readonly verified: boolean;
  readonly fingerprint: string;
  readonly session: string;
  /** While there is something to compare. */
  readonly code?: string;
  readonly queued: { readonly messages: number; readonly items: number; readonly bytes: number };
  readonly arriving: readonly { readonly parts: number; readonly count: number }[];
  readonly unopened: number;
  readonly pictures: { readonly count: number; readonly bytes: number };
}

/** A message in the reply to who shows the token; a text, or a file and where its bytes are. */
export interface OpenedMessage {
  readonly id: string;
  readonly from: string;
  readonly verified: boolean;
  readonly type: string;
  readonly text: string;
  readonly name: string;
  readonly size: number;
  readonly content: string;
  /** Of one that came in a picture: where the cover is. */
  readonly cover: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Uint8Array;
  /** The same as text. */
  readonly text: string;
  /** Of an answer that is not JSON, nothing. */
  readonly json: Fields;
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
  /** Whatever else its process has said to the one that started it. */
  readonly told: unknown[] = [];
  /** Of a process that ended by itself. */
  exitCode: number | null = null;
  readonly #options: PeerOptions;
  #flags: readonly string[];
  #process: ChildProcess | undefined;
  /** Whatever ended it, and even if nobody waits yet: an event that has been is not heard again. */
  #closed: Promise<number | null> = Promise.resolve(null);

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#flags = options.flags ?? [];
  }

  /** Resolves when it listens. */
  async start(): Promise<this> {
    const { name, folder, demo = true, entry, environment, nodeFlags = [] } = this.#options;
    const mode = demo ? ['--demo'] : [];
    const own = [...mode, '--port', '0', '--name', name, '--data-dir', folder];
    const what = entry === undefined ? UP : [entry];
    const child = spawn(process.execPath, [...nodeFlags, ...what, ...own, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: environment ?? process.env,
    });
    this.#process = child;
    keepLines(child.stdout, this.terminal);
    keepLines(child.stderr, this.log);
    this.#closed = once(child, 'close').then(([code]) => code);
    const ended = this.#closed.then((code) => {
      this.exitCode = code;
      throw new Error(`${name} did not start: ${this.log.at(-1)}`);
    });
    const ready = await Promise.race([this.#ready(child), ended]);
    ended.catch(() => undefined);
    this.origin = ready.origin;
    this.token = new URL(ready.pageLink).searchParams.get('token') ?? '';
    return this;
  }

  #ready(child: ChildProcess): Promise<Ready> {
    return new Promise((resolve) => {
      child.on('message', (message) => {
        if (isReady(message)) resolve(message);
        else this.told.push(message);
      });
    });
  }

  /** Opens the page, for its own person. */
  get pageLink(): string {
    return `${this.origin}/?token=${this.token}`;
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

  /** So that what it once held does not hide what it holds from now on; where the kernel can. */
  forgetPeak(): void {
    const file = `/proc/${this.#process?.pid}/clear_refs`;
    if (existsSync(file)) writeFileSync(file, '5');
  }

  /** The most memory that it has held, since then or its start, as the kernel counts, in bytes. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Stopped or killed, it starts again with these flags, and where it listened before. */
  async restart(flags: readonly string[], signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') {
    const { port } = this;
    await this.stop(signal);
    this.#flags = ['--port', `${port}`, ...flags];
    await this.start();
  }

  /** As its person would. Returns its exit code; null if a signal ended it. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#process;
    if (child === undefined) return null;
    this.#process = undefined;
    child.kill(signal);
    return this.#closed;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { json, body, headers = {} } = options;
    const response = await request(`${this.origin}${path}`, {
      method,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      headersTimeout: PATIENCE_MS,
    });
    const bytes = await response.body.bytes();
    const text = new TextDecoder().decode(bytes);
    const isJson = /json/.test(String(response.headers['content-type']));
    const { statusCode: status, headers: answered } = response;
    return { status, headers: answered, bytes, text, json: isJson ? JSON.parse(text) : {} };
  }

  post(path: string, json?: object): Promise<Answer> {
    return this.call('POST', path, json === undefined ? {} : { json });
  }

  /** What GET /show says about a contact. @throws {Error} if there is none of that name. */
  async contact(name: string): Promise<ShownContact> {
    const { json } = await this.call('GET', '/show');
    const contact = json.contacts.find((each) => each.name === name);
    if (contact === undefined) throw new Error(`${this.name} has no contact ${name}`);
    return contact;
  }

  /** As its person, who has the token, sees it: the messages that had not been opened yet. */
  async opened(): Promise<OpenedMessage[]> {
    const found: OpenedMessage[] = [];
    for (;;) {
      const headers = { authorization: `Bearer ${this.token}` };
      const { status, text, json } = await this.call('POST', '/decrypt_msg', { headers });
      if (status !== 200) throw new Error(text);
      if (json.count === 0) return found;
      found.push(...json.messages);
    }
  }

  async openedTexts(): Promise<string[]> {
    return (await this.opened()).map(({ text }) => text);
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

interface Ready {
  readonly origin: string;
  readonly pageLink: string;
}

function isReady(message: unknown): message is Ready {
  return typeof message === 'object' && message !== null && 'pageLink' in message;
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
