/**
 * Hides in a made-up picture, or reveals from one, and prints the peak of this process' memory in
 * MiB:
 *
 *     node peak-memory.ts make|hide|reveal SIDE FOLDER
 *
 * Making, hiding and revealing are processes of their own, so that none pays for another.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePng, hide, reveal } from '../../../src/stego/coder.ts';
import { randomOf } from './pictures.ts';

const [verb, side = '', folder = ''] = process.argv.slice(2);
const [coverPath, stegoPath] = [join(folder, 'cover.png'), join(folder, 'stego.png')];
const key = new Uint8Array(32).fill(9);
const payload = Uint8Array.from({ length: 10_000 }, (_, i) => Math.imul(i, 167) >> 3);

if (verb === 'make') {
  // 16 bits, slow waves and six bits of noise: what takes the most memory and hides well.
  const size = Number(side);
  const random = randomOf(1);
  const plane = new Uint16Array(size * size);
  for (let i = 0; i < plane.length; i++) {
    const wave = Math.sin((i % size) / 310) * Math.cos(i / size / 270);
    plane[i] = 32768 + 20000 * wave + 64 * random();
  }
  const picture = {
    width: size,
    height: size,
    depth: 16,
    colour: 'gray',
    planes: [plane],
  } as const;
  writeFileSync(coverPath, encodePng(picture, { before: [], after: [] }));
} else if (verb === 'hide') {
  const { png } = await hide(readFileSync(coverPath), payload, key, { profile: 'fast' });
  writeFileSync(stegoPath, png);
} else {
  const revealed = await reveal(readFileSync(stegoPath), key);
  if (Buffer.compare(revealed.payload, payload) !== 0) throw new Error('another payload');
}
console.log(Math.round(process.resourceUsage().maxRSS / 1024));
