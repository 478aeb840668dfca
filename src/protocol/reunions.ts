/**
 * Meeting again by KK, PROTOCOL §6: between pinned contacts, without a person.
 *
 *     start   ── KK1 ──▶            gate first, then answered at once
 *             ◀── KK2 ──            we promote on it
 *             ── TRANSPORT ──▶      the other side promotes on that
 *
 * KK1 can be replayed by anybody, so it must not end anything of ours: it makes an unconfirmed
 * session, of which there are few, and no more.
 */
import { concat } from '../bytes.ts';
import {
  type CryptoProvider,
  equal,
  KEY_SIZE,
  type KeyPair,
  type PublicKey,
  type SharedSecret,
} from '../crypto/index.ts';
import type { Confirmation, ContactBook, ContactRef, KnownContact } from './contact-book.ts';
import { answer, type Effect, failed, send, type Via } from './effects.ts';
import { LocalProtocolError, type RefusalReason } from './errors.ts';
import { gateOf, gateOpens } from './gate.ts';
import { type Gate, GateKeys } from './gate-keys.ts';
import { HandshakeState, type PresharedKey } from './handshake-state.ts';
import { decodeIntroduction, encodeIntroduction, type Introduction } from './introduction.ts';
import { judgeKey } from './judge-key.ts';
import { compareKeys } from './meeting.ts';
import type { Meetings } from './meetings.ts';
import {
  type AnswerPacket,
  decodePacket,
  encodeHandshake,
  ephemeralOf,
  prologueOf,
  type ReunionPacket,
  type StatusCode,
} from './packet.ts';
import { PATTERNS, type Side } from './pattern.ts';
import { RateLimit } from './rate-limit.ts';
import { busy, effectsOfRefusal, Refusal, stale } from './refusal.ts';
import { Repeats } from './repeats.ts';
import { Replies } from './replies.ts';
import type { Self } from './self.ts';
import type { Sessions } from './sessions.ts';

/** Until there is a post-quantum secret, as WireGuard does. */
const NO_PSK = new Uint8Array(KEY_SIZE) as PresharedKey;
const PROLOGUE = prologueOf('KK1');

/** Handshakes read from one contact. */
const READ_PER_SECOND = 2;
const READ_BURST = 8;

/** A KK1 of ours that waits for its KK2. */
interface Outstanding {
  readonly contact: ContactRef;
  readonly remoteStatic: PublicKey;
  readonly localIndex: number;
  readonly handshake: HandshakeState;
  readonly packet: Uint8Array;
  readonly repeats: Repeats;
  /** The session that it is to replace: if that is replaced otherwise, this one is not needed. */
  readonly replaces: number | undefined;
}

export class Reunions {
  readonly gates: GateKeys;
  readonly #self: Self;
  /** For handshakes. */
  readonly #crypto: CryptoProvider;
  readonly #book: ContactBook;
  readonly #sessions: Sessions;
  readonly #meetings: Meetings;
  readonly #replies: Replies;
  readonly #outstanding = new Map<ContactRef, Outstanding>();
  readonly #rates = new Map<ContactRef, RateLimit>();

  constructor(self: Self, book: ContactBook, sessions: Sessions, meetings: Meetings) {
    this.gates = new GateKeys(self.crypto, self.staticKeys);
    this.#self = self;
    this.#book = book;
    this.#sessions = sessions;
    this.#meetings = meetings;
    this.#replies = new Replies(self.crypto, sessions.indices);
    this.#crypto = withFirstKey(self.crypto);
  }

