/**
 * Two peers against two rivals in the same run, 256-byte messages, two processes each, rounds
 * interleaved, medians quoted:
 *
 *     (b)  Koa + undici, JSON POST over mutual TLS 1.3, 16 at a time, no store
 *     (c)  POST, durable SQLite insert, POST, durable insert, 200; no encryption
 *
 * Ours is the whole way: sealed, durable on both sides, acknowledged.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { spread } from './figures.ts';

const ROUNDS = 5;
const ONE_BY_ONE = 300;
const AT_ONCE = 3_000;
const DRAINED = 20_000;
const FILE_SIZE = 64 * 1024 * 1024;
const DEADLINE_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
const children: ChildProcess[] = [];
const text = 'x'.repeat(256);
const json = { 'content-type': 'application/json' };

interface Started {
  readonly pool: Pool;
  readonly origin: string;
}

async function startRival(
  name: string,
  args: readonly string[],
  secure: boolean,
): Promise<Started> {
  const child = fork(new URL(`./rivals/${name}.ts`, import.meta.url), [...args]);
  children.push(child);
  const [port] = (await once(child, 'message')) as [number];
  const origin = `${secure ? 'https' : 'http'}://127.0.0.1:${port}`;
  const read = (file: string) => readFileSync(new URL(`./fixtures/${file}`, import.meta.url));
  const connect = secure && {
    connect: { key: read('client.key'), cert: read('client.pem'), ca: read('ca.pem') },
  };
  return { origin, pool: new Pool(origin, { connections: 16, ...connect }) };
}

async function startPeer(name: string): Promise<Started> {
  const child = fork(new URL('./rivals/peer.ts', import.meta.url), [name, join(folder, name)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [origin] = (await once(child, 'message')) as [string];
  return { origin, pool: new Pool(origin, { connections: 16, headersTimeout: DEADLINE_MS }) };
}

async function post(pool: Pool, path: string, body: string | Uint8Array, headers = {}) {
  const answer = await pool.request({
    method: 'POST',
    path,
    body,
    headers: { ...json, ...headers },
  });
  const reply = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${reply}`);
  return reply === '' ? {} : (JSON.parse(reply) as Record<string, unknown>);
}

/** Queues the file at alice, then waits until bob has acknowledged all of it: seconds for each. */
async function sendFile(alice: Started, file: Uint8Array): Promise<[number, number]> {
  const start = performance.now();
  await post(alice.pool, '/send_msg?name=a', file, { 'content-type': 'application/octet-stream' });
  const queuedAt = performance.now();
  while ((await queued(alice)) > 0) {
    if (performance.now() - start > DEADLINE_MS) throw new Error('the file did not arrive');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return [(queuedAt - start) / 1000, (performance.now() - queuedAt) / 1000];
}

/** Calls a second, `width` at a time. */
async function rate(count: number, width: number, call: () => Promise<unknown>): Promise<number> {
  let left = count;
  const start = performance.now();
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return (count / (performance.now() - start)) * 1000;
}

interface Shown {
  readonly contacts: readonly { readonly name: string; readonly queued: { messages: number } }[];
}

async function queued(peer: Started): Promise<number> {
  const answer = await peer.pool.request({ method: 'GET', path: '/show' });
  return ((await answer.body.json()) as Shown).contacts[0]?.queued.messages ?? 0;
}

/** Fills the outbox while bob's address is wrong, then corrects it and waits until all is acknowledged. */
async function drain(alice: Started, bob: Started): Promise<number> {
  const wrong = JSON.stringify({ to: 'bob', address: 'http://127.0.0.1:1' });
  await post(alice.pool, '/send_keys', wrong).catch(() => undefined);
  await rate(DRAINED, 32, () => post(alice.pool, '/send_msg', JSON.stringify({ text })));
  const before = await queued(alice);
  if (before < DRAINED) throw new Error(`only ${before} of ${DRAINED} are waiting`);
  const start = performance.now();
  const met = post(alice.pool, '/send_keys', JSON.stringify({ to: 'bob', address: bob.origin }));
  while ((await queued(alice)) > 0) {
    if (performance.now() - start > DEADLINE_MS) throw new Error('the outbox was not drained');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const speed = (DRAINED / (performance.now() - start)) * 1000;
  await met;
  return speed;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const COLUMNS = {
  bMessages: '(b) messages/s, 16 at a time',
  cMessages: '(c) messages/s, one at a time',
  oneByOne: 'ours, one at a time, messages/s',
  drained: 'ours, full outbox drained, messages/s',
  bFile: '(b) 64 MiB, s',
  fileQueued: 'ours, 64 MiB from a third process into alice, durable, s',
  fileSent: 'ours, 64 MiB from alice to bob, durable and acknowledged, s',
} as const;

type Round = Record<keyof typeof COLUMNS, number>;

async function main(): Promise<void> {
  const tls = await startRival('tls-server', [join(folder, 'upload')], true);
  const sink = await startRival('relay', [join(folder, 'sink.db')], false);
  const relay = await startRival('relay', [join(folder, 'relay.db'), sink.origin], false);
  const alice = await startPeer('alice');
  const bob = await startPeer('bob');
  await post(alice.pool, '/send_keys', JSON.stringify({ to: 'bob', address: bob.origin }));
  await post(bob.pool, '/send_keys', JSON.stringify({ to: 'alice', address: alice.origin }));
  const file = new Uint8Array(FILE_SIZE).fill(0x5a);
  const binary = { 'content-type': 'application/octet-stream' };
  const waiting = JSON.stringify({ text, wait: 30 });
  const plain = JSON.stringify({ text });
  const rounds: Round[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const measured = {
      bMessages: await rate(AT_ONCE, 16, () => post(tls.pool, '/', plain)),
      cMessages: await rate(ONE_BY_ONE, 1, () => post(relay.pool, '/', plain)),
      oneByOne: await rate(ONE_BY_ONE, 1, () => post(alice.pool, '/send_msg', waiting)),
      drained: await drain(alice, bob),
      bFile: await seconds(() => post(tls.pool, '/file', file, binary)),
    };
    const [fileQueued, fileSent] = await sendFile(alice, file);
    console.error(JSON.stringify({ ...measured, fileQueued, fileSent }));
    // The first round warms everything up.
    if (round > 0) rounds.push({ ...measured, fileQueued, fileSent });
  }
  report(rounds);
}

/** Three digits that mean something; none in powers of ten. */
function numberOf(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}

function report(rounds: readonly Round[]): void {
  const of = (column: keyof Round) => median(rounds.map((round) => round[column]));
  const ratio = (a: keyof Round, b: keyof Round) =>
    spread(
      rounds.map((round) => round[a] / round[b]),
      2,
    );
  const rows = Object.entries(COLUMNS).map(([column, title]) => {
    const values = rounds.map((round) => round[column as keyof Round]);
    const between = `${numberOf(Math.min(...values))} – ${numberOf(Math.max(...values))}`;
    return `| ${title} | ${numberOf(of(column as keyof Round))} | ${between} |`;
  });
  console.log(`## Two peers, against mutual TLS and a durable relay

256-byte messages, two processes each, ${ROUNDS} interleaved rounds after one to warm up.
(b): Koa + undici, JSON over mutual TLS 1.3, no store. (c): POST, durable insert, POST, durable insert, no encryption.

| | median | spread |
|---|---|---|
${rows.join('\n')}

| ratio | median (spread) | wanted |
|---|---|---|
| one at a time, durable on both sides, acknowledged / (c) | ${ratio('oneByOne', 'cMessages')} | ≥ 0.7 |
| full outbox drained, durable on both sides / (b) | ${ratio('drained', 'bMessages')} | ≥ 5 |
| speed of a 64 MiB file from peer to peer / its upload over (b), each written and synced at its end | ${ratio('bFile', 'fileSent')} | ≥ 0.8 |

In (b) the file lies in the memory of the process that sends it. Ours lies in alice's outbox by then, synced;
what that costs before is the line "into alice".`);
}

try {
  await main();
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
