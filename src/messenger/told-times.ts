/** What contacts say of their clocks, and what one that asks is told: PROTOCOL §8.6. */
import type { Payload } from '../protocol/index.ts';
import type { Clock, ContactId } from './ports.ts';

type TimePayload = Extract<Payload, { readonly kind: 'time' }>;

/** Date can hold no more. */
const TIME_MAX_MS = 8_640_000_000_000_000n;

export interface ToldTime {
  /** The contact's local time when it last told it; undefined: it never knew. */
  readonly current: Date | undefined;
  /** Its own date of the last synchronisation that it told of. */
  readonly synchronised: Date | undefined;
}

/** In memory only: a device tells its time every second, and sets its clock every minute. */
export class ToldTimes {
  readonly #clock: Clock;
  readonly #told = new Map<ContactId, ToldTime>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(contact: ContactId): ToldTime | undefined {
    return this.#told.get(contact);
  }

  /** Call only with what authenticated. Returns what goes back at once, if anything does. */
  heard(contact: ContactId, { event, unixTime_ms }: TimePayload): readonly TimePayload[] {
    if (unixTime_ms === 0n) return [this.#ours()];
    if (unixTime_ms > TIME_MAX_MS) return [];
    const current = new Date(Number(unixTime_ms));
    const synchronised = event === 'synchronised' ? current : this.#told.get(contact)?.synchronised;
    this.#told.set(contact, { current, synchronised });
    return [];
  }

  #ours(): TimePayload {
    const unixTime_ms = BigInt(Math.max(0, this.#clock.now().getTime()));
    const uptime_ms = BigInt(Math.round(this.#clock.monotonic_ms()));
    return { kind: 'time', event: 'now', unixTime_ms, uptime_ms };
  }
}
