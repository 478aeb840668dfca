/**
 * How long GET /show takes at a peer that hides a file in a 12-megapixel picture meanwhile, and
 * how the engine's time grows with the picture. What is wanted: p99 of 50 ms, and ± 20 % a
 * megapixel, of 2^20 pixels, from 0.25 to 64.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePng, phantom } from '../src/stego/coder.ts';
import { embed, extract } from '../src/stego/engine.ts';
import { spread } from './figures.ts';

const SIDE = 3464;
const FILE_SIZE = 40_000;
const BETWEEN_ms = 5;
const KEY = new Uint8Array(32).fill(7);
const SIDES = [512, 1024, 2048, SIDE, 5792, 8192] as const;
const BITS_A_SAMPLE = 0.04;

const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
const children: ChildProcess[] = [];

async function startPeer(name: string): Promise<string> {
  const child = fork(new URL('./rivals/peer.ts', import.meta.url), [name, join(folder, name)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [origin] = (await once(child, 'message')) as [string];
  return origin;
}

/** Milliseconds of each GET /show until `work` is done. */
async function watched(origin: string, work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let isDone = false;
  const ended = work.finally(() => {
    isDone = true;
  });
  // Its failure is met below, where the peers are still ended; not as nobody's in between.
  ended.catch(() => undefined);
  while (!isDone) {
    const start = performance.now();
    await (await fetch(`${origin}/show`)).text();
    times.push(performance.now() - start);
    await sleep(BETWEEN_ms);
  }
  await ended;
  return times;
}

function line(label: string, times: number[]): string {
  const sorted = times.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]?.toFixed(1);
  return `| ${label} | ${sorted.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

async function showWhileHiding(): Promise<string[]> {
  const [alice, bob] = [await startPeer('alice'), await startPeer('bob')];
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ to: 'bob', address: bob });
  const met = fetch(`${alice}/send_keys`, { method: 'POST', headers, body });
  const back = JSON.stringify({ to: 'alice', address: alice });
  await sleep(500);
  await fetch(`${bob}/send_keys`, { method: 'POST', headers, body: back });
  await met;
  const cover = encodePng(phantom({ size: SIDE, depth: 8, seed: 1 }), { before: [], after: [] });
  const hide = async () => {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(FILE_SIZE)]), 'file.bin');
    form.set('cover', new Blob([cover.slice()]), 'cover.png');
    form.set('answer', 'file');
    form.set('force', 'true');
    const answer = await fetch(`${alice}/send_msg`, { method: 'POST', body: form });
    const bytes = await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(new TextDecoder().decode(bytes));
  };
  await watched(alice, sleep(1000));
  const idle = await watched(alice, sleep(5000));
  const busy: number[] = [];
  for (let i = 0; i < 3; i++) busy.push(...(await watched(alice, hide())));
  return [line('idle', idle), line('hiding in 12 megapixels', busy)];
}

function engineBySize(): string[] {
  const timed = <T>(work: () => T): readonly [T, number] => {
    const before = process.cpuUsage();
    const result = work();
    return [result, process.cpuUsage(before).user / 1000];
  };
  return SIDES.map((size) => {
    const cover = phantom({ size, depth: 8, seed: 3 });
    const payload = new Uint8Array((size * size * BITS_A_SAMPLE) / 8);
    const [embeds, extracts]: [number[], number[]] = [[], []];
    for (let round = 0; round < (size > 2048 ? 3 : 6); round++) {
      const [stego, embed_ms] = timed(() => embed(cover, payload, KEY, 'fast'));
      const [, extract_ms] = timed(() => extract(stego, KEY));
      embeds.push(embed_ms);
      extracts.push(extract_ms);
    }
    const megapixels = (size * size) / 2 ** 20;
    const each = (times: readonly number[]) =>
      spread(
        times.map((time) => time / megapixels),
        0,
      );
    return `| ${megapixels.toFixed(2)} | ${each(embeds)} | ${each(extracts)} |`;
  });
}

try {
  // The smallest size comes first, and would pay for compiling: up to 0.15 s, whatever the size.
  for (let round = 0; round < 10; round++) {
    const cover = phantom({ size: 512, depth: 8, seed: 2 });
    extract(embed(cover, new Uint8Array(1000), KEY, 'fast'), KEY);
  }
  const sizes = engineBySize();
  const shows = await showWhileHiding();
  console.log(`## Pictures

GET /show every ${BETWEEN_ms} ms at a peer that hides ${FILE_SIZE} bytes in ${SIDE} × ${SIDE} pixels, wanted: p99 ≤ 50 ms.

| peer | calls | median, ms | p99, ms | slowest, ms |
|---|---|---|---|---|
${shows.join('\n')}

Profile fast, ${BITS_A_SAMPLE} bits a sample, phantom; processor time of compiled code, median and spread, wanted: ± 20 %. A megapixel is 2^20 pixels.

| megapixels | embed, ms a megapixel | extract, ms a megapixel |
|---|---|---|
${sizes.join('\n')}`);
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
