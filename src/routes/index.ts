export * from './body.ts';
export * from './guard.ts';
export { Problem, type ProblemOptions, problems } from './problem.ts';
export { PROBLEMS, type ProblemCode } from './problem-codes.ts';
