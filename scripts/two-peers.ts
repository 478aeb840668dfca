/**
 * Two peers, each its own process, with what they print marked by name: two that are identical, or
 * one and the bridge to a device that takes the other's place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findRunning } from '../src/presence.ts';

const COMMAND = fileURLToPath(new URL('./sotto.mjs', import.meta.url));
const HOST = '127.0.0.1';
const NAMES = ['alice', 'bob'] as const;
const STOPPED = 'Stopped before both were running.';

export interface PairOptions {
  readonly ports: readonly [number, number];
  readonly folder: string;
  /** Forget what earlier runs left in the folder. */
  readonly fresh: boolean;
  /** The line of a device that is to be bob. */
  readonly serial?: string;
  /** More flags for both, for instance `--crypto noble`. */
  readonly flags: readonly string[];
}

/** Plaintext and codes are `out`, logs are `log`. */
type Stream = 'out' | 'log';
type Heard = (stream: Stream, line: string) => void;

/** Where what a peer prints goes. */
export type Listener = (name: string, stream: Stream, line: string) => void;

export interface RunningPeer {
  readonly name: string;
  readonly origin: string;
  /** The page's address, with the token. */
  readonly pageLink: string;
  readonly process: ChildProcess;
}

/** Cannot start, for a reason that is told in one sentence. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** @throws {StartError} */
export function parsePairOptions(args: readonly string[]): PairOptions {
  const options = {
    ports: { type: 'string', default: '5000,5001' },
    'data-dir': { type: 'string' },
    fresh: { type: 'boolean', default: false },
    crypto: { type: 'string' },
    serial: { type: 'string' },
  } as const;
  const { values } = parsed(() => parseArgs({ args: [...args], options }));
  const ports = /^\d{1,5},\d{1,5}$/.test(values.ports) ? values.ports.split(',').map(Number) : [];
  const [first = 0, second = 0] = ports;
  const usable = ports.length === 2 && ports.every((port) => port > 0 && port < 65536);
  if (!usable || first === second) {
    throw new StartError(`--ports takes two different ports, as 5000,5001, not ${values.ports}.`);
  }
  return {
    ports: [first, second],
    // The alice who knows a device as bob is another than the one who knows a peer by that name.
    folder: resolve(values['data-dir'] ?? (values.serial === undefined ? 'data' : 'data/serial')),
    fresh: values.fresh,
    ...(values.serial !== undefined && { serial: values.serial }),
    flags: values.crypto === undefined ? [] : ['--crypto', values.crypto],
  };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.replace(/\. .*$/s, '') : 'Unusable';
    const takes =
      'There are --ports A,B, --data-dir DIR, --fresh, --crypto PROVIDER and --serial FILE';
    throw new StartError(`${message}. ${takes}.`, { cause });
  }
}

/**
 * Aborts at the first Ctrl-C and its like. From then on both peers are being stopped, and a second
 * one ends this process at once: its peers notice, and stop by themselves.
 */
export function heedSignals(): AbortSignal {
  const told = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heed = () => {
    for (const name of names) process.off(name, heed);
    told.abort();
  };
  for (const name of names) process.on(name, heed);
  return told.signal;
}

/**
 * Both are ready when this resolves. @throws {StartError} and then neither runs; also when `told`
 * aborts meanwhile.
 */
