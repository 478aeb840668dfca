/**
 * Writes test/vectors/histogram-shift.json: covers, keys, payloads and the stego images that
 * profile integer makes of them, for every implementation of docs/STEGO.md §7.
 */
import { writeFileSync } from 'node:fs';
import { type Picture, sampleBytes } from '../src/stego/coder.ts';
import { BINS } from '../src/stego/context.ts';
import { embed } from '../src/stego/engine.ts';
import { decodeHeader, HeaderRing } from '../src/stego/header.ts';
import { phantom } from '../src/stego/phantom.ts';
import { copyOf } from '../src/stego/picture.ts';
import { integerPrior } from '../src/stego/prior.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The middle of a phantom, moved and stretched so that some of it is black or white. */
function cut(seed: number, depth: 8 | 16, stretch: number): Picture {
  const size = 256;
  const [width, height] = [72, 64];
  const whole = phantom({ size, depth, seed });
  const max = 2 ** depth - 1;
  const plane = new Uint16Array(width * height);
  for (let i = 0; i < plane.length; i++) {
    const at = (90 + Math.floor(i / width)) * size + 30 + (i % width);
    const sample = ((whole.planes[0]?.[at] ?? 0) - max / 4) * stretch + max / 4;
    plane[i] = Math.min(max, Math.max(0, Math.round(sample)));
  }
  return { width, height, depth, colour: 'gray', planes: [plane] };
}

/** Blocks of four colours, as on a screen, white among them: its last layer begins with a flag. */
function screen(): Picture {
  const [width, height] = [72, 64];
  const colours = [255, 250, 20, 130];
  const plane = Uint16Array.from({ length: width * height }, (_, i) => {
    const [column, row] = [Math.floor((i % width) / 7), Math.floor(i / width / 5)];
    return colours[(3 * column + row) % colours.length] ?? 0;
  });
  return { width, height, depth: 8, colour: 'gray', planes: [plane] };
}

const CASES = [
  { name: 'phantom', cover: cut(1, 8, 1), size: 8 },
  { name: 'nothing to say', cover: cut(2, 8, 1), size: 0 },
  { name: 'black and white', cover: cut(3, 8, 2.5), size: 2 },
  { name: 'sixteen bits', cover: cut(4, 16, 0.04), size: 6 },
  { name: 'few colours', cover: screen(), size: 3 },
] as const;

const cases = CASES.map(({ name, cover, size }, index) => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + index);
  const payload = Uint8Array.from({ length: size }, (_, i) => 31 * i + index);
  const stego = embed(cover, payload, key, 'integer');
  const header = decodeHeader(new HeaderRing(copyOf(stego), key).read());
  return {
    name,
    width: cover.width,
    height: cover.height,
    depth: cover.depth,
    key: hex(key),
    payload: hex(payload),
    price: header?.price,
    start: header?.start,
    cover: hex(sampleBytes(cover)),
    stego: hex(sampleBytes(stego)),
  };
});

const { parts, whole } = integerPrior();
const prior = Array.from({ length: parts.length / BINS }, (_, group) =>
  [...parts.subarray(group * BINS, (group + 1) * BINS)].join(' '),
);
const file = { prior: { whole, groups: prior }, cases };
writeFileSync(
  new URL('../test/vectors/histogram-shift.json', import.meta.url),
  `${JSON.stringify(file, null, 2)}\n`,
);
