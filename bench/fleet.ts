/**
 * One Pi and many devices, each sending a reading every ten seconds:
 *
 *     npm run bench:fleet -- [DEVICES…]        100 1000 5000, unless said otherwise
 *
 * Prints the Pi's processor time, its memory, how long an acknowledgement takes, and how long it is
 * after a restart of the Pi until every device has delivered again, against the bare X25519 that
 * this takes. Memory a device is what each takes beyond the fleet before: the first ones make Node
 * grow its heap, whatever they hold. Every device is paired by a code of its own; that takes a while.
 */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, setGlobalDispatcher } from 'undici';
import { openssl } from '../src/crypto/index.ts';
import { FleetDevice } from '../test/support/fleet-device.ts';
import { PeerProcess } from '../test/support/peer-process.ts';

const EVERY_MS = 10_000;
const ROUNDS = 3;
const TICKS_A_SECOND = 100;
/** X25519 operations of one KK on both sides: two key pairs, and es, ss, ee, se twice. */
const DH_A_MEETING = 8;
const AT_ONCE = 48;

setGlobalDispatcher(new Agent({ connections: AT_ONCE }));

interface Measured {
  readonly devices: number;
  readonly cpuPercent: number;
  readonly memoryMiB: number;
  readonly idleMiB: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly reconnection_s: number;
  readonly bare_s: number;
}

const wanted = process.argv.slice(2).map(Number);
const sizes = wanted.length > 0 ? wanted : [100, 1_000, 5_000];
const rows: Measured[] = [];
for (const size of sizes) rows.push(await measure(size));
print(rows);

async function measure(size: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-fleet-'));
  const port = await freePort();
  const flags = ['--log-level', 'error', '--port', `${port}`];
  const pi = new PeerProcess({ name: 'pi', folder: join(folder, 'pi'), flags });
  try {
    await pi.start();
    const idle = memoryOf(pi);
    const devices = Array.from({ length: size }, (_, at) => new FleetDevice(at, pi.origin));
    console.error(`${size} devices: pairing`);
    for (const device of devices) await device.pair(await pairingCode(pi));
    console.error(`${size} devices: reporting`);
    await reportAll(devices, 1_000);
    const [cpuBefore, began] = [cpuSeconds(pi), performance.now()];
    const took = (
      await Promise.all(Array.from({ length: ROUNDS }, (_, round) => oneRound(devices, round)))
    ).flat();
    const lasted_s = (performance.now() - began) / 1_000;
    const cpu = (cpuSeconds(pi) - cpuBefore) / lasted_s;
    const memory = memoryOf(pi);
    console.error(`${size} devices: a restart`);
    await pi.stop('SIGKILL');
    await pi.start();
    const back = performance.now();
    await everyOne(devices, AT_ONCE, (device) => device.report());
    const reconnection_s = (performance.now() - back) / 1_000;
    took.sort((one, other) => one - other);
    return {
      devices: size,
      cpuPercent: 100 * cpu,
      memoryMiB: memory / 2 ** 20,
      idleMiB: idle / 2 ** 20,
      p50_ms: took[Math.floor(took.length * 0.5)] ?? 0,
      p99_ms: took[Math.floor(took.length * 0.99)] ?? 0,
      reconnection_s,
      bare_s: size * DH_A_MEETING * dhSeconds(),
    };
  } finally {
    await pi.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each device once, evenly over ten seconds. @returns how long each acknowledgement took, in ms. */
async function oneRound(devices: readonly FleetDevice[], round: number): Promise<number[]> {
  const start = performance.now();
  const waits = devices.map(async (device, at) => {
    const due = start + EVERY_MS * (round + at / devices.length);
    await sleep(Math.max(0, due - performance.now()));
    const sent = performance.now();
    await device.report();
    return performance.now() - sent;
  });
  return Promise.all(waits);
}

async function reportAll(devices: readonly FleetDevice[], pause_ms: number): Promise<void> {
  await everyOne(devices, AT_ONCE, (device) => device.report());
  await sleep(pause_ms);
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

/** User and system time of a process, proc(5) `stat` fields 14 and 15. */
function cpuSeconds({ pid }: PeerProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Resident, in bytes. */
function memoryOf({ pid }: PeerProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

/** One bare X25519 of OpenSSL, on a key that is new to it. */
function dhSeconds(): number {
  const count = 2_000;
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const own = openssl.generateKeyPair(random);
  const others = Array.from({ length: count }, () => openssl.generateKeyPair(random).publicKey);
  const began = performance.now();
  for (const other of others) own.dh(other);
  return (performance.now() - began) / 1_000 / count;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function print(measured: readonly Measured[]): void {
  const titles = ['devices', 'CPU of one core', 'memory (idle)', 'each further device'];
  const more = ['ack p50', 'p99', 'reconnection', 'its bare X25519'];
  const line = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`);
  line([...titles, ...more]);
  line([...titles, ...more].map(() => '---'));
  for (const [at, row] of measured.entries()) {
    const before = measured[at - 1] ?? { devices: 0, memoryMiB: row.idleMiB };
    const grown = (1_024 * (row.memoryMiB - before.memoryMiB)) / (row.devices - before.devices);
    const ratio = (row.reconnection_s / row.bare_s).toFixed(1);
    line([
      `${row.devices}`,
      `${row.cpuPercent.toFixed(0)} %`,
      `${row.memoryMiB.toFixed(0)} MiB (${row.idleMiB.toFixed(0)})`,
      `${grown.toFixed(0)} KiB`,
      `${row.p50_ms.toFixed(1)} ms`,
      `${row.p99_ms.toFixed(1)} ms`,
      `${row.reconnection_s.toFixed(1)} s`,
      `${row.bare_s.toFixed(1)} s (${ratio} ×)`,
    ]);
  }
}
