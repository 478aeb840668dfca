/**
 * Meetings by XX, and by XXpsk3 with a pairing code: PROTOCOL §5 and §7. The rules of §5 are cited
 * here and in meeting.ts, and nowhere else:
 *
 *     1  a trigger answers a kept XX1, or sends one; a repeated trigger repeats     trigger
 *     2  crossed XX1: the smaller e stays initiator                                 #cross
 *     3  another XX1 while XX2 is out gets a new XX2                                #onXX1
 *     4  what matches nothing is stale; who hears that triggers itself again        status
 *     5  the identical packet gets the identical reply                              receive
 *     6  only a confirmed session replaces the current one; XX2 is repeated         tick
 *     7  one trigger buys four attempts, and none once a code was shown             #spend
 *
 * A packet is judged with everything it brings before anything changes; then the book pins; then
 * the state moves; then effects say what to do.
 */
import { equal, type PublicKey } from '../crypto/index.ts';
import { comparisonCode } from './comparison.ts';
import type { ContactBook, ContactRef } from './contact-book.ts';
import { answer, type Effect, failed, type MeetingFailure, send, type Via } from './effects.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { HeldCode } from './held-code.ts';
import type { Introduction } from './introduction.ts';
import { judgeKey } from './judge-key.ts';
import { KEPT_FOR_ms, type KeptOpening, KeptOpenings, type WaitingHint } from './kept-openings.ts';
import {
  ATTEMPTS,
  confirmationOf,
  ephemeralOfMeeting,
  hasOut,
  type Meeting,
  outranks,
  ownIndexOf,
  sessionOf,
  staysInitiator,
} from './meeting.ts';
import { Initiator, type Outcome, Responder, readOpening } from './meeting-handshake.ts';
import { MeetingTable } from './meeting-table.ts';
import {
  type AnswerPacket,
  decodePacket,
  ephemeralOf,
  type OpeningPacket,
  type StatusCode,
} from './packet.ts';
import { type PairingSecret, pskOf } from './pairing-code.ts';
import { busy, effectsOfRefusal, forbidden, Refusal, stale } from './refusal.ts';
import { REPEATED_FOR_ms, Repeats } from './repeats.ts';
import { Replies } from './replies.ts';
import type { Self } from './self.ts';
import type { Sessions } from './sessions.ts';

export interface MeetingOptions {
  /** §7: this peer is reached over a serial line, and refuses plain XX. */
  readonly forbidsPlain?: boolean;
  /** For tests that shorten the code, to see how often it can be guessed. */
  readonly codeOf?: typeof comparisonCode;
}

/** `waiting`: XX1 is out. `open`: XX2 or XX3 is, so that KK yields (§6). */
export type MeetingStanding = 'none' | 'waiting' | 'open';

export class Meetings {
  readonly #self: Self;
  readonly #book: ContactBook;
  readonly #sessions: Sessions;
  readonly #options: MeetingOptions;
  readonly #replies: Replies;
  readonly #meetings: MeetingTable;
  readonly #kept: KeptOpenings;
  #held: HeldCode | undefined;

  constructor(self: Self, book: ContactBook, sessions: Sessions, options: MeetingOptions = {}) {
    this.#self = self;
    this.#book = book;
    this.#sessions = sessions;
    this.#options = options;
    this.#replies = new Replies(self.crypto, sessions.indices);
    this.#meetings = new MeetingTable(sessions);
    this.#kept = new KeptOpenings(book, this.#meetings);
  }

  /** A person wants to meet this contact; with the secret of a pairing code by XXpsk3. Rule 1. */
  trigger(contact: ContactRef, now: number, secret?: PairingSecret): Effect[] {
    const obstacle = this.#obstacle(contact, secret);
    if (obstacle !== undefined) return [failed(contact, obstacle)];
    if (secret !== undefined) return this.#triggerByCode(contact, secret, now);
    const before = this.#meetings.get(contact, now);
    const meeting = before?.secret === undefined ? before : undefined;
    const effects = this.#answerKept(contact, meeting, ATTEMPTS, now);
    if (effects !== undefined) return effects;
    return meeting ? this.#again(meeting, now) : this.#open(contact, undefined, ATTEMPTS, now);
  }

  /**
   * XX1 to PSK3. A refusal is an effect; what the book throws passes through. Rule 5 comes first.
   */
  receive(packet: Uint8Array, via: Via, now: number): Effect[] {
    const reply = this.#replies.recall(packet);
    if (reply !== undefined) return [...reply];
    try {
      return this.#receive(packet.slice(), via, now);
    } catch (cause) {
      return effectsOfRefusal(cause);
    }
  }

