/**
 * Where V8 puts new objects it takes 128 MiB on a machine with much memory, after seconds of load,
 * and keeps them: more than all that a peer holds for 5,000 devices.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * That space grows no more; call it before a peer is loaded, when it has 8 or 16 MiB. It is looked
 * through more often from then on, and no slower, for little of it outlives an exchange: a fleet
 * that came back took as much computing with 4, 8, 16 and 32 MiB.
 */
export function boundYoungHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
