/** The meetings under way, one a contact: who has which, until when, and what to repeat. */
import { equal, type PublicKey } from '../crypto/index.ts';
import type { ContactRef } from './contact-book.ts';
import { type Effect, failed, send } from './effects.ts';
import { type Meeting, ownIndexOf } from './meeting.ts';
import type { Sessions } from './sessions.ts';

export class MeetingTable {
  readonly #sessions: Sessions;
  readonly #byContact = new Map<ContactRef, Meeting>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Undefined also for one that has ended without anybody noticing yet. */
  get(contact: ContactRef, now: number): Meeting | undefined {
    const meeting = this.#byContact.get(contact);
    return meeting !== undefined && this.#isAlive(meeting, now) ? meeting : undefined;
  }

  /** The one whose index the other side names. */
  find(index: number, now: number): Meeting | undefined {
    return this.#alive(now).find((meeting) => ownIndexOf(meeting) === index);
  }

  /** Contacts that plain XX is under way with. */
  contacts(now: number): readonly ContactRef[] {
    const meetings = this.#alive(now).filter(
      ({ secret, phase }) => secret === undefined && phase.name !== 'closing',
    );
    return meetings.map(({ contact }) => contact);
  }

  /** Whether that key is in an XX1 of ours: then somebody reflects it. */
  hasOpened(ephemeral: PublicKey, now: number): boolean {
    return this.#alive(now).some(
      ({ phase }) => phase.name === 'opening' && equal(phase.initiator.ephemeral, ephemeral),
    );
  }

  /** The XX1 that are being answered. */
  answered(now: number): readonly Uint8Array[] {
    return this.#alive(now).flatMap(({ phase }) =>
      phase.name === 'answering' ? [phase.answered] : [],
    );
  }

  /** Takes the place of the contact's meeting, whose handshake goes on in this one or is over. */
  set(meeting: Meeting): void {
    this.#byContact.set(meeting.contact, meeting);
  }

  /** The meeting's handshake has become a session. */
  remove(contact: ContactRef): void {
    this.#byContact.delete(contact);
  }

  /** Forgets the meeting and its handshake. */
  end(contact: ContactRef): void {
    const phase = this.#byContact.get(contact)?.phase;
    this.#byContact.delete(contact);
    if (phase === undefined || phase.name === 'closing') return; // The session has the index now.
    const handshake = phase.name === 'opening' ? phase.initiator : phase.responder;
    handshake.wipe();
    this.#sessions.indices.release(handshake.localIndex);
  }

  tick(now: number): Effect[] {
    return [...this.#byContact.values()].flatMap((meeting): Effect[] => {
      const { contact, phase, repeats } = meeting;
      if (this.#isAlive(meeting, now)) {
        return repeats?.take(now) ? [send(contact, phase.packet)] : [];
      }
      this.end(contact);
      return this.#isDecided(meeting) ? [] : [failed(contact, 'unanswered')];
    });
  }

  nextTick(): number | undefined {
    const times = [...this.#byContact.values()].map(({ repeats, until }) =>
      Math.min(until, repeats?.nextAt ?? until),
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #alive(now: number): readonly Meeting[] {
    return [...this.#byContact.values()].filter((meeting) => this.#isAlive(meeting, now));
  }

  #isAlive(meeting: Meeting, now: number): boolean {
    return now < meeting.until && !this.#isDecided(meeting);
  }

  /** Its session was confirmed, or is gone: since then others may have been, and replaced it. */
  #isDecided(meeting: Meeting): boolean {
    return (
      meeting.phase.name === 'closing' && this.#sessions.placeOf(ownIndexOf(meeting)) !== 'next'
    );
  }
}
