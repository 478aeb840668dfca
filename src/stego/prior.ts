/** The trained histograms, unpacked; scripts/train-stego-prior.ts makes them. */
import type { Curve } from './calibration.ts';
import { BINS, KINDS, LEVELS } from './context.ts';
import type { Prior } from './model.ts';
import { CURVES, PRIORS, ROUGHNESS } from './prior-data.ts';
import type { TrainedRoughness } from './roughness.ts';
import { GROUPS, type IntegerPrior } from './shift-model.ts';

/** KINDS × LEVELS rows of BINS probabilities. */
export function priorOf(profile: keyof typeof PRIORS): Prior {
  const prior = new Float64Array(KINDS * LEVELS * BINS);
  PRIORS[profile].split('\n').forEach((line, level) => {
    const [first = 0, ...counts] = line.trim().split(' ').map(Number);
    const total = counts.reduce((sum, count) => sum + count, 0);
    counts.forEach((count, i) => {
      prior[level * BINS + first + i] = count / total;
    });
  });
  return prior;
}

/** Mean absolute errors in the buckets of the noise scale. */
export function curveOf(profile: keyof typeof CURVES): Curve {
  return Float64Array.from(CURVES[profile].split(' ').map(Number));
}

/** The histograms of profile integer, as they stand in the data. */
export function integerPrior(): IntegerPrior {
  const parts = new Int32Array(GROUPS * BINS);
  PRIORS.integer.split('\n').forEach((line, group) => {
    const [first = 0, ...counts] = line.trim().split(' ').map(Number);
    counts.forEach((count, i) => {
      parts[group * BINS + first + i] = count;
    });
  });
  return { parts, whole: 100_000 };
}

/** What the measures of profile max tell at first. */
export function trainedRoughness(): TrainedRoughness {
  const numbers = (text: string) => Float64Array.from(text.split(' ').map(Number));
  return { weights: numbers(ROUGHNESS.weights), products: numbers(ROUGHNESS.products) };
}
