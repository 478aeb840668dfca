/** Whether a contact may have the static key that a handshake brought, PROTOCOL §5, "Which key". */
import { equal, type PublicKey } from '../crypto/index.ts';
import type { ContactBook, ContactRef } from './contact-book.ts';
import type { MeetingFailure } from './effects.ts';
import { Refusal } from './refusal.ts';

/** @throws {Refusal} `refused`: a key that is our own, another contact's, or not the pinned one. */
export function judgeKey(
  book: ContactBook,
  ownKey: PublicKey,
  contact: ContactRef,
  key: PublicKey,
): void {
  const reason = objection(book, ownKey, contact, key);
  if (reason !== undefined) {
    throw new Refusal('refused', { status: 'refused', failed: { contact, reason } });
  }
}

function objection(
  book: ContactBook,
  ownKey: PublicKey,
  contact: ContactRef,
  key: PublicKey,
): MeetingFailure | undefined {
  if (equal(key, ownKey)) return 'own_key';
  const pinned = book.get(contact)?.publicKey;
  if (pinned !== undefined && !equal(pinned, key)) return 'key_changed';
  const holder = book.holderOf(key);
  return holder !== undefined && holder.id !== contact ? 'key_of_another' : undefined;
}
