/**
 * All sessions: by index for what arrives, and for each contact
 *
 *     previous ◀── current ◀── next (unconfirmed, the newest few)
 *
 * PROTOCOL §5 rule 6 and §6. A session moves to `current` by `promote`: when the handshake itself
 * confirmed it, or when the first packet opened on it did. The one before then still receives for
 * a while, and what was next but is older than the promoted one is dropped, so that two sessions
 * made at once cannot replace each other for ever.
 */
import type { Confirmation, ContactBook, ContactRef } from './contact-book.ts';
import type { Effect } from './effects.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { Indices } from './indices.ts';
import { judgeKey } from './judge-key.ts';
import type { TransportPacket } from './packet.ts';
import type { Payload } from './payload.ts';
import { Repeats } from './repeats.ts';
import type { Self } from './self.ts';
import { type NewSession, PEER_LIMITS, Session, type SessionLimits } from './session.ts';

/** `expired`: there is one, but nothing may be sent on it any more. */
export type SessionStanding = 'none' | 'current' | 'to_be_renewed' | 'expired';

export type SessionPlace = 'none' | 'previous' | 'current' | 'next';

export interface Opened {
  readonly contact: ContactRef;
  /** None: an empty packet. */
  readonly payloads: readonly Payload[];
  /** The packet confirmed a new session: answer it with a packet, empty or not (§5 rule 6). */
  readonly promoted: Confirmation | undefined;
}

/**
 * One for all: after a restart a whole fleet names sessions that are gone, and to note where each
 * was refused costs more than to refuse it.
 */
const UNKNOWN_SESSION = new RemoteProtocolError('unknown_session');

interface Slot {
  previous: Session | undefined;
  previousUntil: number;
  current: Session | undefined;
  /** Unconfirmed, oldest first. */
  next: readonly Session[];
  /** Of the packet that tells the other side that `current` stands, until it was heard. */
  repeats: Repeats | undefined;
}

export class Sessions {
  readonly indices: Indices;
  readonly #self: Self;
  readonly #book: ContactBook;
  readonly #limits: SessionLimits;
  readonly #byIndex = new Map<number, Session>();
  readonly #slots = new Map<ContactRef, Slot>();

  constructor(self: Self, book: ContactBook, limits: SessionLimits = PEER_LIMITS) {
    this.indices = new Indices(self.randomBytes);
    this.#self = self;
    this.#book = book;
    this.#limits = limits;
  }

  standing(contact: ContactRef, now: number): SessionStanding {
    const current = this.#slots.get(contact)?.current;
    if (current === undefined || now >= current.wipeAt) return 'none';
    if (current.mustNotSend(now)) return 'expired';
    return current.shouldRenew(now) ? 'to_be_renewed' : 'current';
  }

  /** @throws {LocalProtocolError} if the contact's standing is `none` or `expired`. */
  seal(contact: ContactRef, payloads: readonly Payload[], now: number): Uint8Array {
    const current = this.#slots.get(contact)?.current;
    if (current === undefined || current.mustNotSend(now)) {
      throw new LocalProtocolError('no session to send on');
    }
    return current.seal(payloads);
  }

  /**
   * Verifies first; then pins and promotes, if this is the first packet of a new session.
   * @throws {RemoteProtocolError} `unknown_session`, `unauthenticated`, `replayed`, `malformed`,
   * without a trace; `refused` or what the book throws: then only the packet is used up.
   */
  open(packet: TransportPacket, now: number): Opened {
    const session = this.#alive(packet.index, now);
    if (session === undefined) throw UNKNOWN_SESSION;
    const { contact, confirmation } = session;
    const payloads = session.open(packet);
    const isUnconfirmed = this.#slot(contact).next.includes(session);
    if (!isUnconfirmed) return { contact, payloads, promoted: undefined };
    this.#confirm(session);
    this.#promote(session, now);
    return { contact, payloads, promoted: confirmation };
  }

