/**
 * What it costs to start a peer, and to have one that does nothing, against a Koa that answers
 * "ok": from the start of the process to the first answered request, memory after a rest, and the
 * size of what an installation brings. `npm start` is npm, what starts the peers, and two of them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../test/support/free-ports.ts';
import { median } from './figures.ts';

const ROUNDS = 5;
const REST_MS = 3_000;
const MIB = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-start-'));
const KOA = `import Koa from 'koa';
  const server = new Koa().use((ctx) => { ctx.body = 'ok'; }).listen(0, '127.0.0.1', () =>
    console.log('http://127.0.0.1:' + server.address().port + '/'));`;

type Command = readonly [string, ...string[]];

/** Prints its address when it listens, on either stream. */
const CONTENDERS: Readonly<Record<string, () => Command | Promise<Command>>> = {
  'Koa alone': () => [process.execPath, '--input-type=module', '--eval', KOA],
  'sotto up, from the source': () => up('scripts/sotto.mjs'),
  'sotto up, from the package': () => up(join(folder, 'package/scripts/sotto.mjs')),
  'npm start: two peers': twoPeers,
};

interface Measured {
  readonly answered_ms: number;
  readonly memory: number;
}

try {
  execFileSync('npm', ['pack', '--pack-destination', folder], { stdio: 'ignore' });
  execFileSync('sh', ['-c', `tar xzf "${folder}"/*.tgz -C "${folder}"`]);
  execFileSync('ln', ['-s', join(process.cwd(), 'node_modules'), join(folder, 'node_modules')]);
  const rows: string[] = [];
  const rounds = new Map<string, Measured[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, command] of Object.entries(CONTENDERS)) {
      rounds.set(name, [...(rounds.get(name) ?? []), await measure(await command())]);
    }
  }
  for (const [name, all] of rounds) {
    const [answered, memory] = [
      all.map((each) => each.answered_ms),
      all.map((each) => each.memory),
    ];
    const spread = `${Math.min(...answered).toFixed(0)} – ${Math.max(...answered).toFixed(0)}`;
    rows.push(
      `| ${name} | ${median(answered).toFixed(0)} | ${spread} | ${(median(memory) / MIB).toFixed(0)} |`,
    );
  }
  report(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync('dist', { recursive: true, force: true });
}

function up(script: string): Command {
  const data = join(folder, `data-${Math.random()}`);
  return [process.execPath, script, 'up', '--port', '0', '--data-dir', data, '--name', 'alice'];
}

async function twoPeers(): Promise<Command> {
  const first = await freePorts(2);
  const data = join(folder, `data-${Math.random()}`);
  return ['npm', 'start', '--', '--ports', `${first},${first + 1}`, '--data-dir', data];
}

async function measure([command, ...args]: Command): Promise<Measured> {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const origin = await addressOf(child);
    const { status } = await fetch(new URL('/healthz', origin));
    if (status !== 200) throw new Error(`${command} ${args[0]}: ${status}`);
    const answered_ms = performance.now() - began;
    await sleep(REST_MS);
    const memory = familyOf(child.pid ?? 0).reduce((sum, pid) => sum + residentSize(pid), 0);
    return { answered_ms, memory };
  } finally {
    for (const pid of familyOf(child.pid ?? 0)) end(pid);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  }
}

/** The first that it prints. */
function addressOf({ stdout, stderr }: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const stream of [stdout, stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
  }
  return promise;
}

/** A process and whatever it has started, the youngest first; none once it has ended. */
function familyOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  const children = readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return [...children.flatMap(familyOf), pid];
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Of two peers the other one ends by itself, and what has started them.
  }
}

/** Bytes. */
function residentSize(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) * 1_024;
}

/** Of the packages that an installation has on this kind of machine, in bytes on the disk. */
function installedSize(): { readonly packages: number; readonly bytes: number } {
  const list = ['ls', '--omit=dev', '--all', '--parseable'];
  const paths = execFileSync('npm', list, { encoding: 'utf8' }).trim().split('\n').slice(1);
  const sizes = paths.map((path) => {
    const printed = execFileSync('du', ['-s', '-B1', '--exclude=node_modules', path]);
    return Number(printed.toString().split('\t')[0]);
  });
  return { packages: paths.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function report(rows: readonly string[]): void {
  const { packages, bytes } = installedSize();
  const own = Number(
    execFileSync('du', ['-s', '-B1', join(folder, 'package')])
      .toString()
      .split('\t')[0],
  );
  console.log(`## Start-up

From the start of the process to the first answered request; memory of all its processes ${REST_MS / 1_000} s later, with nothing to do; ${ROUNDS} interleaved rounds, each with a new data folder.

| | first answer, ms | spread | memory, MiB |
|---|---|---|---|
${rows.join('\n')}

Installed: ${(own / MIB).toFixed(1)} MiB of ours and ${(bytes / MIB).toFixed(1)} MiB in ${packages} packages. What a start loads is held by test/peer.test.ts.`);
}