export async function startPair(
  options: PairOptions,
  listener: Listener,
  told: AbortSignal,
): Promise<[RunningPeer, RunningPeer]> {
  for (const port of options.ports) await checkPort(port);
  if (told.aborted) throw new StartError(STOPPED);
  if (options.fresh) for (const name of NAMES) await forget(join(options.folder, name));
  const [alice_at, bob_at] = options.ports.map((port) => `http://${HOST}:${port}`);
  const started = await Promise.allSettled([
    startPeer('alice', peerFlags('alice', `bob=${bob_at}`, options), listener),
    options.serial === undefined
      ? startPeer('bob', peerFlags('bob', `alice=${alice_at}`, options), listener)
      : startPeer('bob', bridgeFlags(options.serial, `${alice_at}`, options), listener),
  ]);
  const [alice, bob] = started;
  if (alice.status === 'fulfilled' && bob.status === 'fulfilled' && !told.aborted) {
    for (const { early } of [alice.value, bob.value]) early.show();
    return [alice.value, bob.value];
  }
  await stopPeers(started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
  throw started.find((each) => each.status === 'rejected')?.reason ?? new StartError(STOPPED);
}

/** Ends both cleanly; whoever does not end by itself is ended. */
export async function stopPeers(peers: readonly RunningPeer[]): Promise<void> {
  await Promise.all(
    peers.map(async ({ process: child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    }),
  );
}

function peerFlags(name: (typeof NAMES)[number], contact: string, options: PairOptions) {
  const { folder, flags, ports } = options;
  const port = ports[NAMES.indexOf(name)];
  const own = ['--demo', '--name', name, '--port', `${port}`, '--data-dir', join(folder, name)];
  return ['up', ...own, '--contact', contact, ...flags];
}

function bridgeFlags(serial: string, peer: string, { ports }: PairOptions): readonly string[] {
  return ['bridge', '--serial', serial, '--port', `${ports[1]}`, '--peer', peer];
}

async function startPeer(
  name: string,
  args: readonly string[],
  listener: Listener,
): Promise<RunningPeer & { readonly early: Early }> {
  // In a group of its own, so that Ctrl-C reaches it through us and once. If we end without a
  // word, the closed channel tells it.
  const child = spawn(process.execPath, [COMMAND, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  // Where one does not start, one sentence tells why; so what both print until then has to wait.
  const early = new Early((stream, line) => listener(name, stream, line));
  follow(child, (stream, line) => early.add(stream, line));
  const listening = once(child, 'message').then(([message]) => message);
  const ended = once(child, 'close').then(() => {
    throw new StartError(`${name} did not start: ${early.last.replace(/^sotto: /, '')}`);
  });
  ended.catch(() => {});
  const { origin, pageLink } = await Promise.race([listening, ended]);
  return { name, origin, pageLink, process: child, early };
}

/** Keeps what a peer prints, until it is to be shown. */
class Early {
  readonly #heard: Heard;
  #kept: [Stream, string][] | undefined = [];

  constructor(heard: Heard) {
    this.#heard = heard;
  }

  get last(): string {
    return this.#kept?.at(-1)?.[1] ?? '';
  }

  add(stream: Stream, line: string): void {
    if (this.#kept === undefined) this.#heard(stream, line);
    else this.#kept.push([stream, line]);
  }

  show(): void {
    for (const [stream, line] of this.#kept?.splice(0) ?? []) this.#heard(stream, line);
    this.#kept = undefined;
  }
}

function follow({ stdout, stderr }: ChildProcess, heard: Heard): void {
  if (stdout !== null) createInterface(stdout).on('line', (line) => heard('out', line));
  if (stderr !== null) createInterface(stderr).on('line', (line) => heard('log', line));
}

async function checkPort(port: number): Promise<void> {
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const next = 'Stop what listens there, or choose others with --ports A,B.';
    throw new StartError(`Port ${port} cannot be used. ${next}`, { cause });
  }
  server.close();
  await once(server, 'close');
}

/** Empties a peer's folder, and no other. */
async function forget(folder: string): Promise<void> {
  // One that hangs runs as well.
  const isFree = await findRunning(folder).then(
    (peer) => peer === undefined,
    () => false,
  );
  if (!isFree) {
    throw new StartError(`A peer runs on ${folder}. Stop it before you start a fresh one.`);
  }
  if (!existsSync(folder)) return;
  const content = readdirSync(folder);
  if (content.length > 0 && !content.includes('peer.db')) {
    throw new StartError(`${folder} is not the folder of a peer, so --fresh leaves it alone.`);
  }
  rmSync(folder, { recursive: true });
}
