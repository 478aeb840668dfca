/** What a running peer does by itself once an hour: forgets what is to be kept no longer. */
import { setImmediate } from 'node:timers/promises';
import type { PeerConfig } from './config.ts';
import type { Log } from './messenger/index.ts';
import type { PeerStore } from './store/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Starts at once. Returns how to end it. */
export function keepUp(config: PeerConfig, store: PeerStore, log: Log): () => void {
  const { keepMessages_days, keepReadings_days } = config;
  const ending = new AbortController();
  const prune = () =>
    void forget(config, store, ending.signal).then(
      (count) => count > 0 && log.info('forgotten', { rows: count }),
      (cause) => log.error('not_forgotten', { reason: String(cause) }),
    );
  if (keepMessages_days === undefined && keepReadings_days === undefined) return () => {};
  const timer = setInterval(prune, HOUR_MS).unref();
  prune();
  return () => {
    clearInterval(timer);
    ending.abort();
  };
}

async function forget(config: PeerConfig, store: PeerStore, signal: AbortSignal): Promise<number> {
  const since = (days: number) => new Date(Date.now() - days * DAY_MS);
  const { keepMessages_days: messages, keepReadings_days: readings } = config;
  const kept = {
    ...(messages !== undefined && { messages: since(messages) }),
    ...(readings !== undefined && { readings: since(readings) }),
  };
  let total = 0;
  for (;;) {
    // Between two of these everybody else has a turn.
    await setImmediate();
    if (signal.aborted) return total;
    const count = store.prune(kept);
    if (count === 0) return total;
    total += count;
  }
}
