/**
 * XX1 that nobody has answered yet, PROTOCOL §5: the newest 4, for 10 minutes, hints only. Whom
 * one is from is guessed when it matters; a wrong guess ends in stale.
 */
import { equal } from '../crypto/index.ts';
import type { ContactBook, ContactRef } from './contact-book.ts';
import type { Introduction } from './introduction.ts';
import type { MeetingTable } from './meeting-table.ts';
import type { OpeningPacket } from './packet.ts';

const KEPT_MAX = 4;
export const KEPT_FOR_ms = 600_000;

export interface KeptOpening {
  readonly packet: Uint8Array;
  readonly opening: OpeningPacket;
  readonly introduction: Introduction;
  /** Known when it came in the reply of an exchange opened to the contact's address. */
  readonly contact: ContactRef | undefined;
  readonly until: number;
}

/** For people: who seems to be waiting. */
export interface WaitingHint {
  readonly introduction: Introduction;
  readonly contact: ContactRef | undefined;
}

export class KeptOpenings {
  readonly #book: ContactBook;
  readonly #meetings: MeetingTable;
  #kept: readonly KeptOpening[] = [];

  constructor(book: ContactBook, meetings: MeetingTable) {
    this.#book = book;
    this.#meetings = meetings;
  }

  /** The identical one is not kept twice. */
  add(kept: KeptOpening): void {
    this.forget(kept.packet);
    this.#kept = [...this.#kept, kept].slice(-KEPT_MAX);
  }

  forget(packet: Uint8Array): void {
    this.#kept = this.#kept.filter((kept) => !equal(kept.packet, packet));
  }

  /** The newest that may be this contact's, who has a meeting under way from now on. */
  newestOf(contact: ContactRef, now: number): KeptOpening | undefined {
    return this.#newestFirst(now).find((kept) => this.#contactOf(kept, now, contact) === contact);
  }

  /** Newest first, without those that are being answered. */
  waiting(now: number): readonly WaitingHint[] {
    const answered = this.#meetings.answered(now);
    const waiting = this.#newestFirst(now).filter(
      ({ packet }) => !answered.some((each) => equal(each, packet)),
    );
    return waiting.map((kept) => {
      return { introduction: kept.introduction, contact: this.#contactOf(kept, now) };
    });
  }

  /** By address, else by name, else the only contact that has a meeting under way. */
  match(
    { name, address }: Introduction,
    now: number,
    triggered?: ContactRef,
  ): ContactRef | undefined {
    const contacts = this.#book.all();
    const known =
      contacts.find((contact) => address !== undefined && contact.address === address) ??
      contacts.find((contact) => contact.name === name);
    if (known !== undefined) return known.id;
    const underWay = new Set(this.#meetings.contacts(now));
    if (triggered !== undefined) underWay.add(triggered);
    return underWay.size === 1 ? [...underWay][0] : undefined;
  }

  #contactOf(kept: KeptOpening, now: number, triggered?: ContactRef): ContactRef | undefined {
    return kept.contact ?? this.match(kept.introduction, now, triggered);
  }

  #newestFirst(now: number): readonly KeptOpening[] {
    this.#kept = this.#kept.filter(({ until }) => now < until);
    return this.#kept.toReversed();
  }
}
