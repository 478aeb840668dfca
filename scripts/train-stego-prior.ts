/**
 * Counts prediction errors on pictures and writes src/stego/prior-data.ts:
 *
 *     node scripts/train-stego-prior.ts PICTURE.png …
 *
 * Train on pictures that no figure is reported on: fruits.png and tulips.png of the covers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Calibration, type Curve, KNOTS } from '../src/stego/calibration.ts';
import { BINS, LEVELS, ORIGIN, UNIT } from '../src/stego/context.ts';
import { type Field, fieldOf, firstColumn, MARGIN } from '../src/stego/field.ts';
import { decodePng } from '../src/stego/index.ts';
import { readLayer } from '../src/stego/layer.ts';
import { carryingPlanes } from '../src/stego/picture.ts';
import { PROFILES, type Profile } from '../src/stego/profile.ts';
import type { Predictor } from '../src/stego/rhombus.ts';
import { readShiftLayer } from '../src/stego/shift-layer.ts';
import { EXCLUDED, GROUPS } from '../src/stego/shift-model.ts';

/** Probabilities are written as parts of this. */
const WHOLE = 100_000;

const PATHS = process.argv.slice(2);
const FIELDS = PATHS.map((path) => decodePng(readFileSync(path)).picture).flatMap((picture) =>
  carryingPlanes(picture).map((plane) =>
    fieldOf(plane, picture.width, picture.height, picture.depth, 0),
  ),
);

/** Mean absolute error at each knot: each sample counts at the two knots that it lies between. */
function curveFor({ predictor: make }: Profile): Curve {
  const [sums, weights] = [new Float64Array(KNOTS), new Float64Array(KNOTS)];
  const where = new Calibration(new Float64Array(KNOTS).fill(1));
  const add = (knot: number, error: number, weight: number) => {
    sums[knot] = (sums[knot] ?? 0) + error * weight;
    weights[knot] = (weights[knot] ?? 0) + weight;
  };
  for (const field of FIELDS) {
    for (const parity of [0, 1]) {
      walk(field, parity, make(field), (noise, error) => {
        where.locate(noise);
        add(where.knot, Math.max(error, UNIT / 4), 1 - where.fraction);
        add(where.knot + 1, Math.max(error, UNIT / 4), where.fraction);
      });
    }
  }
  // Where nothing was seen the curve goes on as noise does.
  let last = UNIT / 4;
  return sums.map((sum, knot) => {
    const weight = weights[knot] ?? 0;
    last = weight > 50 ? sum / weight : last * 1.2;
    return Math.round(1000 * last) / 1000;
  });
}

function walk(
  field: Field,
  parity: number,
  predictor: Predictor,
  visit: (noise: number, error: number) => void,
): void {
  for (let y = 1; y < field.height - 1; y++) {
    const row = (y + MARGIN) * field.stride + MARGIN;
    predictor.startRow();
    for (let x = firstColumn(y, parity); x < field.width - 1; x += 2) {
      predictor.predict(row + x, x);
      const sample = field.samples[row + x] ?? 0;
      visit(predictor.noise, Math.abs(sample * UNIT - predictor.mean));
      predictor.learn(x, sample);
    }
    predictor.endRow();
  }
}

function countsFor(profile: Profile): Float64Array {
  const counts = new Float64Array(LEVELS * BINS);
  for (const field of FIELDS) {
    for (const parity of [0, 1]) {
      const { contexts, bins } = readLayer(field, parity, profile);
      contexts.forEach((context, i) => {
        const bin = (bins[i] ?? 0) % 64;
        if (context >= LEVELS || bin >= BINS) return;
        counts[context * BINS + bin] = (counts[context * BINS + bin] ?? 0) + 1;
      });
    }
  }
  return counts;
}

/** Profile integer counts over bare noise levels, without a curve. */
function integerLines(): string[] {
  const counts = new Float64Array(GROUPS * BINS);
  for (const field of FIELDS) {
    for (const parity of [0, 1]) {
      const { groups, distances } = readShiftLayer(field, parity);
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
const curves = NAMES.map((name) => ({ name, curve: curveFor(PROFILES[name]) }));
const priors = curves.map(({ name, curve }) => {
  const counts = countsFor({ ...PROFILES[name], curve });
  const levels = Array.from({ length: LEVELS }, (_, level) => level * BINS);
  return { name, lines: levels.map((at) => line(counts.subarray(at, at + BINS))) };
});
const integer = { name: 'integer', lines: integerLines() };
writeFileSync(
  new URL('../src/stego/prior-data.ts', import.meta.url),
  `/** Generated by scripts/train-stego-prior.ts; do not edit. */

/** Mean absolute errors at the knots of the noise scale, in sixteenths of a step. */
export const CURVES = {
${curves.map(({ name, curve }) => `  ${name}:\n    '${[...curve].join(' ')}',\n`).join('')}};

/** A line is a level: its first bin that occurs, then the bins as parts of ${WHOLE}. */
export const PRIORS = {
${[...priors, integer].map(({ name, lines }) => `  ${name}: \`${lines.join('\n')}\`,\n`).join('')}};
`,
);