  /** Adds an unconfirmed session, and drops the oldest one if there are too many. */
  add(origin: NewSession, now: number): void {
    const session = new Session(origin, this.#limits, this.#self.randomBytes, now);
    const slot = this.#slot(origin.contact);
    this.#byIndex.set(origin.localIndex, session);
    const next = [...slot.next, session];
    const excess = Math.max(0, next.length - this.#limits.unconfirmedMax);
    for (const dropped of next.slice(0, excess)) this.#drop(dropped);
    slot.next = next.slice(excess);
  }

  /** Adds a session that its handshake has confirmed, whose contact is pinned by now. */
  addConfirmed(origin: NewSession, now: number): void {
    this.add(origin, now);
    const session = this.#byIndex.get(origin.localIndex);
    if (session === undefined) return;
    this.#promote(session, now);
    const canBeCalled = this.#book.get(origin.contact)?.address !== undefined;
    if (canBeCalled) this.#slot(origin.contact).repeats = new Repeats(now);
  }

  /** Where the session stands that the other side names by this index. */
  placeOf(localIndex: number): SessionPlace {
    const session = this.#byIndex.get(localIndex);
    if (session === undefined) return 'none';
    const { previous, current } = this.#slot(session.contact);
    if (session === current) return 'current';
    return session === previous ? 'previous' : 'next';
  }

  /** The index of the contact's current session: it changes with every promotion. */
  currentIndex(contact: ContactRef): number | undefined {
    return this.#slots.get(contact)?.current?.localIndex;
  }

  /** Ends everything with this contact: it was removed, or people found that codes differ. */
  forget(contact: ContactRef): void {
    const slot = this.#slots.get(contact);
    if (slot === undefined) return;
    for (const session of [slot.previous, slot.current, ...slot.next]) {
      if (session !== undefined) this.#drop(session);
    }
    this.#slots.delete(contact);
  }

  /**
   * An exchange that carried a packet of that session has succeeded. One that was promoted
   * meanwhile is still to be told.
   */
  delivered(contact: ContactRef, localIndex: number): void {
    const slot = this.#slots.get(contact);
    if (slot?.current?.localIndex === localIndex) slot.repeats = undefined;
  }

  /** Wipes what is over, and repeats what tells the other side that a session stands. */
  tick(now: number): Effect[] {
    for (const session of [...this.#byIndex.values()]) {
      if (now >= this.#wipeAt(session)) this.#remove(session);
    }
    return [...this.#slots].flatMap(([contact, slot]): Effect[] => {
      if (slot.current?.wasHeard || now >= (slot.repeats?.endsAt ?? now)) slot.repeats = undefined;
      return slot.repeats?.take(now) ? [{ kind: 'confirm', contact, how: 'send' }] : [];
    });
  }

  /** When `tick` has something to do; undefined: never. */
  nextTick(): number | undefined {
    const wipes = [...this.#byIndex.values()].map((session) => this.#wipeAt(session));
    const repeats = [...this.#slots.values()].flatMap((slot) => slot.repeats?.nextAt ?? []);
    const times = [...wipes, ...repeats];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #alive(index: number, now: number): Session | undefined {
    const session = this.#byIndex.get(index);
    return session !== undefined && now < this.#wipeAt(session) ? session : undefined;
  }

  #wipeAt(session: Session): number {
    const slot = this.#slot(session.contact);
    return session === slot.previous
      ? Math.min(slot.previousUntil, session.wipeAt)
      : session.wipeAt;
  }

  /** Things may have changed since the handshake judged the key. */
  #confirm({ contact, confirmation }: Session): void {
    const { publicKey } = this.#self.staticKeys;
    judgeKey(this.#book, publicKey, contact, confirmation.remoteStatic);
    this.#book.confirm(contact, confirmation);
  }

  #promote(session: Session, now: number): void {
    const slot = this.#slot(session.contact);
    const place = slot.next.indexOf(session);
    for (const older of slot.next.slice(0, place)) this.#drop(older);
    if (slot.previous !== undefined) this.#drop(slot.previous);
    slot.next = slot.next.slice(place + 1);
    slot.previous = slot.current;
    slot.previousUntil = now + this.#limits.keepPrevious_ms;
    slot.current = session;
    slot.repeats = undefined;
    session.startAging(now);
  }

  #slot(contact: ContactRef): Slot {
    const known = this.#slots.get(contact);
    if (known !== undefined) return known;
    const none = { previous: undefined, current: undefined, repeats: undefined };
    const slot: Slot = { ...none, previousUntil: 0, next: [] };
    this.#slots.set(contact, slot);
    return slot;
  }

  /** Takes the session out of its slot as well. */
  #remove(session: Session): void {
    const slot = this.#slot(session.contact);
    if (slot.previous === session) slot.previous = undefined;
    if (slot.current === session) slot.current = undefined;
    slot.next = slot.next.filter((each) => each !== session);
    this.#drop(session);
  }

  #drop(session: Session): void {
    session.wipe();
    this.#byIndex.delete(session.localIndex);
    this.indices.release(session.localIndex);
  }
}
