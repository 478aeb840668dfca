/** Pictures that nothing was tuned on: scenes made up as a camera sees them, and cut covers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePng, phantom } from '../../../src/stego/coder.ts';
import { randomOf } from './pictures.ts';
import type { Gray } from './steganalysis.ts';

/** A picture and where it comes from: pictures of one source must not both teach and test. */
export interface Specimen extends Gray {
  readonly source: string;
}

/** Light on rough surfaces, edges between them, a lens that blurs, a sensor that adds noise. */
export function scene(size: number, seed: number): Specimen {
  const random = randomOf(seed);
  const gauss = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random();
    return sum;
  };
  const light = new Float64Array(size * size).fill(90 + 70 * random());
  for (let octave = size / 2, strength = 40; octave >= 2; octave /= 2) {
    addSurface(light, size, octave, strength, random);
    strength *= 0.45 + 0.25 * random();
  }
  for (let edge = 0; edge < 4; edge++) {
    const [angle, where, by] = [6.3 * random(), (random() - 0.3) * size, 60 * (random() - 0.5)];
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    for (let i = 0; i < light.length; i++) {
      if ((i % size) * c + Math.floor(i / size) * s > where) light[i] = (light[i] ?? 0) + by;
    }
  }
  const noise = 0.4 + 1.4 * random();
  const plane = new Uint16Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (dy: number, dx: number) =>
        light[Math.min(size - 1, y + dy) * size + Math.min(size - 1, x + dx)] ?? 0;
      const seen = (at(0, 0) * 4 + at(0, 1) * 2 + at(1, 0) * 2 + at(1, 1)) / 9;
      const grain = noise * Math.sqrt(Math.max(seen, 1) / 128) * gauss();
      plane[y * size + x] = Math.round(Math.min(250, Math.max(5, seen + grain)));
    }
  }
  return { width: size, height: size, plane, source: `scene ${seed}` };
}

/** Heights at every `octave`-th sample, straight lines between them. */
function addSurface(
  light: Float64Array,
  size: number,
  octave: number,
  strength: number,
  random: () => number,
): void {
  const side = Math.ceil(size / octave) + 2;
  const heights = Float64Array.from({ length: side * side }, () => strength * (random() - 0.5));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [u, v] = [x / octave, y / octave];
      const [i, j] = [Math.floor(u), Math.floor(v)];
      const height = (row: number, column: number) => heights[row * side + column] ?? 0;
      const above = height(j, i) * (1 - u + i) + height(j, i + 1) * (u - i);
      const below = height(j + 1, i) * (1 - u + i) + height(j + 1, i + 1) * (u - i);
      light[y * size + x] = (light[y * size + x] ?? 0) + above * (1 - v + j) + below * (v - j);
    }
  }
}

/** A piece of a noisy phantom. */
export function phantomPiece(size: number, seed: number): Specimen {
  const whole = phantom({ size: 2 * size, depth: 8, seed });
  const picture = { width: 2 * size, height: 2 * size, plane: whole.planes[0] as Uint16Array };
  return cut(picture, size, (seed * 37) % size, (seed * 61) % size, `phantom ${seed}`);
}

/** Squares of the covers beside the checkout; none without them. The four were never trained on. */
export function cutCovers(size: number): Specimen[] {
  const folders = ['../../../../shared/covers/', '../../../../../shared/covers/'];
  const folder = folders
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (folder === undefined) return [];
  return ['airplane', 'baboon', 'boat', 'lena', 'mr_siemens_8'].flatMap((name) => {
    const { picture } = decodePng(readFileSync(new URL(`${name}.png`, folder)));
    const { width, height, planes } = picture;
    const gray = { width, height, plane: planes[0] as Uint16Array };
    const pieces: Specimen[] = [];
    for (let y = 0; y + size <= height; y += size) {
      for (let x = 0; x + size <= width; x += size) pieces.push(cut(gray, size, y, x, name));
    }
    return pieces;
  });
}

/** Of more, so many of each picture are drawn: none should be most of what is learnt. */
const PIECES_MAX = 10;
/** Above it a piece is drawn by a program, or smoothed until hardly a sample differs from the next. */
const EQUAL_MAX = 0.5;

/** Pieces of the gray 8-bit PNGs in a folder; each picture is a source. */
export function folderCovers(folder: string, size: number): Specimen[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.png'));
  return names.sort().flatMap((name) => {
    const { picture } = decodePng(readFileSync(join(folder, name)));
    const { width, height, planes } = picture;
    if (picture.depth !== 8 || picture.colour !== 'gray')
      throw new Error(`${name}: not 8-bit gray`);
    const gray = { width, height, plane: planes[0] as Uint16Array };
    const pieces: Specimen[] = [];
    for (let y = 0; y + size <= height; y += size) {
      for (let x = 0; x + size <= width; x += size) pieces.push(cut(gray, size, y, x, name));
    }
    const random = randomOf(5);
    const rough = pieces.filter((piece) => equalPart(piece) < EQUAL_MAX);
    while (rough.length > PIECES_MAX) rough.splice(Math.floor(random() * rough.length), 1);
    return rough;
  });
}

function equalPart({ plane }: Gray): number {
  return plane.filter((sample, i) => sample === plane[i - 1]).length / plane.length;
}

function cut(
  { width, plane }: Gray,
  size: number,
  y0: number,
  x0: number,
  source: string,
): Specimen {
  const piece = new Uint16Array(size * size);
  for (let y = 0; y < size; y++) {
    piece.set(plane.subarray((y0 + y) * width + x0, (y0 + y) * width + x0 + size), y * size);
  }
  return { width: size, height: size, plane: piece, source };
}
