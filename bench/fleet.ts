/**
 * One Pi and many devices, each sending a reading every ten seconds:
 *
 *     npm run bench:fleet -- [DEVICES…]        100 1000 5000, and then it writes docs/SCALE.md
 *
 * The Pi is `sotto up` in a process of its own; all devices are in this one. Every device is paired
 * by a code of its own; that takes a while. After three rounds of readings the Pi is killed and
 * started three times, and each time every device reports as soon as it can: it is told that its
 * session is gone, meets anew (KK), and its reading is acknowledged. A last restart is sampled, to
 * tell where the computing goes.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, setGlobalDispatcher } from 'undici';
import { openssl } from '../src/crypto/index.ts';
import { FleetDevice } from '../test/support/fleet-device.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { PeerProcess } from '../test/support/peer-process.ts';
import { median, occasion, quantile, row, sizesAsked, spread, writeSection } from './figures.ts';
import { stageShares } from './stages.ts';

const EVERY_MS = 10_000;
const ROUNDS = 3;
const RESTARTS = 3;
/**
 * X25519 operations for each device after a restart, as PROTOCOL has them: one for the gate, one for
 * the new ephemeral key, and es, ss, ee, se. Gate and ss are one value, so the Pi computes five:
 * test/protocol/reunions.test.ts counts them.
 */
const DH_A_REUNION = 6;
const AT_ONCE = 48;
const MIB = 2 ** 20;

setGlobalDispatcher(new Agent({ connections: AT_ONCE }));

/** After one restart. Times in seconds. */
interface Reconnection {
  /** Until every device has had its reading acknowledged. */
  readonly all_s: number;
  /** Processor time of the Pi meanwhile, and of its main thread alone. */
  readonly cpu_s: number;
  readonly main_s: number;
  /** Processor time of that many bare X25519. */
  readonly bare_s: number;
}

interface Measured {
  readonly devices: number;
  readonly cpuPercent: number;
  readonly memory: number;
  readonly idle: number;
  /** Each acknowledgement, in ms. */
  readonly took: readonly number[];
  readonly reconnections: readonly Reconnection[];
  /** Of the main thread's computing in a reconnection. */
  readonly shares: ReadonlyMap<string, number>;
}

const wanted = sizesAsked('npm run bench:fleet', 'devices');
const sizes = wanted.length > 0 ? wanted : [100, 1_000, 5_000];
const all: Measured[] = [];
for (const size of sizes) all.push(await measure(size));
const largest = all.at(-1);
const table = [...tableOf(all), ...(largest === undefined ? [] : stagesOf(largest))];
console.log(table.join('\n'));
if (wanted.length === 0) writeSection('fleet', [occasion('npm run bench:fleet'), '', ...table]);

