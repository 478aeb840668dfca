/** The ways to predict, each with what was trained for it. */
import type { Curve } from './calibration.ts';
import type { Field } from './field.ts';
import { LeastSquares } from './least-squares.ts';
import type { Prior } from './model.ts';
import { carryingPlanes, type Picture } from './picture.ts';
import { curveOf, priorOf } from './prior.ts';
import { type Predictor, Rhombus } from './rhombus.ts';

export type CodedName = 'fast' | 'max';
export type ProfileName = CodedName | 'integer';

export interface Profile {
  readonly name: CodedName;
  /** Its number in the header. */
  readonly code: number;
  readonly prior: Prior;
  readonly curve: Curve;
  predictor(field: Field): Predictor;
}

export const PROFILES: Readonly<Record<CodedName, Profile>> = {
  fast: {
    name: 'fast',
    code: 0,
    prior: priorOf('fast'),
    curve: curveOf('fast'),
    predictor: (field) => new Rhombus(field),
  },
  max: {
    name: 'max',
    code: 1,
    prior: priorOf('max'),
    curve: curveOf('max'),
    predictor: (field) => new LeastSquares(field),
  },
};

export type ProfileChoice = ProfileName | 'auto';

/** `max` takes about 5 µs a sample: up to so many samples it is done within a few seconds. */
const SAMPLES_FOR_MAX = 512 * 1024;

export function chooseProfile(choice: ProfileChoice, picture: Picture): ProfileName {
  if (choice !== 'auto') return choice;
  const samples = picture.width * picture.height * carryingPlanes(picture).length;
  return samples <= SAMPLES_FOR_MAX ? 'max' : 'fast';
}
