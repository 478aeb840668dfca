/** What every trigger of a meeting does: it sets the machines going and gives them time. */
import type { Effect } from '../protocol/index.ts';
import type { Observations } from './observations.ts';
import type { Clock, Contact, ContactId } from './ports.ts';
import type { RemoveContactDeps } from './remove-contact.ts';
import { UseCaseError } from './use-case-error.ts';

export interface TriggerDeps extends RemoveContactDeps {
  readonly observations: Observations;
  readonly clock: Clock;
  readonly carryOut: (effects: readonly Effect[]) => void;
}

/**
 * Resolves when the way to the contact has nothing more to do, or has to pause; or at last. Returns
 * the contact as it is then. @throws {UseCaseError} `unknown_contact` if it was removed meanwhile
 */
export async function trigger(
  { announcer, contacts, meetings, observations, deliveries, clock, carryOut }: TriggerDeps,
  id: ContactId,
  start: (now: number) => readonly Effect[],
  patience_ms: number,
): Promise<Contact> {
  announcer.clearFailure(id);
  carryOut(start(clock.monotonic_ms()));
  const ephemeral = meetings.ephemeral(id, clock.monotonic_ms());
  if (ephemeral !== undefined) observations.offered(ephemeral);
  deliveries.hurry(id);
  const patience = new AbortController();
  await Promise.race([deliveries.settled(id), clock.sleep(patience_ms, patience.signal)]);
  patience.abort();
  const contact = contacts.get(id);
  if (contact !== undefined) return contact;
  throw new UseCaseError('unknown_contact', 'the contact was removed meanwhile');
}
