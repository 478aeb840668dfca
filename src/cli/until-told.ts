/** How long a command runs that has no end of its own, and how it speaks with who started it. */
import { once } from 'node:events';

const WAYS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const;

/**
 * Starts something, and calls what `start` returned when told to: by a signal, or by the end of
 * the process that started us with a channel. Who is told during the start stops right after it;
 * who is told twice ends at once.
 */
export async function runUntilTold(start: () => Promise<() => Promise<unknown>>): Promise<void> {
  const told = new AbortController();
  const tell = () => told.abort();
  for (const way of WAYS) process.once(way, tell);
  try {
    const stop = await start();
    if (!told.signal.aborted) await once(told.signal, 'abort');
    await stop();
  } finally {
    for (const way of WAYS) process.off(way, tell);
  }
}

/** For whoever started this process with a channel and wants to know when it is ready. */
export function tellReady(ready: { readonly origin: string; readonly pageLink: string }): void {
  if (process.connected) process.send?.(ready);
}
