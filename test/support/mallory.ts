/** Mallory, who may say on the wire whatever she likes: XX without any of the rules. */
import type { Bytes } from '../../src/bytes.ts';
import { openssl as crypto, type KeyPair, type PublicKey } from '../../src/crypto/index.ts';
import {
  commitment,
  decodeAnswer,
  decodePacket,
  encodeHandshake,
  encodeOpening,
  HandshakeState,
  type Introduction,
  type Met,
  PATTERNS,
  prologueOf,
  type Side,
} from '../../src/protocol/index.ts';
import { NOTHING } from './pure-pairs.ts';
import type { PurePeer } from './pure-peer.ts';
import type { Random } from './random.ts';

/** Mallory, and what she needs to pass for somebody. */
export interface Mask {
  readonly random: Random;
  readonly keys: KeyPair;
  readonly victim: PurePeer;
  /** Whom the victim takes her for. */
  readonly name: string;
  readonly address: string;
}

/** Mallory as initiator: XX1 to the victim, and from its XX2 she knows the code before it does. */
export class Offer {
  readonly packet: Uint8Array;
  /** The victim's XX2. */
  answered: Uint8Array = NOTHING;
  readonly #mask: Mask;
  readonly #handshake: HandshakeState;
  readonly #randomA: Bytes<16>;
  #answer: { readonly index: number; readonly met: Met } | undefined;

  constructor(mask: Mask) {
    this.#mask = mask;
    this.#handshake = handshakeOf(mask, 'initiator');
    this.#randomA = mask.random.bytes(16) as Bytes<16>;
    const { ephemeral } = this.#handshake;
    const ours = { staticA: mask.keys.publicKey, ephemeralA: ephemeral, randomA: this.#randomA };
    const opening = { introduction: introductionOf(mask), commit: commitment(crypto, ours) };
    const noise = this.#handshake.writeMessage(encodeOpening(opening));
    this.packet = encodeHandshake('XX1', noise);
  }

  get ephemeral(): PublicKey {
    return this.#handshake.ephemeral;
  }

  /** Reads the victim's XX2. */
  read(packet: Uint8Array): void {
    const decoded = decodePacket(packet);
    if (decoded.type !== 'XX2') throw new Error(`${decoded.type} instead of XX2`);
    const { random, introduction } = decodeAnswer(this.#handshake.readMessage(decoded.noise));
    const { remoteEphemeral, remoteStatic } = this.#handshake.learned;
    const met = {
      randomA: this.#randomA,
      randomB: random,
      ephemeralA: this.ephemeral,
      ephemeralB: remoteEphemeral as PublicKey,
      staticA: this.#mask.keys.publicKey,
      staticB: remoteStatic as PublicKey,
    };
    this.#answer = { index: introduction.index, met };
    this.answered = packet;
  }

  /** What the code will be made of. */
  get met(): Met {
    if (this.#answer === undefined) throw new Error('no XX2 yet');
    return this.#answer.met;
  }

  /** XX3, with the r that she committed to unless told otherwise. */
  close(randomA: Uint8Array = this.met.randomA): Uint8Array {
    const index = this.#answer?.index ?? 0;
    return encodeHandshake('XX3', this.#handshake.writeMessage(randomA), index);
  }
}

export function handshakeOf({ keys, random }: Mask, side: Side): HandshakeState {
  return new HandshakeState({
    crypto,
    pattern: PATTERNS.XX,
    side,
    prologue: prologueOf('XX1'),
    randomBytes: (size) => random.bytes(size),
    staticKeys: keys,
  });
}

export function introductionOf({ random, name, address }: Mask): Introduction {
  return { index: 1 + random.below(2 ** 31), capabilities: 3, maxFrame: 65_535, name, address };
}