  /**
   * KK1 to the contact; the identical one if it is out already. Nothing to somebody who is not
   * pinned, nor while a meeting is open: a person wants to meet anew.
   */
  start(contact: ContactRef, now: number): Effect[] {
    const known = this.#book.get(contact);
    if (known?.publicKey === undefined) return [];
    if (known.address === undefined) return [failed(contact, 'cannot_be_called')];
    if (this.#meetings.standing(contact, now) === 'open') return [];
    const { packet } = this.#alive(contact, now) ?? this.#open(known, known.publicKey, now);
    return [send(contact, packet)];
  }

  isOut(contact: ContactRef, now: number): boolean {
    return this.#alive(contact, now) !== undefined;
  }

  /** KK1 and KK2. A refusal is an effect; what the book throws passes through. */
  receive(packet: Uint8Array, via: Via, now: number): Effect[] {
    const reply = this.#replies.recall(packet);
    if (reply !== undefined) return [...reply];
    try {
      const decoded = decodePacket(packet);
      if (decoded.type === 'KK1') return this.#onKK1(packet, decoded, now);
      if (decoded.type === 'KK2') return this.#onKK2(decoded, via, now);
      throw new LocalProtocolError(`${decoded.type} belongs to no reunion`);
    } catch (cause) {
      return effectsOfRefusal(cause);
    }
  }

  /** STATUS about a packet that was sent to this contact. A hint: it ends nothing. */
  status(code: StatusCode, packet: Uint8Array, contact: ContactRef, now: number): Effect[] {
    const outstanding = this.#alive(contact, now);
    if (outstanding === undefined || !equal(outstanding.packet, packet)) return [];
    if (code === 'unknown') return [failed(contact, 'forgotten')];
    return code === 'refused' ? [failed(contact, 'forbidden')] : [];
  }

  /** Repeats KK1; after 60 s it is over, and `start` makes a fresh one. */
  tick(now: number): Effect[] {
    return [...this.#outstanding.values()].flatMap(({ contact, packet, repeats }): Effect[] => {
      if (this.#alive(contact, now) !== undefined) {
        return repeats.take(now) ? [send(contact, packet)] : [];
      }
      this.#end(contact);
      return now < repeats.endsAt ? [] : [failed(contact, 'unanswered')];
    });
  }

