/**
 * The two sides of XX and XXpsk3, PROTOCOL §5 and §7: Noise, its payloads, the commitment and what
 * people compare. Which packet is answered, and whether at all, is for `Meetings` to say.
 */
import type { Bytes } from '../bytes.ts';
import { equal, type Hash, type PublicKey } from '../crypto/index.ts';
import { commitment, keyCheckValue, type Met } from './comparison.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { type Established, HandshakeState, type PresharedKey } from './handshake-state.ts';
import {
  decodeAnswer,
  decodeClosing,
  decodeOpening,
  encodeAnswer,
  encodeOpening,
  type Introduction,
  type Opening,
} from './introduction.ts';
import {
  type AnswerPacket,
  encodeHandshake,
  ephemeralOf,
  type OpeningPacket,
  prologueOf,
  RANDOM_SIZE,
} from './packet.ts';
import { PATTERNS, type Side } from './pattern.ts';
import type { Self } from './self.ts';

/** The packet types of XX or of XXpsk3, in the order of the pattern. */
const MEETING_PACKETS = {
  XX: ['XX1', 'XX2', 'XX3'],
  XXpsk3: ['PSK1', 'PSK2', 'PSK3'],
} as const;

export type MeetingPattern = keyof typeof MEETING_PACKETS;

/** With a psk it is XXpsk3. */
export interface MeetingKeys {
  readonly self: Self;
  readonly localIndex: number;
  readonly psk: PresharedKey | undefined;
}

/** A handshake that is finished on this side. */
export interface Outcome {
  readonly pattern: MeetingPattern;
  readonly side: Side;
  readonly localIndex: number;
  readonly introduction: Introduction;
  readonly remoteStatic: PublicKey;
  readonly established: Established;
  readonly met: Met;
  readonly keyCheck: string;
}

/** Looks at the other side before anything takes effect; throws to refuse without a trace. */
export type JudgeStranger = (remoteStatic: PublicKey, introduction: Introduction) => void;

/** A: sends message 1, answers message 2 with message 3. */
export class Initiator {
  readonly pattern: MeetingPattern;
  readonly localIndex: number;
  /** Message 1. */
  readonly packet: Uint8Array;
  readonly #self: Self;
  readonly #handshake: HandshakeState;
  readonly #random: Bytes<16>;
  readonly #psk: PresharedKey | undefined;

