/**
 * The figures of docs/STEGO.md: decibels at 10,000 and 20,000 net bits, header and all side
 * information included, every result verified by extraction; capacity, short messages and time.
 *
 *     npm run bench:stego -- [FOLDER]
 *
 * Covers are the PNGs of FOLDER, or of ../shared/covers beside the checkout. Without them phantoms
 * stand in.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodePng, type Picture, psnr_dB } from '../src/stego/coder.ts';
import { capacity, embed, extract, PROFILE_NAMES } from '../src/stego/engine.ts';
import type { ProfileName } from '../src/stego/index.ts';
import { phantom } from '../src/stego/phantom.ts';

const KEY = new Uint8Array(32).fill(7);
const FOLDERS = ['../shared/covers', '../../shared/covers'];
/** The four pictures of the published tables, in their order. */
const FOUR = ['airplane', 'baboon', 'boat', 'lena'];

interface Figure {
  readonly dB: number;
  readonly embed_ms: number;
  readonly extract_ms: number;
}

function coversFolder(): URL | undefined {
  const [given] = process.argv.slice(2);
  const usual = FOLDERS.map((path) => new URL(`../${path}/`, import.meta.url));
  const folders = given === undefined ? usual : [pathToFileURL(`${resolve(given)}/`)];
  const found = folders.find((url) => existsSync(url));
  if (found !== undefined || given === undefined) return found;
  console.error(`There is no folder ${given}: npm run bench:stego -- [FOLDER]`);
  process.exit(2);
}

function covers(): Map<string, Picture> {
  const folder = coversFolder();
  if (folder === undefined) {
    console.log('NO COVERS FOUND: what follows is measured on generated phantoms, and cannot be');
    console.log('compared with published figures.\n');
    return new Map([
      ['phantom', phantom({ size: 512, depth: 8, seed: 1 })],
      ['phantom_16', phantom({ size: 512, depth: 16, seed: 1 })],
    ]);
  }
  const names = readdirSync(folder).filter((name) => name.endsWith('.png'));
  return new Map(
    names.map((name) => [
      name.slice(0, -4),
      decodePng(readFileSync(new URL(name, folder))).picture,
    ]),
  );
}

function payloadOf(bits: number): Uint8Array {
  return Uint8Array.from({ length: bits / 8 }, (_, i) => Math.imul(i + 11, 2654435761) >>> 13);
}

const ROUNDS = 3;

/** The median processor time of three rounds: a busy machine, or a collection, changes little. */
function timed<T>(work: () => T): readonly [T, number] {
  const times: number[] = [];
  let result: T;
  do {
    const before = process.cpuUsage();
    result = work();
    times.push(process.cpuUsage(before).user / 1000);
  } while (times.length < ROUNDS);
  return [result, times.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0];
}

/** Undefined if the picture cannot hold so many bits. */
function measure(cover: Picture, bits: number, name: ProfileName): Figure | undefined {
  const payload = payloadOf(bits);
  try {
    const [stego, embed_ms] = timed(() => embed(cover, payload, KEY, name));
    const [found, extract_ms] = timed(() => extract(stego, KEY));
    const same = (a: ArrayBufferView, b: ArrayBufferView) =>
      Buffer.compare(new Uint8Array(a.buffer), new Uint8Array(b.buffer)) === 0;
    const restored = found.cover.planes.every((plane, i) => same(plane, cover.planes[i] ?? plane));
    if (!same(found.payload, payload) || !restored) throw new Error(`${name}: not restored`);
    return { dB: psnr_dB(cover, stego), embed_ms, extract_ms };
  } catch (error) {
    if (error instanceof Error && 'failure' in error && error.failure === 'capacity') {
      return undefined;
    }
    throw error;
  }
}

function cell(figure: Figure | undefined): string {
  if (figure === undefined) return 'does not fit'.padEnd(24);
  const { dB, embed_ms, extract_ms } = figure;
  return `${dB.toFixed(2)} dB ${embed_ms.toFixed(0)}/${extract_ms.toFixed(0)} ms`.padEnd(24);
}

function table(name: ProfileName, pictures: ReadonlyMap<string, Picture>): void {
  console.log(`\n${name}: decibels, processor time to embed/extract`);
  console.log(`${''.padEnd(14)}${'10,000 bits'.padEnd(24)}${'20,000 bits'.padEnd(24)}capacity`);
  const four: (readonly (Figure | undefined)[])[] = [];
  for (const [label, cover] of pictures) {
    const figures = [10_000, 20_000].map((bits) => measure(cover, bits, name));
    if (FOUR.includes(label)) four.push(figures);
    const bytes = capacity(cover, name);
    console.log(`${label.padEnd(14)}${figures.map(cell).join('')}${8 * bytes} bits`);
  }
  if (four.length < FOUR.length) return;
  const means = [0, 1].map((i) => {
    const known = four.flatMap((figures) => figures[i] ?? []);
    return cell({
      dB: mean(known.map(({ dB }) => dB)),
      embed_ms: mean(known.map(({ embed_ms }) => embed_ms)),
      extract_ms: mean(known.map(({ extract_ms }) => extract_ms)),
    });
  });
  console.log(`${'mean of four'.padEnd(14)}${means.join('')}(${FOUR.join(', ')})`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const pictures = covers();
// Compiled code is what is measured: a process that hides one picture only compiles meanwhile, and
// takes up to 0.15 s more, whatever the size of the picture.
const warm = phantom({ size: 512, depth: 8, seed: 2 });
for (const name of PROFILE_NAMES) {
  for (let i = 0; i < (name === 'max' ? 1 : 4); i++) measure(warm, 8000, name);
  table(name, pictures);
}

console.log('\n128-bit message, fast');
for (const [label, cover] of pictures)
  console.log(label.padEnd(14) + cell(measure(cover, 128, 'fast')));

console.log('\ntime by size, fast, 0.04 bits a pixel, phantom');
for (const size of [512, 1024, 2048, 3464]) {
  const cover = phantom({ size, depth: 8, seed: 3 });
  const bits = Math.floor((size * size * 0.04) / 8) * 8;
  const figure = measure(cover, bits, 'fast');
  const megapixels = (size * size) / 1e6;
  const each =
    figure === undefined
      ? ''
      : `${(figure.embed_ms / megapixels).toFixed(0)} ms embed and ${(figure.extract_ms / megapixels).toFixed(0)} ms extract a megapixel`;
  console.log(`${megapixels.toFixed(2).padStart(6)} megapixels: ${each}`);
}
