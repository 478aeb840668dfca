/** What a running peer does by itself once an hour: forgets what is to be kept no longer. */
import { setImmediate } from 'node:timers/promises';
import type { PeerConfig } from './config.ts';
import type { Log, Settings } from './messenger/index.ts';
import type { PeerStore } from './store/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A clock that is so much ahead of when it was last looked at may be wrong. */
const DOUBTED_DAYS = 30;
/** Of the store's settings: when it was last looked at, u64, milliseconds since 1970. */
const LOOKED_AT = 'upkeep.looked_at';

/** Starts at once. Returns how to end it. */
export function keepUp(config: PeerConfig, store: PeerStore, log: Log): () => void {
  const ending = new AbortController();
  let doubted: Look | undefined;
  const failed = (cause: unknown) => log.error('not_forgotten', { reason: String(cause) });
  const prune = async () => {
    const look = { clock_ms: Date.now(), uptime_ms: performance.now() };
    const isDoubted = isDoubtful(store.settings, look, doubted);
    doubted = isDoubted ? look : undefined;
    if (isDoubted) {
      log.warn('clock_doubted', { clock: new Date(look.clock_ms).toISOString() });
      return;
    }
    noteLook(store.settings);
    await forget(config, store, log, ending.signal);
  };
  if (!hasLimits(config)) return () => {};
  // A full disk, which is where there is most to forget, must not end the peer.
  const timer = setInterval(() => void prune().catch(failed), HOUR_MS).unref();
  void prune().catch(failed);
  return () => {
    clearInterval(timer);
    ending.abort();
  };
}

interface Look {
  readonly clock_ms: number;
  readonly uptime_ms: number;
}

/**
 * What is deleted does not come back when the clock is set right. So a clock that has jumped ahead
 * is believed only after an hour in which it went as fast as the uptime.
 */
function isDoubtful(settings: Settings, look: Look, doubted: Look | undefined): boolean {
  const before_ms = lookedAt(settings);
  if (before_ms === undefined || look.clock_ms - before_ms < DOUBTED_DAYS * DAY_MS) return false;
  if (doubted === undefined) return true;
  const clock_ms = look.clock_ms - doubted.clock_ms;
  return Math.abs(clock_ms - (look.uptime_ms - doubted.uptime_ms)) > DAY_MS;
}

function lookedAt(settings: Settings): number | undefined {
  const kept = settings.get(LOOKED_AT);
  return kept && Number(new DataView(kept.slice().buffer).getBigUint64(0));
}

/** To the day: a start need not write. */
function noteLook(settings: Settings): void {
  const now_ms = Date.now();
  if (Math.abs(now_ms - (lookedAt(settings) ?? 0)) < DAY_MS) return;
  const looked = new DataView(new ArrayBuffer(8));
  looked.setBigUint64(0, BigInt(now_ms));
  settings.set(LOOKED_AT, new Uint8Array(looked.buffer));
}

function hasLimits(config: PeerConfig): boolean {
  const { keepMessages_days, keepReadings_days, keepMessages_size, keepReadings_size } = config;
  const limits = [keepMessages_days, keepReadings_days, keepMessages_size, keepReadings_size];
  return limits.some((limit) => limit !== undefined);
}

async function forget(config: PeerConfig, store: PeerStore, log: Log, signal: AbortSignal) {
  const old = await forgetOld(config, store, signal);
  const rows = old + (await forgetMessages(config, store, signal));
  if (rows > 0) log.info('forgotten', { rows });
  const bytes = await forgetReadings(config, store, signal);
  if (bytes > 0) log.info('readings_forgotten', { bytes });
}

async function forgetOld(
  config: PeerConfig,
  store: PeerStore,
  signal: AbortSignal,
): Promise<number> {
  const since = (days: number) => new Date(Date.now() - days * DAY_MS);
  const { keepMessages_days: messages, keepReadings_days: readings } = config;
  const kept = {
    ...(messages !== undefined && { messages: since(messages) }),
    ...(readings !== undefined && { readings: since(readings) }),
  };
  return await repeated(() => store.prune(kept), signal);
}

async function forgetMessages(
  { keepMessages_size: sizeMax }: PeerConfig,
  { limits }: PeerStore,
  signal: AbortSignal,
): Promise<number> {
  if (sizeMax === undefined) return 0;
  return await repeated(() => limits.pruneMessages(sizeMax), signal);
}

async function forgetReadings(
  { keepReadings_size: sizeMax }: PeerConfig,
  { limits }: PeerStore,
  signal: AbortSignal,
): Promise<number> {
  if (sizeMax === undefined) return 0;
  let excess = -sizeMax;
  for (const size of limits.readingSizes()) {
    excess += size;
    await setImmediate();
    if (signal.aborted) return 0;
  }
  const step = () => {
    const size = excess > 0 ? limits.removeOldestReadings(excess) : 0;
    excess -= size;
    return size;
  };
  return await repeated(step, signal);
}

/** Until nothing is left to do; between two of these everybody else has a turn. */
async function repeated(step: () => number, signal: AbortSignal): Promise<number> {
  for (let total = 0; ; ) {
    await setImmediate();
    if (signal.aborted) return total;
    const count = step();
    if (count === 0) return total;
    total += count;
  }
}
