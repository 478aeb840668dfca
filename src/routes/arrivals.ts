/**
 * How often, and how many at a time, one address may call: a token bucket for each. What is
 * behind it costs a signature's worth of computing, or a disk write; refusing costs nothing.
 */
import { isIPv6 } from 'node:net';
import { Room } from './room.ts';

export interface ArrivalLimits {
  readonly perSecond: number;
  /** That many at once, after a rest. */
  readonly burst: number;
  readonly underWayMax: number;
  /** Addresses remembered. */
  readonly addressesMax: number;
  /** Bytes of bodies that are still arriving, of all addresses together. */
  readonly arrivingMax: number;
}

export const ARRIVAL_LIMITS: ArrivalLimits = {
  perSecond: 2_000,
  burst: 4_000,
  underWayMax: 64,
  addressesMax: 10_000,
  arrivingMax: 64 * 1024 * 1024,
};

/** Pictures cost seconds of a thread, not microseconds. */
export const PICTURE_ARRIVAL_LIMITS: ArrivalLimits = {
  perSecond: 0.5,
  burst: 16,
  underWayMax: 2,
  addressesMax: 10_000,
  arrivingMax: 128 * 1024 * 1024,
};

export type Arrival =
  | { readonly admitted: true; leave(): void }
  | { readonly admitted: false; readonly retryAfter_s: number };

interface Bucket {
  tokens: number;
  filled_ms: number;
  underWay: number;
}

export class Arrivals {
  readonly room: Room;
  readonly #limits: ArrivalLimits;
  readonly #now_ms: () => number;
  /** In order of their last call. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: ArrivalLimits, now_ms: () => number) {
    this.room = new Room(limits.arrivingMax);
    this.#limits = limits;
    this.#now_ms = now_ms;
  }

  /** Whoever is admitted calls `leave` once, when the request is answered. */
  enter(address: string): Arrival {
    const bucket = this.#fill(network(address));
    if (bucket.tokens < 1) {
      const retryAfter_s = Math.ceil((1 - bucket.tokens) / this.#limits.perSecond);
      return { admitted: false, retryAfter_s };
    }
    bucket.tokens -= 1;
    if (bucket.underWay >= this.#limits.underWayMax) return { admitted: false, retryAfter_s: 1 };
    bucket.underWay += 1;
    return {
      admitted: true,
      leave: () => {
        bucket.underWay -= 1;
      },
    };
  }

  #fill(key: string): Bucket {
    const { burst, perSecond } = this.#limits;
    const now_ms = this.#now_ms();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, filled_ms: now_ms, underWay: 0 };
    const earned = ((now_ms - bucket.filled_ms) / 1_000) * perSecond;
    bucket.tokens = Math.min(burst, bucket.tokens + earned);
    bucket.filled_ms = now_ms;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forgetOldest();
    return bucket;
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= this.#limits.addressesMax) return;
    for (const [key, { underWay }] of this.#buckets) {
      if (underWay > 0) continue;
      this.#buckets.delete(key);
      return;
    }
  }
}

/** One household has a whole /64 of IPv6 addresses, so they count as one. */
export function network(address: string): string {
  // Before Node looks, which takes a long regular expression.
  if (!address.includes(':')) return address;
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  const missing = tail === undefined ? 0 : 8;
  return [...groups, ...Array<string>(missing).fill('0')].slice(0, 4).join(':');
}
