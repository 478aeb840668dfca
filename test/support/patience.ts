/**
 * For a condition that must come true, in ms; long, because a busy machine is not a failure. Who
 * found nobody for a while rests up to 75 s before it tries again.
 */
export const PATIENCE_MS = 150_000;
