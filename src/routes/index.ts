export {
  ARRIVAL_LIMITS,
  type ArrivalLimits,
  Arrivals,
  PICTURE_ARRIVAL_LIMITS,
} from './arrivals.ts';
export { type EventLimits, Events } from './events.ts';
export { type Access, type Caller, decide, type GuardConfig, guard } from './guard.ts';
export type { Keeper } from './identity.ts';
export { Meters } from './meters.ts';
export { createOperatorApp, type OperatorSide } from './operator-app.ts';
export { BUNDLE_SIZE_MAX } from './packets.ts';
export { createPeerApp } from './peer-app.ts';
export { Problem, problems } from './problem.ts';
export { PROBLEMS, type ProblemCode } from './problem-codes.ts';
export { closeServer, createHttpServer, serve } from './server.ts';
export { answerInTurn } from './turns.ts';
