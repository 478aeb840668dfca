/**
 * Counts prediction errors on pictures and writes src/stego/prior-data.ts. Profile integer is
 * trained apart: the device has its histograms too, so they seldom change.
 *
 *     node scripts/train-stego-prior.ts coded|integer PICTURE.png …
 *
 * docs/STEGO.md §8 says on which; never train on pictures that figures are reported on.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { BUCKETS, type Curve, ERROR_MIN } from '../src/stego/calibration.ts';
import { solve, systemSize } from '../src/stego/cholesky.ts';
import { decodePng } from '../src/stego/coder.ts';
import { BINS, KINDS, LEVELS, ORIGIN, UNIT } from '../src/stego/context.ts';
import { type Field, fieldOf, firstColumn, HALVES, MARGIN } from '../src/stego/field.ts';
import { carryingPlanes } from '../src/stego/picture.ts';
import { CURVES, PRIORS } from '../src/stego/prior-data.ts';
import { PROFILES, type Profile } from '../src/stego/profile.ts';
import { MEASURES, Roughness } from '../src/stego/roughness.ts';
import { Scan } from '../src/stego/scan.ts';
import { readShiftLayer } from '../src/stego/shift-layer.ts';
import { EXCLUDED, GROUPS } from '../src/stego/shift-model.ts';

/** Probabilities are written as parts of this. */
const WHOLE = 100_000;
/** What a sample counts in the prior of the levels beside its own. */
const LENT = 0.05;

const [PART, ...PATHS] = process.argv.slice(2);
if ((PART !== 'coded' && PART !== 'integer') || PATHS.length === 0) {
  throw new Error('usage: train-stego-prior.ts coded|integer PICTURE.png …');
}

const FIELDS = PATHS.map((path) => decodePng(readFileSync(path)).picture).flatMap((picture) =>
  carryingPlanes(picture).map((plane) =>
    fieldOf(plane, picture.width, picture.height, picture.depth, 0),
  ),
);

/** What the measures of profile max tell on the average, by what was trained before. */
function roughnessFor(profile: Profile): Profile {
  const known = profile.roughness;
  if (known === undefined) return profile;
  const means = new Float64Array((MEASURES * (MEASURES + 1)) / 2 + MEASURES);
  const scans = new Map<Scan, number>();
  walk(profile, (scan) => {
    scans.set(scan, (scans.get(scan) ?? 0) + 1);
  });
  for (const [{ roughness }, samples] of scans) {
    const start = new Roughness(FIELDS[0] as Field, known).sums;
    roughness?.sums.forEach((sum, k) => {
      means[k] = (means[k] ?? 0) + (sum - (start[k] ?? 0)) / samples / scans.size;
    });
  }
  const weights = new Float64Array(MEASURES);
  const system = new Float64Array(systemSize(MEASURES));
  system.set(means);
  solve(system, weights, 0);
  const short = (list: Float64Array) => list.map((n) => Number(n.toPrecision(4)));
  return {
    ...profile,
    roughness: { weights: short(weights), products: short(means.slice(0, -MEASURES)) },
  };
}

/** Mean absolute error in each bucket; where few samples were, its neighbours help. */
function curveFor(profile: Profile): Curve {
  const [sums, counts] = [new Float64Array(BUCKETS), new Float64Array(BUCKETS)];
  walk({ ...profile, curve: new Float64Array(BUCKETS).fill(1) }, (scan, sample) => {
    const error = Math.max(ERROR_MIN, Math.abs(sample * UNIT - scan.mean));
    sums[scan.bucket] = (sums[scan.bucket] ?? 0) + error;
    counts[scan.bucket] = (counts[scan.bucket] ?? 0) + 1;
  });
  // Where nothing was seen the curve goes on as noise does, by an eighth of a doubling.
  let last: number = ERROR_MIN;
  return sums.map((_, bucket) => {
    let [sum, count] = [0, 0];
    for (let reach = 0; reach < 5 && count < 1000; reach++) {
      const [from, to] = [Math.max(0, bucket - reach), bucket + reach + 1];
      sum = sums.subarray(from, to).reduce((a, b) => a + b, 0);
      count = counts.subarray(from, to).reduce((a, b) => a + b, 0);
    }
    last = count > 50 ? sum / count : last * 2 ** (1 / 8);
    return Math.round(1000 * last) / 1000;
  });
}

