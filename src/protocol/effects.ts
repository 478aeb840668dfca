/**
 * What the machines ask the messenger to do, in this order. By the time an effect is returned its
 * packet was verified and its pin is in the book (`ContactBook.confirm`): nothing here can fail
 * in a way that would have to be taken back.
 */
import type { PublicKey } from '../crypto/index.ts';
import type { Comparison } from './comparison.ts';
import type { Confirmation, ContactRef } from './contact-book.ts';
import type { RefusalReason } from './errors.ts';
import type { StatusCode } from './packet.ts';

/** How a packet came: in an exchange that somebody opened to us, or in the reply to ours. */
export type Via =
  | { readonly exchange: 'theirs' }
  | { readonly exchange: 'mine'; readonly contact: ContactRef };

/** Why a meeting does not go on by itself; each needs a person, or another packet. */
export type MeetingFailure =
  | 'cannot_be_called' // No address, and no pairing code to use or being held.
  | 'code_needed' // Plain XX is forbidden with this contact, §7.
  | 'unanswered' // Repeated for 60 s, or kept for 10 minutes, and nobody answered.
  | 'stale' // The other side has forgotten the meeting: both trigger again.
  | 'attempts_used' // §5 rule 7: trigger again.
  | 'forbidden' // STATUS refused: a code is needed there, or another key is pinned there.
  | 'forgotten' // STATUS unknown about KK1: the contact has lost our pin.
  | 'own_key' // Somebody brought our own static key.
  | 'key_of_another' // The key is pinned for another contact.
  | 'key_changed'; // Not the key that is pinned for this contact.

export type Effect =
  /** To the other end of this exchange: the reply, or a next exchange if this was a reply. */
  | { readonly kind: 'answer'; readonly packet: Uint8Array }
  /** In an exchange opened to the contact's own address. */
  | { readonly kind: 'send'; readonly contact: ContactRef; readonly packet: Uint8Array }
  /**
   * A TRANSPORT packet of the current session at once, with what is queued or empty: it tells the
   * other side that the session stands. To the other end of this exchange, or in a new one.
   */
  | { readonly kind: 'confirm'; readonly contact: ContactRef; readonly how: 'answer' | 'send' }
  /** Show it. It belongs to (contact, remoteStatic), maybe before the contact is pinned. */
  | {
      readonly kind: 'comparison';
      readonly contact: ContactRef;
      readonly comparison: Comparison;
      readonly remoteStatic: PublicKey;
    }
  /** There is a new current session: what is queued can go. */
  | {
      readonly kind: 'promoted';
      readonly contact: ContactRef;
      readonly confirmation: Confirmation;
    }
  | { readonly kind: 'failed'; readonly contact: ContactRef; readonly reason: MeetingFailure }
  /** An XX1 waits for a trigger; `Meetings.waiting` shows its hints. */
  | { readonly kind: 'kept' }
  /** Count it. `status` may be sent about the packet, §4.2, if it came in an exchange of theirs. */
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly status: StatusCode | undefined;
    };

export function answer(packet: Uint8Array): Effect {
  return { kind: 'answer', packet };
}

export function send(contact: ContactRef, packet: Uint8Array): Effect {
  return { kind: 'send', contact, packet };
}

export function failed(contact: ContactRef, reason: MeetingFailure): Effect {
  return { kind: 'failed', contact, reason };
}