  /** STATUS about a packet that was sent to this contact. A hint: it ends no session. Rule 4. */
  status(code: StatusCode, packet: Uint8Array, contact: ContactRef, now: number): Effect[] {
    const meeting = this.#meetings.get(contact, now);
    if (meeting === undefined || !hasOut(meeting, packet)) return [];
    const { phase, attempts, secret } = meeting;
    if (code === 'refused') return [failed(contact, 'forbidden')];
    if (code !== 'stale' || phase.name === 'opening') return [];
    if (phase.name === 'answering') this.#kept.forget(phase.answered);
    this.#meetings.end(contact);
    // A fresh XX1 is an attempt, and is worth nothing without another one for its XX3.
    const wasShown = phase.name === 'closing';
    if (attempts < 2) return [failed(contact, wasShown ? 'stale' : 'attempts_used')];
    const isAsked = wasShown && secret === undefined;
    const effects = isAsked ? this.#answerKept(contact, undefined, attempts, now) : undefined;
    return effects ?? this.#open(contact, secret, attempts - 1, now);
  }

  /** Repeats what may have been lost, and gives up what took too long. Rule 6. */
  tick(now: number): Effect[] {
    return this.#meetings.tick(now);
  }

  /** When `tick` has something to do; undefined: never. */
  nextTick(): number | undefined {
    return this.#meetings.nextTick();
  }

  /** Until then, whoever brings the code needs no trigger, and plain XX is refused. §7. */
  holdCode(secret: PairingSecret, until: number): void {
    this.dropCode();
    const psk = pskOf(this.#self.crypto, secret);
    this.#held = new HeldCode(this.#self, this.#book, this.#sessions.indices, psk, until);
  }

  holdsCode(now: number): boolean {
    return this.#heldCode(now) !== undefined;
  }

  dropCode(): void {
    this.#held?.wipe();
    this.#held = undefined;
  }

  /** Newest first. */
  waiting(now: number): readonly WaitingHint[] {
    return this.#kept.waiting(now);
  }

  standing(contact: ContactRef, now: number): MeetingStanding {
    const meeting = this.#meetings.get(contact, now);
    if (meeting === undefined) return 'none';
    return meeting.phase.name === 'opening' ? 'waiting' : 'open';
  }

  /** Our fresh public key in the meeting under way. */
  ephemeral(contact: ContactRef, now: number): PublicKey | undefined {
    const meeting = this.#meetings.get(contact, now);
    return meeting && ephemeralOfMeeting(meeting);
  }

  /** The contact was removed, or its pin was. */
  forget(contact: ContactRef): void {
    this.#meetings.end(contact);
  }

  #receive(packet: Uint8Array, via: Via, now: number): Effect[] {
    const decoded = decodePacket(packet);
    switch (decoded.type) {
      case 'XX1':
        return this.#onXX1(packet, decoded, via, now);
      case 'PSK1':
        return this.#onPSK1(packet, decoded, via, now);
      case 'XX2':
      case 'PSK2':
        return this.#onAnswer(packet, decoded, via, now);
      case 'XX3':
        return this.#onXX3(packet, decoded, via, now);
      case 'PSK3':
        return this.#onPSK3(packet, decoded, now);
      default:
        throw new LocalProtocolError(`${decoded.type} belongs to no meeting`);
    }
  }

  #onXX1(packet: Uint8Array, opening: OpeningPacket, via: Via, now: number): Effect[] {
    if (this.#options.forbidsPlain || this.holdsCode(now)) throw forbidden();
    const introduction = this.#readOpening(opening, now);
    // A contact may have been removed while an exchange with it was under way.
    const assigned = via.exchange === 'mine' ? this.#book.get(via.contact)?.id : undefined;
    const contact = assigned ?? this.#kept.match(introduction, now);
    if (contact !== undefined && this.#obstacle(contact, undefined)) throw forbidden();
    const kept = { packet, opening, introduction, contact: assigned, until: now + KEPT_FOR_ms };
    const meeting = contact === undefined ? undefined : this.#meetings.get(contact, now);
    if (meeting !== undefined && meeting.secret === undefined) {
      if (staysInitiator(meeting, opening)) {
        const effects = [answer(meeting.phase.packet)];
        return this.#replies.rememberFew(packet, ownIndexOf(meeting), effects);
      }
      const isFree = meeting.phase.name !== 'closing' && meeting.attempts > 0;
      // Rules 2 and 3.
      if (isFree) return this.#respond(meeting.contact, kept, meeting.attempts, now);
    }
    this.#kept.add(kept);
    return [{ kind: 'kept' }];
  }

  /** §7: no trigger is needed; crossed ones go by rule 2, but ours stays out. */
  #onPSK1(packet: Uint8Array, opening: OpeningPacket, via: Via, now: number): Effect[] {
    const held = this.#heldCode(now);
    if (held === undefined) throw forbidden();
    const introduction = this.#readOpening(opening, now);
    const contact = via.exchange === 'mine' ? via.contact : this.#kept.match(introduction, now);
    const meeting = contact === undefined ? undefined : this.#meetings.get(contact, now);
    if (meeting?.secret !== undefined && staysInitiator(meeting, opening)) {
      return [answer(meeting.phase.packet)];
    }
    const responder = held.answer(opening, now);
    return this.#reply(packet, responder.localIndex, [answer(responder.packet)]);
  }

