/** One bundle while it is judged: where it came by, and what it has brought so far. */
import type { CryptoProvider } from '../crypto/index.ts';
import {
  BUNDLE_PACKET_COUNT_MAX,
  BUNDLE_SIZE_MAX,
  bundledSize,
  echoOf,
  type Via,
} from '../protocol/index.ts';
import type { Arrival } from './intake.ts';
import { hex } from './observations.ts';
import type { ContactId } from './ports.ts';

export interface Judging {
  readonly via: Via;
  readonly takeSent: TakeSent;
  /** For the other end of this exchange. */
  readonly answers: Uint8Array[];
  /** To be stored, with the packet that brought each. */
  readonly arrivals: { readonly arrival: Arrival; readonly packet: Uint8Array }[];
  /** Contacts that have proved in this bundle, by a fresh packet, that they are there. */
  readonly heard: Set<ContactId>;
  /** Of these, the ones a transport packet is owed to, be it empty. */
  readonly owed: Set<ContactId>;
  progress: boolean;
  /** Whether it held an answer to a handshake of ours that was read and refused. */
  hasForgedAnswer: boolean;
}

export function judgingOf(via: Via, takeSent: TakeSent): Judging {
  return {
    via,
    takeSent,
    answers: [],
    arrivals: [],
    heard: new Set(),
    owed: new Set(),
    progress: false,
    hasForgedAnswer: false,
  };
}

/** Which of the packets that this bundle replies to has that echo: each is told of once. */
export type TakeSent = (echo: Uint8Array) => Uint8Array | undefined;

/** Hashes them when it is first asked, and once: a reply may hold thousands of STATUS. */
export function sentByEcho(crypto: CryptoProvider, sent: readonly Uint8Array[]): TakeSent {
  let known: Map<string, Uint8Array> | undefined;
  return (echo) => {
    known ??= new Map(sent.map((packet) => [hex(echoOf(crypto, packet)), packet]));
    const packet = known.get(hex(echo));
    known.delete(hex(echo));
    return packet;
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
