/** What each error code means and what to do about it; docs/ERRORS.md holds the same table. */
import type { UseCaseFailure } from '../messenger/index.ts';
import type { NextStep } from '../next-step.ts';
import { inRoutes } from './next-step.ts';

export interface Meaning {
  readonly status: number;
  /** What happened, as one sentence without its full stop. */
  readonly title: string;
  /** What to do about it: whole sentences, or a step where it takes a route or a command. */
  readonly next: string | NextStep;
}

const USE_CASES: Readonly<Record<UseCaseFailure, Meaning>> = {
  no_contact: {
    status: 409,
    title: 'This peer has no contact yet',
    next: { do: 'pair_first' },
  },
  unknown_contact: {
    status: 404,
    title: 'No contact has this name',
    next: { do: 'list_contacts' },
  },
  ambiguous_contact: {
    status: 409,
    title: 'There are several contacts',
    next: { do: 'name_contact' },
  },
  invalid_address: {
    status: 400,
    title: 'The address is not one of a peer',
    next: 'Write it as http://HOST:PORT, without path or user.',
  },
  own_address: {
    status: 400,
    title: 'This is the address of this very peer',
    next: { do: 'give_other_address' },
  },
  not_paired: {
    status: 409,
    title: 'There are no keys with this contact yet',
    next: { do: 'meet' },
  },
  not_verified: {
    status: 409,
    title: 'This contact has not been compared yet',
    next: { do: 'compare_first' },
  },
  unreachable: {
    status: 502,
    title: 'The contact does not answer at its address',
    next: { do: 'see_address' },
  },
  refused_by_contact: {
    status: 502,
    title: 'The contact answered, and refused',
    next: { do: 'ask_contact' },
  },
  key_changed: {
    status: 409,
    title: 'The contact has shown another key than the one that is pinned',
    next: 'Ask the person, by another way, whether the key is new. If so, delete the contact first.',
  },
  comparison_changed: {
    status: 409,
    title: 'The keys have changed since this code was shown',
    next: { do: 'compare_present_code' },
  },
  nothing_to_compare: {
    status: 409,
    title: 'There is no code to compare with this contact',
    next: { do: 'meet' },
  },
  no_message: {
    status: 404,
    title: 'There is no such message',
    next: { do: 'list_messages' },
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    next: 'GET / is the page of this peer, GET /show its state.',
  },
  invalid_code: {
    status: 400,
    title: 'This is not a pairing code',
    next: 'Copy it once more from the other side; its check characters do not fit.',
  },
  code_not_taken: {
    status: 502,
    title: 'The contact has not taken this pairing code',
    next: 'A code works once and for ten minutes, at the peer that made it. Make another there.',
  },
  too_large: {
    status: 413,
    title: 'The body is too large',
    next: 'docs/ROUTES.md gives the limits. Send it in smaller pieces.',
  },
  unsupported: {
    status: 409,
    title: 'The contact cannot take this kind of message',
    next: 'Send it another way, or update the other peer.',
  },
  letter_unreadable: {
    status: 422,
    title: 'No contact of this peer has written this letter',
    next: 'See that the file is whole, and that the writer and this peer are paired.',
  },
  letter_repeated: {
    status: 409,
    title: 'This letter has been received before',
    next: { do: 'open_messages' },
  },
  cover_unusable: {
    status: 422,
    title: 'Nothing can be hidden in this cover',
    next: 'Take a PNG of 8 or 16 bit, gray or RGB, with or without alpha; the detail says more.',
  },
  cover_too_small: {
    status: 422,
    title: 'The cover cannot hold the message',
    next: { do: 'measure_cover' },
  },
  cover_used: {
    status: 409,
    title: 'This cover was used before',
    next: { do: 'take_other_cover' },
  },
  no_cover: {
    status: 409,
    title: 'There is no unused cover that would do',
    next: 'Put PNG files into the covers folder, which the detail names, or send one along.',
  },
  picture_unreadable: {
    status: 422,
    title: 'There is no message for this peer in this picture',
    next: 'It may be for another peer, or was changed: any re-encoding destroys what is inside.',
  },
  queue_full: {
    status: 409,
    title: 'Too many pictures wait for this contact',
    next: { do: 'see_address' },
  },
  busy: {
    status: 503,
    title: 'This peer is at work on other pictures',
    next: 'Try again in a few seconds.',
  },
  store_full: {
    status: 507,
    title: 'There is no room to store this',
    next: 'Make room on the disk of the data folder, then try again.',
  },
  stopping: {
    status: 503,
    title: 'This peer is stopping',
    next: 'Try again when it has started anew.',
  },
};