  #onAnswer(packet: Uint8Array, decoded: AnswerPacket, via: Via, now: number): Effect[] {
    const meeting = this.#find(decoded, via, now);
    if (meeting?.phase.name !== 'opening') throw stale();
    if (meeting.attempts === 0) throw busy();
    const { contact, phase, secret } = meeting;
    const { initiator } = phase;
    const ownKey = this.#self.staticKeys.publicKey;
    const [closing, outcome] = initiator.answer(decoded, (key) =>
      judgeKey(this.#book, ownKey, contact, key),
    );
    const { localIndex, ephemeral } = initiator;
    // Rule 7: a code is shown now.
    const ended = { contact, secret, attempts: 0, until: now + REPEATED_FOR_ms };
    this.#meetings.set({
      ...ended,
      phase: { name: 'closing', packet: closing, localIndex, ephemeral },
      repeats: secret && new Repeats(now),
    });
    this.#sessions.add(sessionOf(contact, outcome), now);
    const shown = this.#comparison(contact, outcome);
    return [...shown, ...this.#reply(packet, localIndex, [answer(closing)])];
  }

  #onXX3(packet: Uint8Array, decoded: AnswerPacket, via: Via, now: number): Effect[] {
    const meeting = this.#find(decoded, via, now);
    if (meeting?.phase.name !== 'answering') throw stale();
    const { contact, phase } = meeting;
    const ownKey = this.#self.staticKeys.publicKey;
    const outcome = phase.responder.close(decoded, (remoteStatic, introduction) => {
      judgeKey(this.#book, ownKey, contact, remoteStatic);
      const confirmation = { pattern: 'XX', remoteStatic, introduction, verified: false } as const;
      this.#book.confirm(contact, confirmation);
    });
    this.#kept.forget(phase.answered);
    this.#meetings.remove(contact);
    return this.#establish(packet, contact, outcome, now);
  }

  #onPSK3(packet: Uint8Array, decoded: AnswerPacket, now: number): Effect[] {
    const held = this.#heldCode(now);
    if (held === undefined) throw stale();
    const [contact, outcome] = held.close(decoded);
    this.dropCode();
    this.forget(contact);
    return this.#establish(packet, contact, outcome, now);
  }

  /** Rule 6, for the responder. */
  #establish(packet: Uint8Array, contact: ContactRef, outcome: Outcome, now: number): Effect[] {
    this.#sessions.addConfirmed(sessionOf(contact, outcome), now);
    return [
      { kind: 'promoted', contact, confirmation: confirmationOf(outcome) },
      ...this.#comparison(contact, outcome),
      ...this.#reply(packet, outcome.localIndex, [{ kind: 'confirm', contact, how: 'answer' }]),
    ];
  }

  #triggerByCode(contact: ContactRef, secret: PairingSecret, now: number): Effect[] {
    const meeting = this.#meetings.get(contact, now);
    const isSame = meeting?.secret !== undefined && equal(meeting.secret, secret);
    return isSame ? this.#again(meeting, now) : this.#open(contact, secret, ATTEMPTS, now);
  }

  /** Rule 1: a repeated trigger repeats the same bytes, and buys attempts anew. */
  #again(meeting: Meeting, now: number): Effect[] {
    const { contact, secret, phase } = meeting;
    const isLong = phase.name === 'opening' && secret === undefined;
    const until = now + (isLong ? KEPT_FOR_ms : REPEATED_FOR_ms);
    const repeats = meeting.repeats && new Repeats(now);
    this.#meetings.set({ ...meeting, attempts: ATTEMPTS, repeats, until });
    return [send(contact, phase.packet)];
  }

  #open(
    contact: ContactRef,
    secret: PairingSecret | undefined,
    attempts: number,
    now: number,
  ): Effect[] {
    this.forget(contact);
    const localIndex = this.#sessions.indices.claim();
    const psk = secret && pskOf(this.#self.crypto, secret);
    const initiator = new Initiator({ self: this.#self, localIndex, psk });
    const { packet } = initiator;
    const phase = { name: 'opening', packet, initiator } as const;
    const repeats = secret && new Repeats(now);
    const until = repeats?.endsAt ?? now + KEPT_FOR_ms;
    this.#meetings.set({ contact, secret, phase, attempts, repeats, until });
    return [send(contact, packet)];
  }

  /** Undefined: none is kept that goes before `meeting`, or none that can be answered. */
  #answerKept(
    contact: ContactRef,
    meeting: Meeting | undefined,
    attempts: number,
    now: number,
  ): Effect[] | undefined {
    const kept = this.#kept.newestOf(contact, now);
    if (kept === undefined || outranks(meeting, kept.packet, kept.opening)) return undefined;
    try {
      return this.#respond(contact, kept, attempts, now);
    } catch (cause) {
      if (!(cause instanceof RemoteProtocolError)) throw cause;
      this.#kept.forget(kept.packet);
      return this.#answerKept(contact, meeting, attempts, now);
    }
  }

  /** XX2, which is sent to the contact's own address only. @throws {RemoteProtocolError} */
  #respond(contact: ContactRef, kept: KeptOpening, attempts: number, now: number): Effect[] {
    const localIndex = this.#sessions.indices.claim();
    const responder = this.#tryResponder(localIndex, kept.opening);
    this.forget(contact);
    this.#kept.add(kept);
    const { packet } = responder;
    const phase = { name: 'answering', packet, responder, answered: kept.packet } as const;
    const repeats = new Repeats(now);
    const spent = { contact, secret: undefined, attempts: attempts - 1 };
    this.#meetings.set({ ...spent, phase, repeats, until: repeats.endsAt });
    return this.#reply(kept.packet, localIndex, [send(contact, packet)]);
  }

  #tryResponder(localIndex: number, opening: OpeningPacket): Responder {
    try {
      return new Responder({ self: this.#self, localIndex, psk: undefined }, opening);
    } catch (cause) {
      this.#sessions.indices.release(localIndex);
      throw cause;
    }
  }

  /** The meeting for which XX2 or XX3 arrived, from where it may come. */
  #find({ type, index }: AnswerPacket, via: Via, now: number): Meeting | undefined {
    const meeting = this.#meetings.find(index, now);
    if (meeting === undefined) return undefined;
    const isElsewhere = via.exchange === 'mine' && via.contact !== meeting.contact;
    const isOtherPattern = type.startsWith('PSK') !== (meeting.secret !== undefined);
    return isElsewhere || isOtherPattern ? undefined : meeting;
  }

  #readOpening(opening: OpeningPacket, now: number): Introduction {
    if (this.#meetings.hasOpened(ephemeralOf(opening), now)) throw new Refusal('refused');
    return readOpening(this.#self, opening).introduction;
  }

  /** Why the contact cannot be met this way, §5 and §7. */
  #obstacle(contact: ContactRef, secret?: PairingSecret): MeetingFailure | undefined {
    const known = this.#book.get(contact);
    if (known === undefined) throw new LocalProtocolError('a meeting needs a contact');
    if (known.address === undefined) return 'cannot_be_called';
    return known.needsCode && secret === undefined ? 'code_needed' : undefined;
  }

  #heldCode(now: number): HeldCode | undefined {
    if (this.#held?.isUsable(now) === false) this.dropCode();
    return this.#held;
  }

  /** None for a pairing code, §7: whoever has it needs no other proof. */
  #comparison(contact: ContactRef, outcome: Outcome): readonly Effect[] {
    const { met, remoteStatic, keyCheck, pattern } = outcome;
    if (pattern === 'XXpsk3') return [];
    const codeOf = this.#options.codeOf ?? comparisonCode;
    const comparison = { code: codeOf(this.#self.crypto, met), keyCheck };
    return [{ kind: 'comparison', contact, comparison, remoteStatic }];
  }

  /** Rule 5. */
  #reply(packet: Uint8Array, localIndex: number, effects: readonly Effect[]): Effect[] {
    this.#replies.remember(packet, localIndex, effects);
    return [...effects];
  }
}
