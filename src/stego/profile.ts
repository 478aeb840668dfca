/** The ways to predict, each with what was trained for it. */
import { HALVES, type Layer, QUARTERS } from './field.ts';
import type { Prior } from './model.ts';
import { curveOf, priorOf, trainedRoughness } from './prior.ts';
import type { Prediction } from './scan.ts';

export type CodedName = 'fast' | 'max';
export type ProfileName = CodedName | 'integer';

export interface Profile extends Prediction {
  readonly name: CodedName;
  /** Its number in the header. */
  readonly code: number;
  readonly prior: Prior;
  /** In the order of writing. */
  readonly layers: readonly Layer[];
}

export const PROFILES: Readonly<Record<CodedName, Profile>> = {
  fast: {
    name: 'fast',
    code: 0,
    prior: priorOf('fast'),
    curve: curveOf('fast'),
    roughness: undefined,
    layers: HALVES,
  },
  max: {
    name: 'max',
    code: 1,
    prior: priorOf('max'),
    curve: curveOf('max'),
    roughness: trainedRoughness(),
    layers: QUARTERS,
  },
};

export type ProfileChoice = ProfileName | 'auto';