async function measure(size: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-fleet-'));
  const flags = ['--log-level', 'error', '--port', `${await freePorts(1)}`];
  const pi = new PeerProcess({ name: 'pi', folder: join(folder, 'pi'), flags });
  try {
    await pi.start();
    const idle = memoryOf(pi);
    const devices = Array.from({ length: size }, (_, at) => new FleetDevice(at, pi.origin));
    console.error(`${size} devices: pairing`);
    for (const device of devices) await device.pair(await pairingCode(pi));
    await pi.stop();
    await pi.start();
    console.error(`${size} devices: reporting`);
    await everyOne(devices, AT_ONCE, (device) => device.report());
    await sleep(1_000);
    const [cpuBefore, began] = [cpuSeconds(pi), performance.now()];
    const took = await evenly(devices);
    const cpu = (1_000 * (cpuSeconds(pi) - cpuBefore)) / (performance.now() - began);
    const memory = memoryOf(pi);
    const reconnections: Reconnection[] = [];
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      console.error(`${size} devices: a restart`);
      await pi.stop('SIGKILL');
      await pi.start();
      reconnections.push(await reconnect(pi, devices));
    }
    console.error(`${size} devices: a restart that is sampled`);
    await pi.stop('SIGKILL');
    const shares = await sampled(folder, flags, devices);
    return { devices: size, cpuPercent: 100 * cpu, memory, idle, took, reconnections, shares };
  } finally {
    await pi.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Once more, in a process that V8 samples: slower, so only the shares count. */
async function sampled(
  folder: string,
  flags: readonly string[],
  devices: readonly FleetDevice[],
): Promise<ReadonlyMap<string, number>> {
  const profiles = join(folder, 'profiles');
  const nodeFlags = ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${profiles}`];
  const pi = new PeerProcess({ name: 'pi', folder: join(folder, 'pi'), flags, nodeFlags });
  try {
    await pi.start();
    const { main_s } = await reconnect(pi, devices);
    await pi.stop();
    const [profile] = readdirSync(profiles);
    return stageShares(join(profiles, profile ?? ''), main_s);
  } finally {
    await pi.stop('SIGKILL');
  }
}

async function reconnect(pi: PeerProcess, devices: readonly FleetDevice[]): Promise<Reconnection> {
  const [cpuBefore, began] = [cpuSeconds(pi), performance.now()];
  const mainBefore = cpuSeconds(pi, 'main');
  await everyOne(devices, AT_ONCE, (device) => device.report());
  const all_s = (performance.now() - began) / 1_000;
  const cpu_s = cpuSeconds(pi) - cpuBefore;
  const main_s = cpuSeconds(pi, 'main') - mainBefore;
  return { all_s, cpu_s, main_s, bare_s: devices.length * DH_A_REUNION * dhSeconds() };
}

/** All devices in turn, each every ten seconds. @returns how long each acknowledgement took, in ms. */
async function evenly(devices: readonly FleetDevice[]): Promise<number[]> {
  const start = performance.now();
  const reports: Promise<number>[] = [];
  // One wait at a time: with one for each, this process would begin by standing still.
  for (let at = 0; at < ROUNDS * devices.length; at += 1) {
    const due = start + (EVERY_MS * at) / devices.length;
    if (due > performance.now()) await sleep(due - performance.now());
    const device = devices[at % devices.length];
    if (device !== undefined) reports.push(timed(device));
  }
  return Promise.all(reports);
}

async function timed(device: FleetDevice): Promise<number> {
  const sent = performance.now();
  await device.report();
  return performance.now() - sent;
}

async function everyOne<T>(all: readonly T[], atOnce: number, act: (one: T) => Promise<void>) {
  const waiting = all.values();
  const worker = async () => {
    for (const one of waiting) await act(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function pairingCode(pi: PeerProcess): Promise<string> {
  const headers = { authorization: `Bearer ${pi.token}` };
  const { status, text } = await pi.call('POST', '/pair', { headers });
  if (status !== 200) throw new Error(text);
  return (JSON.parse(text) as { code: string }).code;
}

/** What the kernel has counted for the threads of a process, proc(5) `schedstat`. */
function cpuSeconds({ pid }: PeerProcess, which: 'all' | 'main' = 'all'): number {
  const threads = which === 'all' ? readdirSync(`/proc/${pid}/task`) : [pid];
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** Resident, in bytes. */
function memoryOf({ pid }: PeerProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

/** Processor time of one X25519 of OpenSSL through Node, on a key that is new to it. */
function dhSeconds(): number {
  const count = 2_000;
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const own = openssl.generateKeyPair(random);
  const others = Array.from({ length: count }, () => openssl.generateKeyPair(random).publicKey);
  const before = process.cpuUsage();
  for (const other of others) own.dh(other);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / count;
}

function tableOf(measured: readonly Measured[]): readonly string[] {
  const titles = [
    'devices',
    'CPU of one core',
    'memory, MiB (idle)',
    'KiB a device',
    'ack p50, ms',
    'p99, ms',
    'all back after, s',
    'computing of the Pi, s',
    'its bare X25519, s',
    'computing / bare',
  ];
  const rows = measured.map(({ devices, cpuPercent, memory, idle, took, reconnections }) => [
    `${devices}`,
    `${cpuPercent.toFixed(1)} %`,
    `${(memory / MIB).toFixed(0)} (${(idle / MIB).toFixed(0)})`,
    ((memory - idle) / 1_024 / devices).toFixed(1),
    quantile(took, 0.5).toFixed(1),
    quantile(took, 0.99).toFixed(1),
    spread(
      reconnections.map(({ all_s }) => all_s),
      2,
    ),
    spread(
      reconnections.map(({ cpu_s }) => cpu_s),
      2,
    ),
    spread(
      reconnections.map(({ bare_s }) => bare_s),
      2,
    ),
    spread(
      reconnections.map(({ cpu_s, bare_s }) => cpu_s / bare_s),
      2,
    ),
  ]);
  return [titles, titles.map(() => '---'), ...rows].map(row);
}

/** Where the computing of one device's reconnection goes; of the median restart, in µs. */
function stagesOf({ devices, reconnections, shares }: Measured): readonly string[] {
  const each = (of: 'cpu_s' | 'main_s' | 'bare_s') =>
    (1e6 * median(reconnections.map((reconnection) => reconnection[of]))) / devices;
  const byShare = [...shares].sort(([, share], [, other]) => other - share);
  const rows = [
    ...byShare.map(([stage, share]) => [stage, share * each('main_s')] as const),
    ['Other threads: V8 compiles, and collects garbage', each('cpu_s') - each('main_s')] as const,
    ['**together**', each('cpu_s')] as const,
    ['for comparison: six bare X25519', each('bare_s')] as const,
  ];
  const head = [`a reconnection of ${devices} devices`, 'µs a device'];
  const body = rows.map(([stage, time]) => row([stage, time.toFixed(0)]));
  return ['', row(head), row(['---', '---']), ...body];
}