function walk(profile: Profile, visit: (scan: Scan, sample: number) => void): void {
  for (const field of FIELDS) {
    for (const layer of profile.layers) {
      const scan = new Scan(field, profile);
      for (let y = layer.top; y < field.height - 1; y += layer.step) {
        const row = (y + MARGIN) * field.stride + MARGIN;
        const first = firstColumn(y, layer);
        scan.startRow(y, first);
        for (let x = first; x < field.width - 1; x += 2) {
          const sample = field.samples[row + x] ?? 0;
          scan.visit(row + x, x);
          visit(scan, sample);
          scan.learn(x, sample);
        }
        scan.endRow();
      }
    }
  }
}

function countsFor(profile: Profile): Float64Array {
  const counts = new Float64Array(KINDS * LEVELS * BINS);
  walk(profile, (scan, sample) => {
    const bin = (sample - scan.base) * scan.direction + ORIGIN;
    if (scan.context >= KINDS * LEVELS || bin < 0 || bin >= BINS) return;
    const at = scan.context * BINS + bin;
    counts[at] = (counts[at] ?? 0) + 1;
  });
  // The levels beside lend a little, and those beyond what was seen take the nearest.
  return counts.map((_, at) => {
    const level = Math.floor(at / BINS) % LEVELS;
    for (let reach = 1; reach < LEVELS; reach++) {
      let [here, total] = [0, 0];
      for (let by = -reach; by <= reach; by++) {
        if (level + by < 0 || level + by >= LEVELS) continue;
        const row = (Math.floor(at / BINS) + by) * BINS;
        const weight = by === 0 ? 1 : LENT;
        here += weight * (counts[row + (at % BINS)] ?? 0);
        total += counts.subarray(row, row + BINS).reduce((a, b) => a + b, 0);
      }
      if (total > 0) return here;
    }
    return 0;
  });
}

/** Profile integer counts over bare noise levels, without a curve. */
function integerLines(): string[] {
  const counts = new Float64Array(GROUPS * BINS);
  for (const field of FIELDS) {
    for (const layer of HALVES) {
      const { groups, distances } = readShiftLayer(field, layer);
      groups.forEach((group, i) => {
        const bin = (distances[i] ?? 0) + ORIGIN;
        if (group === EXCLUDED || bin < 0 || bin >= BINS) return;
        counts[group * BINS + bin] = (counts[group * BINS + bin] ?? 0) + 1;
      });
    }
  }
  return Array.from({ length: GROUPS }, (_, group) =>
    line(counts.subarray(group * BINS, (group + 1) * BINS)),
  );
}

/** A line a level: the first bin that is not zero, then parts until the last. */
function line(counts: Float64Array): string {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const parts = Array.from(counts, (n) => Math.round((n / total) * WHOLE));
  const first = parts.findIndex((part) => part > 0);
  const last = parts.findLastIndex((part) => part > 0);
  return [first, ...parts.slice(first, last + 1)].join(' ');
}

const NAMES = ['fast', 'max'] as const;
const coded = NAMES.map((name) => {
  const known = PROFILES[name];
  if (PART !== 'coded')
    return { name, curve: CURVES[name], lines: PRIORS[name], roughness: known.roughness };
  // Twice, because expected errors decide what an error counts.
  const trained = roughnessFor(roughnessFor(known));
  const profile = { ...trained, curve: curveFor(trained) };
  const counts = countsFor(profile);
  const rows = Array.from({ length: KINDS * LEVELS }, (_, row) => row * BINS);
  const lines = rows.map((at) => line(counts.subarray(at, at + BINS))).join('\n');
  return { name, curve: [...profile.curve].join(' '), lines, roughness: trained.roughness };
});
const roughness = coded.find(({ roughness }) => roughness !== undefined)?.roughness;
const lines = PART === 'integer' ? integerLines().join('\n') : PRIORS.integer;
writeFileSync(
  new URL('../src/stego/prior-data.ts', import.meta.url),
  `/** Generated by scripts/train-stego-prior.ts; do not edit. */

/** Mean absolute errors in the buckets of the noise scale, in sixteenths of a step. */
export const CURVES = {
${coded.map(({ name, curve }) => `  ${name}:\n    '${curve}',\n`).join('')}};

/** By measure its weight; then mean products of two, over the square of the expected error. */
export const ROUGHNESS = {
  weights:
    '${roughness?.weights.join(' ')}',
  products:
    '${roughness?.products.join(' ')}',
};

/** A line is a level of a kind: its first bin that occurs, then the bins as parts of ${WHOLE}. */
export const PRIORS = {
${[...coded, { name: 'integer', lines }].map(({ name, lines }) => `  ${name}: \`${lines}\`,\n`).join('')}};
`,
);
