/** Pictures of every kind that breaks hiding: flat, noisy, saturated, text, gradients, photographs. */
import fc from 'fast-check';
import { CHANNELS, type Colour, type Picture } from '../../../src/stego/picture.ts';

export const KINDS = ['flat', 'noise', 'gradient', 'saturated', 'text', 'photograph'] as const;
export type Kind = (typeof KINDS)[number];

export interface Recipe {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly colour: Colour;
  readonly kind: Kind;
  readonly seed: number;
}

/** A small generator, so that a failing case is told by its recipe alone. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pictureOf({ width, height, depth, colour, kind, seed }: Recipe): Picture {
  const random = randomOf(seed);
  const max = 2 ** depth - 1;
  const [level, slopeX, slopeY] = [random() * max, random() - 0.5, random() - 0.5];
  const spread = kind === 'noise' ? max : kind === 'saturated' ? max / 3 : max / 200;
  const gauss = () => random() + random() + random() + random() - 2;
  const value: Record<Kind, (x: number, y: number) => number> = {
    flat: () => level,
    noise: () => random() * max,
    gradient: (x, y) => level + (x * slopeX + y * slopeY) * (max / 64),
    saturated: (x, y) => (Math.sin(x / 9 + seed) + Math.cos(y / 7)) * max + gauss() * spread,
    text: (x, y) => ((x >> 1) % 3 === 0 && (y >> 2) % 2 === 0 ? 0 : max),
    photograph: (x, y) =>
      max / 2 + (Math.sin(x / 31 + level) * Math.cos(y / 23) * max) / 3 + gauss() * spread,
  };
  const planes = Array.from({ length: CHANNELS[colour] }, () => {
    const plane = new Uint16Array(width * height);
    for (let i = 0; i < plane.length; i++) {
      const sample = value[kind](i % width, Math.floor(i / width));
      plane[i] = Math.min(max, Math.max(0, Math.round(sample)));
    }
    return plane;
  });
  return { width, height, depth, colour, planes };
}

// Small sides meet every way in which a ring or a layer can be short or empty.
const side = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 90 }));

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  width: side,
  height: side,
  depth: fc.constantFrom<(8 | 16)[]>(8, 16),
  colour: fc.constantFrom<Colour[]>('gray', 'gray-alpha', 'rgb', 'rgba'),
  kind: fc.constantFrom(...KINDS),
  seed: fc.nat(1e6),
});
