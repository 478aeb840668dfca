export { ARRIVAL_LIMITS, type ArrivalLimits, Arrivals } from './arrivals.ts';
export { type Access, type Caller, decide, type GuardConfig, guard } from './guard.ts';
export { Meters } from './meters.ts';
export { createOperatorApp, type OperatorSide } from './operator-app.ts';
export { createPeerApp, type PeerSide } from './peer-app.ts';
export { Problem, type ProblemOptions, problems } from './problem.ts';
export { PROBLEMS, type ProblemCode } from './problem-codes.ts';
export { closeServer, createHttpServer, serve } from './server.ts';
