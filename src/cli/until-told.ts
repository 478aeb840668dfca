/** How long a command runs that has no end of its own. */
import { once } from 'node:events';

/** A signal, or the end of the process that started us with a channel. */
export async function untilTold(): Promise<void> {
  const told = new AbortController();
  const { signal } = told;
  const ways = ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'];
  const waits = ways.map((way) => once(process, way, { signal }));
  await Promise.race(waits);
  told.abort();
  await Promise.allSettled(waits);
}
