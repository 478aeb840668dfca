/** The ways to predict, each with the prior that was trained for it. */
import type { Field } from './field.ts';
import type { Prior } from './model.ts';
import { priorOf } from './prior.ts';
import { type Predictor, Rhombus } from './rhombus.ts';

export type ProfileName = 'fast' | 'max';

export interface Profile {
  readonly name: ProfileName;
  /** Its number in the header. */
  readonly code: number;
  readonly prior: Prior;
  predictor(field: Field): Predictor;
}

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  fast: {
    name: 'fast',
    code: 0,
    prior: priorOf('fast'),
    predictor: (field) => new Rhombus(field),
  },
  max: {
    name: 'max',
    code: 1,
    prior: priorOf('fast'),
    predictor: (field) => new Rhombus(field),
  },
};
