/** What a person can do about a meeting that came to nothing. */
import type { Advice } from '../next-step.ts';
import type { MeetingFailure } from '../protocol/index.ts';
import { UseCaseError } from './use-case-error.ts';

export function adviceOn(failure: MeetingFailure, name: string): Advice {
  switch (failure) {
    case 'cannot_be_called':
      return { reason: `${name} has no address: give one, or pair by a code` };
    case 'code_needed':
    case 'forbidden':
      return { reason: `${name} refuses to meet like this: pair by a code, or ask why there` };
    case 'unanswered':
      return { reason: `${name} did not answer in time`, next: { do: 'meet', to: name } };
    case 'stale':
      return { reason: `${name} has forgotten this meeting`, next: { do: 'meet', to: name } };
    case 'attempts_used':
      return { reason: 'too many attempts for one trigger', next: { do: 'meet_here', to: name } };
    case 'forgotten':
      return { reason: `${name} has forgotten us`, next: { do: 'meet', to: name, again: true } };
    case 'own_key':
      return { reason: 'the address is our own: give the address of the other peer' };
    case 'key_of_another':
      return {
        reason: 'its key belongs to another contact already: use that contact, or remove it',
      };
    case 'key_changed':
      return {
        reason: `${name} has another key than before`,
        next: { do: 'forget_contact', to: name },
      };
  }
}

export function meetingRefused(failure: MeetingFailure, name: string): UseCaseError {
  const changed = failure === 'key_changed' || failure === 'key_of_another';
  const { reason = '', next } = adviceOn(failure, name);
  const code = changed ? 'key_changed' : 'refused_by_contact';
  return new UseCaseError(code, reason, next && { next });
}
