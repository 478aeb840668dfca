/** The trained histograms, unpacked; scripts/train-stego-prior.ts makes them. */
import type { Curve } from './calibration.ts';
import { BINS, LEVELS } from './context.ts';
import type { Prior } from './model.ts';
import { CURVES, PRIORS } from './prior-data.ts';

/** LEVELS rows of BINS probabilities. */
export function priorOf(profile: keyof typeof PRIORS): Prior {
  const prior = new Float64Array(LEVELS * BINS);
  PRIORS[profile].split('\n').forEach((line, level) => {
    const [first = 0, ...counts] = line.trim().split(' ').map(Number);
    const total = counts.reduce((sum, count) => sum + count, 0);
    counts.forEach((count, i) => {
      prior[level * BINS + first + i] = count / total;
    });
  });
  return prior;
}

/** Mean absolute errors at the knots of the noise scale. */
export function curveOf(profile: keyof typeof CURVES): Curve {
  return Float64Array.from(CURVES[profile].split(' ').map(Number));
}
