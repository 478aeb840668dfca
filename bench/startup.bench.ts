/**
 * What it costs to start a peer, and to have one that does nothing, against a Koa that answers
 * "ok": from the start of the process to the first answered request, memory after a rest, and the
 * size of what an installation brings.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const ROUNDS = 5;
const REST_MS = 3_000;
const MIB = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-start-'));
const KOA = `import Koa from 'koa';
  const server = new Koa().use((ctx) => { ctx.body = 'ok'; }).listen(0, '127.0.0.1', () =>
    console.log('http://127.0.0.1:' + server.address().port + '/'));`;

/** Prints its address when it listens, on either stream. */
const CONTENDERS: Readonly<Record<string, () => readonly string[]>> = {
  'Koa alone': () => ['--input-type=module', '--eval', KOA],
  'sotto up, from the source': () => up('scripts/sotto.mjs'),
  'sotto up, from the package': () => up(join(folder, 'package/scripts/sotto.mjs')),
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
    for (const [name, args] of Object.entries(CONTENDERS)) {
      rounds.set(name, [...(rounds.get(name) ?? []), await measure(args())]);
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

function up(command: string): readonly string[] {
  const data = join(folder, `data-${Math.random()}`);
  return [command, 'up', '--port', '0', '--data-dir', data, '--name', 'alice'];
}

async function measure(args: readonly string[]): Promise<Measured> {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const origin = await addressOf(child);
    const { status } = await fetch(new URL('/healthz', origin));
    if (status !== 200) throw new Error(`${args[0]}: ${status}`);
    const answered_ms = performance.now() - began;
    await sleep(REST_MS);
    const text = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return { answered_ms, memory: Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) * 1_024 };
  } finally {
    child.kill('SIGKILL');
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

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
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

From the start of the process to the first answered request; memory ${REST_MS / 1_000} s later, with nothing to do; ${ROUNDS} interleaved rounds, each with a new data folder.

| | first answer, ms | spread | memory, MiB |
|---|---|---|---|
${rows.join('\n')}

Installed: ${(own / MIB).toFixed(1)} MiB of ours and ${(bytes / MIB).toFixed(1)} MiB in ${packages} packages. What a start loads is held by test/peer.test.ts.`);
}
