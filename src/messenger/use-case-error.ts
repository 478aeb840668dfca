/** Why a use case was refused. The routes give each code a status and words. */
import type { NextStep } from '../next-step.ts';

/** Stable codes; docs/ERRORS.md explains each. */
export type UseCaseFailure =
  | 'no_contact' // Nobody to talk to yet.
  | 'unknown_contact'
  | 'ambiguous_contact' // Several contacts and no `to`.
  | 'invalid_address'
  | 'own_address'
  | 'not_paired' // 409: says who must trigger.
  | 'not_verified' // 409, trust "verified" only.
  | 'unreachable'
  | 'refused_by_contact'
  | 'key_changed' // Another static key than the pinned one.
  | 'comparison_changed' // 409 of verify: the handshake has changed since.
  | 'nothing_to_compare'
  | 'no_message'
  | 'not_found'
  | 'invalid_code' // A pairing code that does not parse or check.
  | 'code_not_taken' // The contact holds another pairing code, or none.
  | 'too_large'
  | 'unsupported' // The contact lacks the capability.
  | 'letter_unreadable' // No contact's key opens it.
  | 'letter_repeated'
  | 'cover_unusable' // Not a PNG, or one of a kind that cannot carry; the message says how to convert.
  | 'cover_too_small' // The message says what size would do.
  | 'cover_used' // Two stego images of one cover betray both.
  | 'no_cover' // The covers folder has none left that would do.
  | 'picture_unreadable' // No contact's key finds anything in it.
  | 'queue_full' // Pictures that wait for one contact.
  | 'busy' // Other pictures are being worked on.
  | 'store_full'
  | 'stopping';

/**
 * A use case refused; nothing was changed. The message says why, and what to do next unless `next`
 * does, which each front says in words of its own.
 */
export class UseCaseError extends Error {
  override readonly name = 'UseCaseError';
  readonly failure: UseCaseFailure;
  readonly next: NextStep | undefined;

  constructor(
    failure: UseCaseFailure,
    message: string,
    options?: ErrorOptions & { readonly next?: NextStep },
  ) {
    super(message, options);
    this.failure = failure;
    this.next = options?.next;
  }
}
