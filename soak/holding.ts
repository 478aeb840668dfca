/** Loaded into a process of the soak: asked by SIGUSR2, it collects its garbage and tells what it holds. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process told of itself, after a forced collection. */
export interface Holding {
  /** Bytes on the heap and outside of it. */
  readonly heap: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const holding: Holding = {
    heap: heapUsed + external,
    descriptors: readdirSync('/proc/self/fd').length,
  };
  process.send?.({ holding });
});
