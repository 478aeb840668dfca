/** `verify`: two people have compared the code, or found that it differs. */
import type { Meetings, Reunions, Sessions } from '../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import { UseCaseError, type VerifyRequest } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { PictureWays } from './picture-ways.ts';

export interface VerifyDeps {
  readonly contacts: Contacts;
  readonly announcer: Announcer;
  readonly sessions: Sessions;
  readonly meetings: Meetings;
  readonly reunions: Reunions;
  readonly pictureWays: PictureWays;
}

/** @throws {UseCaseError} `nothing_to_compare`, `comparison_changed` */
export function verify(
  deps: VerifyDeps,
  { to, code, differs }: VerifyRequest,
): { readonly to: string; readonly verified: boolean } {
  const { contacts, announcer } = deps;
  const { id, name, publicKey } = contacts.named(to);
  const comparable = announcer.comparable(id);
  if (comparable === undefined || publicKey === undefined) {
    const again = publicKey === undefined ? {} : ({ again: true } as const);
    throw new UseCaseError('nothing_to_compare', `there is no code to compare with ${name}`, {
      next: { do: 'meet', to: name, ...again },
    });
  }
  // People type what they read: spaces and dashes are theirs.
  if (comparable.comparison.code !== code.replace(/[\s-]/g, '')) {
    const next = { do: 'compare_present_code' } as const;
    throw new UseCaseError('comparison_changed', `that is not the code with ${name} now`, { next });
  }
  announcer.compared(id);
  if (differs !== true) {
    contacts.update(id, { verified: true });
    return { to: name, verified: true };
  }
  forgetMeetings(deps, id);
  deps.pictureWays.drop(id);
  contacts.update(id, { publicKey: undefined, verified: false });
  return { to: name, verified: false };
}

/** Ends every session and handshake with a contact. */
export function forgetMeetings(
  { sessions, meetings, reunions, announcer }: VerifyDeps,
  contact: number,
): void {
  sessions.forget(contact);
  meetings.forget(contact);
  reunions.forget(contact);
  announcer.forget(contact);
}