  /** Wipes the psk when the handshake ends. */
  constructor(keys: MeetingKeys) {
    const { self, localIndex } = keys;
    this.#psk = keys.psk;
    this.pattern = patternOf(keys);
    this.localIndex = localIndex;
    this.#self = self;
    this.#handshake = handshakeOf(self, this.pattern, 'initiator', keys.psk);
    this.#random = self.randomBytes(RANDOM_SIZE).slice() as Bytes<16>;
    const introduction = { ...self.introduce(), index: localIndex };
    const noise = this.#handshake.writeMessage(
      encodeOpening({ introduction, commit: commitment(self.crypto, this.#mine()) }),
    );
    this.packet = encodeHandshake(MEETING_PACKETS[this.pattern][0], noise);
  }

  get ephemeral(): PublicKey {
    return this.#handshake.ephemeral;
  }

  /** Reads message 2, returns message 3. @throws {RemoteProtocolError} without a trace. */
  answer({ noise }: AnswerPacket, judge: JudgeStranger): readonly [Uint8Array, Outcome] {
    const payload = this.#handshake.readMessage(noise, (read, learned) =>
      judge(known(learned.remoteStatic), decodeAnswer(read).introduction),
    );
    const { introduction, random } = decodeAnswer(payload);
    const { remoteEphemeral, remoteStatic } = this.#handshake.learned;
    const closing = this.#handshake.writeMessage(this.#random);
    const packet = encodeHandshake(MEETING_PACKETS[this.pattern][2], closing, introduction.index);
    const met = {
      ...this.#mine(),
      randomB: random,
      ephemeralB: known(remoteEphemeral),
      staticB: known(remoteStatic),
    };
    const { pattern, localIndex } = this;
    const end = {
      pattern,
      side: 'initiator',
      localIndex,
      introduction,
      remoteStatic: met.staticB,
      met,
    } as const;
    this.#psk?.fill(0);
    return [packet, outcome(this.#self, this.#handshake, end)];
  }

  wipe(): void {
    this.#psk?.fill(0);
    this.#handshake.wipe();
  }

  #mine(): Pick<Met, 'staticA' | 'ephemeralA' | 'randomA'> {
    const { publicKey } = this.#self.staticKeys;
    return { staticA: publicKey, ephemeralA: this.ephemeral, randomA: this.#random };
  }
}

/** B: answers message 1 with message 2, reads message 3. */
export class Responder {
  readonly pattern: MeetingPattern;
  readonly localIndex: number;
  /** Message 2. */
  readonly packet: Uint8Array;
  /** Hints, until message 3 was read. */
  readonly introduction: Introduction;
  readonly #self: Self;
  readonly #handshake: HandshakeState;
  readonly #random: Bytes<16>;
  readonly #commit: Hash;
  readonly #remoteEphemeral: PublicKey;

  /** @throws {RemoteProtocolError} if message 1 is malformed, or its key of low order. */
  constructor(keys: MeetingKeys, packet: OpeningPacket) {
    const { self, localIndex } = keys;
    this.pattern = patternOf(keys);
    this.localIndex = localIndex;
    this.#self = self;
    this.#handshake = handshakeOf(self, this.pattern, 'responder', keys.psk);
    const opening = decodeOpening(this.#handshake.readMessage(packet.noise));
    this.introduction = opening.introduction;
    this.#commit = opening.commit.slice() as Hash;
    this.#remoteEphemeral = ephemeralOf(packet).slice() as PublicKey;
    this.#random = self.randomBytes(RANDOM_SIZE).slice() as Bytes<16>;
    const introduction = { ...self.introduce(), index: localIndex };
    const answer = encodeAnswer({ introduction, random: this.#random });
    const [, type] = MEETING_PACKETS[this.pattern];
    const written = this.#handshake.writeMessage(answer);
    this.packet = encodeHandshake(type, written, this.introduction.index);
  }

  get ephemeral(): PublicKey {
    return this.#handshake.ephemeral;
  }

  /** Reads message 3. @throws {RemoteProtocolError} without a trace. */
  close({ noise }: AnswerPacket, judge: JudgeStranger): Outcome {
    const payload = this.#handshake.readMessage(noise, (read, { remoteStatic }) => {
      this.#assertCommitted(known(remoteStatic), decodeClosing(read));
      judge(known(remoteStatic), this.introduction);
    });
    const staticA = known(this.#handshake.learned.remoteStatic);
    const met = {
      staticA,
      ephemeralA: this.#remoteEphemeral,
      randomA: decodeClosing(payload),
      staticB: this.#self.staticKeys.publicKey,
      ephemeralB: this.ephemeral,
      randomB: this.#random,
    };
    const { pattern, introduction, localIndex } = this;
    const end = {
      pattern,
      side: 'responder',
      localIndex,
      introduction,
      remoteStatic: staticA,
      met,
    } as const;
    return outcome(this.#self, this.#handshake, end);
  }

  wipe(): void {
    this.#handshake.wipe();
  }

  /** §4.1: what A had chosen before it saw our part. */
  #assertCommitted(staticA: PublicKey, randomA: Bytes<16>): void {
    const met = { staticA, ephemeralA: this.#remoteEphemeral, randomA };
    if (!equal(commitment(this.#self.crypto, met), this.#commit)) {
      throw new RemoteProtocolError('unauthenticated');
    }
  }
}

/** What message 1 says, to be judged before any Diffie-Hellman. @throws {RemoteProtocolError} */
export function readOpening(self: Self, { type, noise }: OpeningPacket): Opening {
  const handshake = handshakeOf(self, type === 'XX1' ? 'XX' : 'XXpsk3', 'responder', undefined);
  try {
    return decodeOpening(handshake.readMessage(noise));
  } finally {
    handshake.wipe();
  }
}

function outcome(
  { crypto }: Self,
  handshake: HandshakeState,
  end: Omit<Outcome, 'established' | 'keyCheck'>,
): Outcome {
  const established = handshake.finish();
  return { ...end, established, keyCheck: keyCheckValue(crypto, established.handshakeHash) };
}

function patternOf({ psk }: MeetingKeys): MeetingPattern {
  return psk === undefined ? 'XX' : 'XXpsk3';
}

function handshakeOf(
  { crypto, randomBytes, staticKeys }: Self,
  name: MeetingPattern,
  side: Side,
  psk: PresharedKey | undefined,
): HandshakeState {
  const pattern = PATTERNS[name];
  const prologue = prologueOf(MEETING_PACKETS[name][0]);
  return new HandshakeState({ crypto, pattern, side, prologue, randomBytes, staticKeys, psk });
}

/** What the pattern has brought by now. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new LocalProtocolError('the handshake brought no key');
  return value;
}
