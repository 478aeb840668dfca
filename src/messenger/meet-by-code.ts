/**
 * A meeting by a pairing code, from its trigger until its outcome is known. Nobody has to act there,
 * so what comes back decides, PROTOCOL §7:
 *
 *     XXpsk3 is confirmed                               established
 *     STATUS refused                                    not_taken: another code is held there, or none
 *     any other failure                                 failed, and why
 *
 * and where nothing of this was told by the time the way there fell silent:
 *
 *                                   PSK3 is not out     PSK3 is out
 *     it was answered               waiting             not_taken: who holds the code confirms at once
 *     surely nobody was there       unreachable         waiting
 *     it may have arrived           waiting             waiting
 *
 * Who is waiting repeats what may be lost, or hears the answer when the contact calls.
 */
import type { MeetingFailure, PairingSecret } from '../protocol/index.ts';
import type { ContactId } from './ports.ts';
import { type TriggerDeps, trigger } from './trigger.ts';

/** It waits until an exchange has surely ended. */
const PATIENCE_MS = 35_000;

/** Why waiting is of no use. */
export type CodeObstacle =
  | { readonly name: 'not_taken' | 'unreachable' }
  | { readonly name: 'failed'; readonly failure: MeetingFailure };
export type CodeOutcome = { readonly name: 'established' | 'waiting' } | CodeObstacle;

export async function meetByCode(
  deps: TriggerDeps,
  id: ContactId,
  secret: PairingSecret,
): Promise<CodeOutcome> {
  let told: CodeOutcome | undefined;
  const stop = deps.announcer.onMeetingEnded((contact, end) => {
    if (contact !== id) return;
    if ('failure' in end) told = failed(end.failure);
    else if (end.pattern === 'XXpsk3') told = { name: 'established' };
  });
  try {
    await trigger(deps, id, (now) => deps.meetings.trigger(id, now, secret), PATIENCE_MS);
    return told ?? silent(deps, id);
  } finally {
    stop();
  }
}

function failed(failure: MeetingFailure): CodeOutcome {
  return failure === 'forbidden' ? { name: 'not_taken' } : { name: 'failed', failure };
}

function silent({ meetings, deliveries, clock }: TriggerDeps, id: ContactId): CodeOutcome {
  const isProved = meetings.standing(id, clock.monotonic_ms()) === 'open';
  const error = deliveries.of(id).lastError;
  if (error === undefined) return { name: isProved ? 'not_taken' : 'waiting' };
  const isAbsent = error.failure === 'unreachable' || error.failure === 'rejected';
  return { name: isAbsent && !isProved ? 'unreachable' : 'waiting' };
}
