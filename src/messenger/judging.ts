/** One bundle while it is judged: where it came by, and what it has brought so far. */
import {
  BUNDLE_PACKET_COUNT_MAX,
  BUNDLE_SIZE_MAX,
  bundledSize,
  type Via,
} from '../protocol/index.ts';
import type { Arrival } from './intake.ts';
import type { ContactId } from './ports.ts';

export interface Judging {
  readonly via: Via;
  /** For the other end of this exchange. */
  readonly answers: Uint8Array[];
  /** To be stored, with the packet that brought each. */
  readonly arrivals: { readonly arrival: Arrival; readonly packet: Uint8Array }[];
  /** Contacts that have proved in this bundle, by a fresh packet, that they are there. */
  readonly heard: Set<ContactId>;
  /** Of these, the ones a transport packet is owed to, be it empty. */
  readonly owed: Set<ContactId>;
  progress: boolean;
}

export function judgingOf(via: Via): Judging {
  return {
    via,
    answers: [],
    arrivals: [],
    heard: new Set(),
    owed: new Set(),
    progress: false,
  };
}

export function arrivalsOf({ arrivals }: Judging): readonly Arrival[] {
  return arrivals.map(({ arrival }) => arrival);
}

/** Each once, and as many as a bundle holds; who misses one asks again. */
export function fitting(answers: readonly Uint8Array[]): readonly Uint8Array[] {
  let size = 0;
  return [...new Set(answers)].slice(0, BUNDLE_PACKET_COUNT_MAX).filter((packet) => {
    size += bundledSize(packet.length);
    return size <= BUNDLE_SIZE_MAX;
  });
}
