/**
 * Tells people what happened: codes to compare on their own terminal, facts without secrets in
 * the log. Remembers what `verify` and `show` need of it.
 */
import { equal, type PublicKey } from '../crypto/index.ts';
import type { Comparison, Confirmation, MeetingFailure } from '../protocol/index.ts';
import type { Happening } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { ContactId, Log, Terminal } from './ports.ts';

/** What two people are to compare, and the key that it vouches for. */
export interface Comparable {
  readonly comparison: Comparison;
  readonly remoteStatic: PublicKey;
}

/** A session stands by it, or why it came to nothing. */
export type MeetingEnd = Pick<Confirmation, 'pattern'> | { readonly failure: MeetingFailure };

type OnMeetingEnded = (contact: ContactId, end: MeetingEnd) => void;

export class Announcer {
  readonly #contacts: Contacts;
  readonly #terminal: Terminal;
  readonly #log: Log;
  readonly #comparable = new Map<ContactId, Comparable>();
  readonly #failures = new Map<ContactId, MeetingFailure>();
  readonly #listeners = new Set<(happening: Happening) => void>();
  readonly #onMeetingEnded = new Set<OnMeetingEnded>();

  constructor(contacts: Contacts, terminal: Terminal, log: Log) {
    this.#contacts = contacts;
    this.#terminal = terminal;
    this.#log = log;
  }

  /** Returns how to stop listening. */
  listen(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For parts of the messenger that wait for a session. Returns how to stop listening. */
  onMeetingEnded(listener: OnMeetingEnded): () => void {
    this.#onMeetingEnded.add(listener);
    return () => this.#onMeetingEnded.delete(listener);
  }

  compare(contact: ContactId, comparison: Comparison, remoteStatic: PublicKey): void {
    this.#comparable.set(contact, { comparison, remoteStatic });
    this.#failures.delete(contact);
    const { code, keyCheck } = comparison;
    this.#terminal.print(
      `compare with ${this.#name(contact)}: code ${code}, key check ${keyCheck}`,
    );
    this.tell('contact', contact);
  }

  promoted(contact: ContactId, { pattern, verified }: Confirmation): void {
    this.#failures.delete(contact);
    if (verified) this.#comparable.delete(contact);
    const isVerified = verified || this.#contacts.get(contact)?.verified === true;
    const facts = { contact: this.#name(contact), pattern, verified: isVerified };
    this.#log.info('session_established', facts);
    if (pattern === 'XXpsk3') {
      this.#terminal.print(`${this.#name(contact)} is verified: both sides have the pairing code`);
    }
    this.tell('contact', contact);
    for (const listener of this.#onMeetingEnded) listener(contact, { pattern });
  }

  failed(contact: ContactId, reason: MeetingFailure): void {
    this.#failures.set(contact, reason);
    this.#log.warn('meeting_failed', { contact: this.#name(contact), reason });
    this.tell('contact', contact);
    for (const listener of this.#onMeetingEnded) listener(contact, { failure: reason });
  }

  /** Somebody wants to meet, and waits for a person here. */
  kept({ isLogged }: { readonly isLogged: boolean }): void {
    if (isLogged) this.#log.info('meeting_requested');
    this.tell('contact', undefined);
  }

  arrived(contact: ContactId, messages: number): void {
    this.#log.info('messages_arrived', { contact: this.#name(contact), messages });
    this.tell('arrived', contact);
  }

  /** Undefined once verified, or when the pin is another key than the one compared. */
  comparable(contact: ContactId): Comparable | undefined {
    const comparable = this.#comparable.get(contact);
    const pinned = this.#contacts.get(contact)?.publicKey;
    if (comparable === undefined || pinned === undefined) return comparable;
    return equal(pinned, comparable.remoteStatic) ? comparable : undefined;
  }

  failure(contact: ContactId): MeetingFailure | undefined {
    return this.#failures.get(contact);
  }

  /** A person tries anew. */
  clearFailure(contact: ContactId): void {
    this.#failures.delete(contact);
  }

  compared(contact: ContactId): void {
    this.#comparable.delete(contact);
    this.tell('contact', contact);
  }

  forget(contact: ContactId): void {
    this.#comparable.delete(contact);
    this.#failures.delete(contact);
  }

  /** Costs nothing while nobody listens. */
  tell(kind: Happening['kind'], contact: ContactId | undefined): void {
    if (this.#listeners.size === 0) return;
    const name = contact === undefined ? undefined : this.#contacts.get(contact)?.name;
    for (const listener of this.#listeners) listener({ kind, contact: name });
  }

  /** How far the picture is that a person here waits for. */
  hiding(share: number): void {
    for (const listener of this.#listeners) listener({ kind: 'hiding', contact: undefined, share });
  }

  #name(contact: ContactId): string {
    return this.#contacts.get(contact)?.name ?? 'a stranger';
  }
}