  /** When `tick` has something to do; undefined: never. */
  nextTick(): number | undefined {
    const times = [...this.#outstanding.values()].map(({ repeats }) => repeats.nextAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Nothing is left of it: the contact was removed, or its pin was. */
  forget(contact: ContactRef): void {
    this.#end(contact);
    this.gates.forget(contact);
  }

  /** Ends what is out. */
  #end(contact: ContactRef): void {
    const outstanding = this.#outstanding.get(contact);
    if (outstanding === undefined) return;
    this.#outstanding.delete(contact);
    outstanding.handshake.wipe();
    this.#sessions.indices.release(outstanding.localIndex);
  }

  #onKK1(packet: Uint8Array, decoded: ReunionPacket, now: number): Effect[] {
    const { contact, gate } = this.#findByGate(decoded);
    const mine = this.#alive(contact, now);
    const order =
      mine === undefined ? 1 : compareKeys(mine.handshake.ephemeral, ephemeralOf(decoded));
    if (order === 0) throw new Refusal('refused');
    // Crossed: the smaller key stays initiator.
    if (mine !== undefined && order < 0) return [answer(mine.packet)];
    const isBusy = this.#meetings.standing(contact, now) === 'open';
    if (isBusy || !this.#rate(contact).take(now)) throw busy();
    return this.#answer(packet, decoded, contact, gate, now);
  }

  /** The contact whose gate it opens; before any Diffie-Hellman. */
  #findByGate({ hint, gate, gated }: ReunionPacket) {
    let reason: RefusalReason = 'unknown_session';
    for (const found of this.gates.withHint(this.#book, hint)) {
      if (gateOpens(this.#self.crypto, found.gate.key, found.gate.publicKey, { gate, gated })) {
        return found;
      }
      reason = 'unauthenticated';
    }
    throw new Refusal(reason, { status: 'unknown' });
  }

  #answer(
    packet: Uint8Array,
    { noise }: ReunionPacket,
    contact: ContactRef,
    gate: Gate,
    now: number,
  ): Effect[] {
    const remoteStatic = gate.publicKey;
    const handshake = this.#handshake('responder', gate);
    const introduction = decodeIntroduction(handshake.readMessage(noise));
    const localIndex = this.#sessions.indices.claim();
    const own = encodeIntroduction({ ...this.#self.introduce(), index: localIndex });
    const written = handshake.writeMessage(own);
    const confirmation = confirmationOf(remoteStatic, introduction);
    const remoteIndex = introduction.index;
    const established = handshake.finish();
    const ends = { contact, side: 'responder', localIndex, remoteIndex } as const;
    this.#sessions.add({ ...ends, established, confirmation }, now);
    const effect = answer(encodeHandshake('KK2', written, remoteIndex));
    this.#replies.remember(packet, localIndex, [effect]);
    return [effect];
  }

  #onKK2({ index, noise }: AnswerPacket, via: Via, now: number): Effect[] {
    const mine = [...this.#outstanding.values()].find(({ localIndex }) => localIndex === index);
    if (mine === undefined || this.#alive(mine.contact, now) === undefined) throw stale();
    const { contact, handshake, remoteStatic, localIndex } = mine;
    if (via.exchange === 'mine' && via.contact !== contact) throw stale();
    const payload = handshake.readMessage(noise, (read) => {
      judgeKey(this.#book, this.#self.staticKeys.publicKey, contact, remoteStatic);
      this.#book.confirm(contact, confirmationOf(remoteStatic, decodeIntroduction(read)));
    });
    const introduction = decodeIntroduction(payload);
    const confirmation = confirmationOf(remoteStatic, introduction);
    const ends = {
      contact,
      side: 'initiator',
      localIndex,
      remoteIndex: introduction.index,
    } as const;
    this.#outstanding.delete(contact);
    const established = handshake.finish();
    this.#sessions.addConfirmed({ ...ends, established, confirmation }, now);
    return [
      { kind: 'promoted', contact, confirmation },
      { kind: 'confirm', contact, how: 'answer' },
    ];
  }

  #open(known: KnownContact, remoteStatic: PublicKey, now: number): Outstanding {
    const contact = known.id;
    this.#end(contact);
    const gate = this.gates.of(known);
    if (gate === undefined) throw new LocalProtocolError('KK needs a pinned contact');
    const localIndex = this.#sessions.indices.claim();
    const handshake = this.#handshake('initiator', gate);
    const own = encodeIntroduction({ ...this.#self.introduce(), index: localIndex });
    const gated = encodeHandshake('KK1', handshake.writeMessage(own), gate.ownHint);
    const { crypto, staticKeys } = this.#self;
    const packet = concat(gated, gateOf(crypto, gate.key, staticKeys.publicKey, gated));
    const replaces = this.#sessions.currentIndex(contact);
    const repeats = new Repeats(now);
    const mine = { contact, remoteStatic, localIndex, handshake, packet, repeats, replaces };
    this.#outstanding.set(contact, mine);
    return mine;
  }

  /** Not over, not overtaken by another session, a meeting, or another pin. */
  #alive(contact: ContactRef, now: number): Outstanding | undefined {
    const mine = this.#outstanding.get(contact);
    if (mine === undefined || now >= mine.repeats.endsAt) return undefined;
    const pinned = this.#book.get(contact)?.publicKey;
    const isPinned = pinned !== undefined && equal(pinned, mine.remoteStatic);
    const isNeeded = this.#sessions.currentIndex(contact) === mine.replaces;
    const yields = this.#meetings.standing(contact, now) === 'open';
    return isPinned && isNeeded && !yields ? mine : undefined;
  }

  #handshake(side: Side, { publicKey: remoteStatic, pairSecret }: Gate): HandshakeState {
    const { randomBytes } = this.#self;
    const crypto = this.#crypto;
    const pattern = PATTERNS.KKpsk0;
    const staticKeys = withPairSecret(this.#self.staticKeys, remoteStatic, pairSecret);
    const keys = { staticKeys, remoteStatic, psk: NO_PSK };
    return new HandshakeState({ crypto, pattern, side, prologue: PROLOGUE, randomBytes, ...keys });
  }

  #rate(contact: ContactRef): RateLimit {
    const known = this.#rates.get(contact) ?? new RateLimit(READ_PER_SECOND, READ_BURST);
    this.#rates.set(contact, known);
    return known;
  }
}

/**
 * What KKpsk0 derives first is the same in each handshake, and no secret: its psk is known, and the
 * chaining key is the protocol's name still.
 */
function withFirstKey(crypto: CryptoProvider): CryptoProvider {
  let first: Uint8Array | undefined;
  const derive: CryptoProvider['derive'] = (secret, ...others) => {
    if (secret !== NO_PSK) return crypto.derive(secret, ...others);
    first ??= crypto.derive(secret, ...others);
    return first.slice();
  };
  return { ...crypto, derive };
}

/** Keys that do not compute `ss` anew. */
function withPairSecret(own: KeyPair, remoteStatic: PublicKey, pairSecret: SharedSecret): KeyPair {
  return {
    publicKey: own.publicKey,
    // A copy, because who has mixed it in wipes it.
    dh: (key) => (key === remoteStatic ? (pairSecret.slice() as SharedSecret) : own.dh(key)),
    wipe: () => own.wipe(),
  };
}

function confirmationOf(remoteStatic: PublicKey, introduction: Introduction): Confirmation {
  return { pattern: 'KKpsk0', remoteStatic, introduction, verified: false };
}
