/** Forgets a contact: its keys, what is queued for it, and how it is reached. */
import type { Deliveries } from './deliveries.ts';
import type { ContactId } from './ports.ts';
import { forgetMeetings, type VerifyDeps } from './verify.ts';

export interface RemoveContactDeps extends VerifyDeps {
  readonly deliveries: Deliveries;
}

/** What the contact has sent stays. */
export function removeContact(deps: RemoveContactDeps, id: ContactId): void {
  const { contacts, deliveries, pictureWays, announcer } = deps;
  forgetMeetings(deps, id);
  void deliveries.forget(id);
  void pictureWays.forget(id);
  contacts.remove(id);
  announcer.tell('contact', undefined);
}
