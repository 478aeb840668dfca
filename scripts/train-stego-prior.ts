/**
 * Counts prediction errors on pictures and writes src/stego/prior-data.ts:
 *
 *     node scripts/train-stego-prior.ts PICTURE.png …
 *
 * Train on pictures that no figure is reported on: fruits.png and tulips.png of the covers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { BINS, LEVELS } from '../src/stego/context.ts';
import { fieldOf } from '../src/stego/field.ts';
import { decodePng, type Picture } from '../src/stego/index.ts';
import { readLayer } from '../src/stego/layer.ts';
import { carryingPlanes } from '../src/stego/picture.ts';
import { PROFILES, type ProfileName } from '../src/stego/profile.ts';

/** Probabilities are written as parts of this. */
const WHOLE = 100_000;

const pictures = process.argv.slice(2).map((path) => decodePng(readFileSync(path)).picture);

function count(name: ProfileName, pictures: readonly Picture[]): Float64Array {
  const counts = new Float64Array(LEVELS * BINS);
  for (const { width, height, depth, ...picture } of pictures) {
    for (const plane of carryingPlanes({ width, height, depth, ...picture })) {
      const field = fieldOf(plane, width, height, depth, 0);
      for (const parity of [0, 1]) {
        const { contexts, bins } = readLayer(field, parity, PROFILES[name].predictor(field));
        contexts.forEach((context, i) => {
          const bin = (bins[i] ?? 0) % 64;
          if (context >= LEVELS || bin >= BINS) return;
          counts[context * BINS + bin] = (counts[context * BINS + bin] ?? 0) + 1;
        });
      }
    }
  }
  return counts;
}

/** A line a level: the first bin that is not zero, then parts until the last. */
function line(counts: Float64Array): string {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const parts = Array.from(counts, (n) => Math.round((n / total) * WHOLE));
  const first = parts.findIndex((part) => part > 0);
  const last = parts.findLastIndex((part) => part > 0);
  return [first, ...parts.slice(first, last + 1)].join(' ');
}

const tables = (['fast', 'max'] as const).map((name) => {
  const counts = count(name, pictures);
  const lines = Array.from({ length: LEVELS }, (_, level) =>
    line(counts.subarray(level * BINS, (level + 1) * BINS)),
  );
  return `  ${name}: \`${lines.join('\n')}\`,\n`;
});
writeFileSync(
  new URL('../src/stego/prior-data.ts', import.meta.url),
  `/**
 * How prediction errors are distributed at each noise level. Generated; do not edit:
 * scripts/train-stego-prior.ts. A line is a level: its first bin, then parts of ${WHOLE}.
 */
export const PRIORS = {\n${tables.join('')}};\n`,
);