const OPERATOR = {
  host_not_allowed: {
    status: 403,
    title: 'This peer is not called by this name',
    next: 'Use 127.0.0.1, [::1] or localhost, or allow the name with --allow-host NAME.',
  },
  other_site: {
    status: 403,
    title: 'Another site has sent this request',
    next: 'Open the page of the peer itself, or type the address into the address bar.',
  },
  not_typed: {
    status: 403,
    title: 'A GET that acts must be typed by a person',
    next: 'Type the address into the address bar, or use POST.',
  },
  forwarded: {
    status: 403,
    title: 'A proxy has forwarded this request',
    next: 'Call the peer directly, or start it with --behind-proxy if the proxy is yours.',
  },
  not_local: {
    status: 403,
    title: 'The demonstration is operated from its own machine only',
    next: 'Call it there by 127.0.0.1, or run `sotto up`, which asks for a token.',
  },
  token_missing: {
    status: 401,
    title: 'Operating this peer takes its token',
    next: 'Open the link that it printed at its start, or send Authorization: Bearer TOKEN.',
  },
  wrong_passphrase: {
    status: 403,
    title: 'This is not the passphrase that opens the data of this peer now',
    next: { do: 'give_passphrase' },
  },
  token_wrong: {
    status: 401,
    title: 'This is not the token of this peer',
    next: 'It is new after each start: take the one that was printed last.',
  },
} as const satisfies Record<string, Meaning>;

const REQUEST = {
  invalid_request: {
    status: 400,
    title: 'The request is not as this route expects it',
    next: 'The detail names the field. docs/ERRORS.md leads to the description of the routes.',
  },
  malformed_bundle: {
    status: 400,
    title: 'The body is not a bundle of packets',
    next: 'docs/PROTOCOL.md §3 gives the framing. Sending the same bytes again is of no use.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This route does not take this method',
    next: 'The Allow header lists those that it takes.',
  },
  body_timeout: {
    status: 408,
    title: 'The body did not arrive in time',
    next: 'Nothing was processed; send it again.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is of a type that this route does not take',
    next: 'Send JSON as application/json; docs/PROTOCOL.md §3.1 has the types of /packets.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests came from this address',
    next: 'Wait as long as Retry-After says, then try the same again.',
  },
  internal: {
    status: 500,
    title: 'This peer has made a mistake',
    next: 'Its log has the details. What was acknowledged is safe.',
  },
  store_failed: {
    status: 500,
    title: 'The data of this peer cannot be read or written',
    next: 'Its log has the details; `sotto doctor` looks for the cause.',
  },
  unavailable: {
    status: 503,
    title: 'This peer cannot take anything now',
    next: 'Wait as long as Retry-After says, then try the same again.',
  },
} as const satisfies Record<string, Meaning>;

/** Every code that can go out. */
export const PROBLEMS = { ...USE_CASES, ...OPERATOR, ...REQUEST } as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** What to do about it, as whole sentences for who calls routes. */
export function whatToDo(code: ProblemCode): string {
  const { next }: Meaning = PROBLEMS[code];
  return typeof next === 'string' ? next : sentence(inRoutes({ next }));
}

function sentence(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}
