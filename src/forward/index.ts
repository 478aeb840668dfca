/**
 * Forwards readings to other places, each in batches, in order, and never more of them in memory
 * than one batch. A place is one scheme of an address, one file that implements `Place`, and one
 * line in `PLACES`; it is loaded only where somebody asks for it.
 */
import type { Clock, ForwardQueue, Log } from '../messenger/index.ts';
import { Forwarder, type ForwardState } from './forwarder.ts';
import type { OpenPlace } from './place.ts';

export type { ForwardState } from './forwarder.ts';

const openPostgres: OpenPlace = async (address, from) =>
  new (await import('./postgres.ts')).PostgresPlace(address, from);

const openMqtt: OpenPlace = async (address, from) =>
  new (await import('./mqtt.ts')).MqttPlace(address, from);

const PLACES: Readonly<Record<string, OpenPlace>> = {
  'mqtt:': openMqtt,
  'mqtts:': openMqtt,
  'postgres:': openPostgres,
  'postgresql:': openPostgres,
};

const ENDS_THERE = 'End-to-end encryption ends there: who runs that place reads every reading.';

export interface ForwardDeps {
  readonly queue: ForwardQueue;
  readonly clock: Clock;
  readonly log: Log;
  /** Who forwards: this peer's name. */
  readonly from: string;
}

export interface Forwarding {
  state(): readonly ForwardState[];
  /** What was under way is offered again at the next start. */
  stop(): Promise<void>;
}

/** Starts for each address, of the schemes that config.ts lets through. */
export async function forwardTo(addresses: readonly string[], deps: ForwardDeps) {
  const opened = addresses.map(async (address) => {
    const open = PLACES[new URL(address).protocol];
    if (open === undefined) throw new TypeError(`nothing is forwarded to ${address}`);
    deps.log.warn('readings_leave', { target: address, note: ENDS_THERE });
    return new Forwarder(address, await open(address, deps.from), deps);
  });
  const forwarders = await Promise.all(opened);
  const ending = new AbortController();
  const running = forwarders.map((forwarder) => forwarder.run(ending.signal));
  const forwarding: Forwarding = {
    state: () => forwarders.map((forwarder) => forwarder.state()),
    async stop() {
      ending.abort();
      await Promise.all(running);
    },
  };
  return forwarding;
}
