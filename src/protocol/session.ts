/**
 * One session: keys, counters and replay window, PROTOCOL §8, and how old it is, §6 "When".
 * Whether it is the one to use is for `Sessions` to say.
 */
import type { RandomBytes } from '../crypto/index.ts';
import type { Confirmation, ContactRef } from './contact-book.ts';
import type { Established } from './handshake-state.ts';
import type { TransportPacket } from './packet.ts';
import type { Side } from './pattern.ts';
import type { Payload } from './payload.ts';
import { DEVICE_WINDOW_SIZE, ReplayWindow, WINDOW_SIZE } from './replay-window.ts';
import { openTransport, sealTransport } from './transport.ts';

export interface SessionLimits {
  /** Sending goes on until twice this, and at three times the keys are wiped. */
  readonly renewAfter_ms: number;
  /** In either direction; sending goes on until twice this. */
  readonly renewAfterPackets: bigint;
  /** How long the session before the current one can still receive. */
  readonly keepPrevious_ms: number;
  /** Unconfirmed sessions a contact. */
  readonly unconfirmedMax: number;
  readonly windowSize: number;
}

const MINUTE_ms = 60_000;

export const PEER_LIMITS: SessionLimits = {
  renewAfter_ms: 10 * MINUTE_ms,
  renewAfterPackets: 2n ** 20n,
  keepPrevious_ms: MINUTE_ms,
  unconfirmedMax: 4,
  windowSize: WINDOW_SIZE,
};

export const DEVICE_LIMITS: SessionLimits = {
  ...PEER_LIMITS,
  renewAfterPackets: 2n ** 16n,
  unconfirmedMax: 2,
  windowSize: DEVICE_WINDOW_SIZE,
};

/** A share of the time to renewal that the initiator leaves out at random, at most. */
const JITTER_MAX = 0.1;
/** How much longer than the initiator the other side waits before it renews. */
const RESPONDER_PATIENCE = 1.5;

/** What a finished handshake says about the session that comes of it. */
export interface NewSession {
  readonly contact: ContactRef;
  readonly side: Side;
  /** By which the other side names the session. */
  readonly localIndex: number;
  /** By which we name it. */
  readonly remoteIndex: number;
  readonly established: Established;
  readonly confirmation: Confirmation;
}

export class Session {
  readonly contact: ContactRef;
  readonly localIndex: number;
  readonly confirmation: Confirmation;
  readonly #origin: NewSession;
  readonly #limits: SessionLimits;
  readonly #window: ReplayWindow;
  readonly #patience: number;
  #received = 0n;
  /** Since the handshake, and from the promotion on since that. */
  #since: number;

  constructor(origin: NewSession, limits: SessionLimits, randomBytes: RandomBytes, now: number) {
    this.contact = origin.contact;
    this.localIndex = origin.localIndex;
    this.confirmation = origin.confirmation;
    this.#origin = origin;
    this.#limits = limits;
    this.#window = new ReplayWindow(limits.windowSize);
    this.#patience = origin.side === 'initiator' ? jitter(randomBytes) : RESPONDER_PATIENCE;
    this.#since = now;
  }

  /** Whether the other side has sent anything on this session. */
  get wasHeard(): boolean {
    return this.#received > 0n;
  }

  get wipeAt(): number {
    return this.#since + 3 * this.#limits.renewAfter_ms;
  }

  startAging(now: number): void {
    this.#since = now;
  }

  shouldRenew(now: number): boolean {
    return this.#isPast(this.#patience, now);
  }

  mustNotSend(now: number): boolean {
    return this.#isPast(2, now);
  }

  seal(payloads: readonly Payload[]): Uint8Array {
    const { remoteIndex, established } = this.#origin;
    return sealTransport(established.sending, remoteIndex, payloads);
  }

  /** @throws {RemoteProtocolError} `unauthenticated`, `replayed` or `malformed`: without a trace. */
  open(packet: TransportPacket): readonly Payload[] {
    const payloads = openTransport(this.#origin.established.receiving, this.#window, packet);
    this.#received += 1n;
    return payloads;
  }

  wipe(): void {
    this.#origin.established.sending.wipe();
    this.#origin.established.receiving.wipe();
  }

  #isPast(times: number, now: number): boolean {
    const { renewAfter_ms, renewAfterPackets } = this.#limits;
    const sent = this.#origin.established.sending.nonce;
    const packets = sent > this.#received ? sent : this.#received;
    // Packets are counted without jitter: 1, 1.5 or 2 times.
    const packetsMax = (renewAfterPackets * BigInt(Math.ceil(times * 2))) / 2n;
    return now - this.#since >= times * renewAfter_ms || packets >= packetsMax;
  }
}

/** Between 1 - JITTER_MAX and 1, so that many sessions begun together do not renew together. */
function jitter(randomBytes: RandomBytes): number {
  const [drawn = 0] = randomBytes(1);
  return 1 - (JITTER_MAX * drawn) / 255;
}
