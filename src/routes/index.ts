export { type Access, type Caller, decide, type GuardConfig, guard } from './guard.ts';
export { Problem, type ProblemOptions, problems } from './problem.ts';
export { PROBLEMS, type ProblemCode } from './problem-codes.ts';
