/**
 * `npm run esp32`: a peer, a bridge and a device on this computer, paired, with readings arriving.
 * The device is the very firmware, on a pty, with modelled sensors; nothing between is faked.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bridge, startBridge } from '../src/bridge/index.ts';

const COMMAND = fileURLToPath(new URL('./sotto.mjs', import.meta.url));
const HOST_FOLDER = fileURLToPath(new URL('../hardware/esp32-peer/host/', import.meta.url));
/** For what comes in a second; long, because a busy machine is not a failure. */
const PATIENCE_MS = 60_000;

/** Cannot go on, for a reason that is told in one sentence. */
class StepError extends Error {
  override readonly name = 'StepError';
}

interface Options {
  readonly ports: readonly [number, number];
  readonly folder: string;
  readonly every: string;
  /** Ends after so many readings were seen. */
  readonly count: number;
}

interface Device {
  readonly process: ChildProcess;
  readonly serial: string;
  /** Types a line at the device's console. */
  type(line: string): void;
  /** The next line it shows that matches. */
  next(pattern: RegExp): Promise<string>;
}

export async function main(args: readonly string[]): Promise<number> {
  const children: ChildProcess[] = [];
  const bridges: Bridge[] = [];
  try {
    const options = parseOptions(args);
    build();
    const device = await startDevice(options, children);
    const origin = await startPi(options, children);
    const bridge = await offer(device, origin, options);
    bridges.push(bridge);
    await pair(device, origin, bridge.origin);
    await watch(origin, options);
    return 0;
  } catch (cause) {
    if (!(cause instanceof StepError)) throw cause;
    console.error(cause.message);
    return 1;
  } finally {
    for (const bridge of bridges) await bridge.stop();
    for (const child of children) child.kill('SIGTERM');
  }
}

function parseOptions(args: readonly string[]): Options {
  const options = {
    ports: { type: 'string', default: '5000,5001' },
    'data-dir': { type: 'string', default: 'data' },
    every: { type: 'string', default: '10000' },
    count: { type: 'string', default: 'Infinity' },
    fresh: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const [pi = 0, bridge = 0] = values.ports.split(',').map(Number);
  const folder = resolve(values['data-dir']);
  if (values.fresh) for (const name of ['pi', 'device']) forget(join(folder, name));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { ports: [pi, bridge], folder, every: values.every, count: Number(values.count) };
}

/** Only what an earlier run made here. */
function forget(folder: string): void {
  const isOurs = ['identity', 'peer.db', 'peer.key'].some((name) => existsSync(join(folder, name)));
  if (isOurs) rmSync(folder, { recursive: true });
}

function build(): void {
  const { status, error, stderr } = spawnSync('make', ['-s', '-C', HOST_FOLDER], {
    encoding: 'utf8',
  });
  if (status === 0) return;
  const why = error?.message ?? stderr.split('\n').find((line) => line.includes('error'));
  const needs = 'apt-get install gcc make libc6-dev libmbedtls-dev';
  throw new StepError(`The firmware cannot be built here (${why}). It needs: ${needs}`);
}

async function startDevice({ folder, every }: Options, children: ChildProcess[]): Promise<Device> {
  const flags = ['--pty', '--data', join(folder, 'device'), '--name', 'esp', '--every', every];
  const child = spawn(join(HOST_FOLDER, 'build/sotto-device'), [...flags, '--clock']);
  children.push(child);
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    if (!line.startsWith('{')) console.log(`device │ ${line}`);
  });
  createInterface(child.stderr).on('line', (line) => console.error(`device │ ${line}`));
  const next = async (pattern: RegExp) => {
    for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
      const place = lines.findIndex((line) => pattern.test(line));
      // What came behind it may be asked for next.
      const found = lines.splice(0, place < 0 ? lines.length : place + 1).at(-1);
      if (place >= 0 && found !== undefined) return found;
      if (child.exitCode !== null) break;
      await sleep(50);
    }
    throw new StepError(`The device did not show ${pattern}.`);
  };
  const serial = (await next(/^serial: /)).replace('serial: ', '');
  return { process: child, serial, next, type: (line) => void child.stdin.write(`${line}\n`) };
}

async function startPi({ folder, ports }: Options, children: ChildProcess[]): Promise<string> {
  const own = ['--demo', '--name', 'pi', '--port', `${ports[0]}`, '--data-dir', join(folder, 'pi')];
  const child = spawn(process.execPath, [COMMAND, 'up', ...own], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const said: string[] = [];
  createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => {
    console.log(`pi     │ ${line}`);
  });
  createInterface(child.stderr as NodeJS.ReadableStream).on('line', (line) => said.push(line));
  const ready = once(child, 'message').then(([message]) => (message as { origin: string }).origin);
  const ended = once(child, 'exit').then(() => {
    throw new StepError(`The peer did not start: ${said.at(-1)}`);
  });
  ended.catch(() => {});
  return await Promise.race([ready, ended]);
}

async function offer(device: Device, origin: string, { ports }: Options): Promise<Bridge> {
  const say = (line: string) => console.log(`bridge │ ${line}`);
  const config = { serial: device.serial, baud: 115_200, host: '127.0.0.1', port: ports[1] };
  try {
    const bridge = await startBridge({ ...config, peers: [origin], say });
    while (!bridge.isUp()) await sleep(50);
    return bridge;
  } catch (cause) {
    throw new StepError(`Port ${ports[1]} cannot be listened on.`, { cause });
  }
}

async function pair(device: Device, origin: string, address: string): Promise<void> {
  const shown = (await (await fetch(`${origin}/show`)).json()) as {
    readonly contacts: readonly { readonly name: string; readonly state: string }[];
  };
  const isPaired = shown.contacts.some(({ name, state }) => name === 'esp' && state === 'paired');
  // Who is paired renews the keys: so each learns where the other is to be found this time.
  if (isPaired) return await exchangeKeys(origin, { to: 'esp', address });
  device.type('pair');
  const code = (await device.next(/^pairing code: /)).split(' ')[2];
  await exchangeKeys(origin, { to: 'esp', address, code });
  await device.next(/^paired with pi/);
}

async function exchangeKeys(origin: string, request: object): Promise<void> {
  const answer = await fetch(`${origin}/dh-key-exchange`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!answer.ok) throw new StepError(`They did not pair: ${await answer.text()}`);
}

/** What `/sensor` answers, as far as it is looked at here. */
interface Sensors extends Readonly<Record<string, unknown>> {
  readonly devices: readonly { readonly measured_at: string }[];
}

/** Shows each new reading until Ctrl-C, or until there were enough. */
async function watch(origin: string, { count, every }: Options): Promise<void> {
  console.log(`\nReadings arrive; see them at ${origin}/sensor. Ctrl-C stops.\n`);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  let last = '';
  for (let seen = 0; seen < count && !stop.signal.aborted; ) {
    const text = await (await fetch(`${origin}/sensor`)).text();
    const { devices, current_time: _, ...values } = JSON.parse(text) as Sensors;
    const [device] = devices;
    if (device !== undefined && device.measured_at !== last) {
      last = device.measured_at;
      seen += 1;
      console.log(`pi     │ ${last} ${JSON.stringify(values)}`);
    }
    const pause_ms = Math.min(500, Number(every) / 2);
    await sleep(pause_ms, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}
