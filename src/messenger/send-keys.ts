/** `send_keys`: a person here wants to meet a contact, or to meet it again. */
import type { CryptoProvider } from '../crypto/index.ts';
import type { Advice } from '../next-step.ts';
import type { Effect } from '../protocol/index.ts';
import { type SendKeysRequest, type SendKeysResult, UseCaseError } from './api.ts';
import { meetingRefused } from './meeting-advice.ts';
import { pairByCode } from './pair-by-code.ts';
import type { Contact } from './ports.ts';
import { type TriggerDeps, trigger } from './trigger.ts';
import { type WhomDeps, whomToMeet } from './whom-to-meet.ts';

/** How long a trigger waits for what it started; after that the answer is "waiting". */
const PATIENCE_MS = 8_000;

export interface SendKeysDeps extends TriggerDeps, WhomDeps {
  readonly crypto: CryptoProvider;
}

/** @throws {UseCaseError} */
export async function sendKeys(
  deps: SendKeysDeps,
  request: SendKeysRequest,
): Promise<SendKeysResult> {
  const { code, again } = request;
  if (code !== undefined) return await pairByCode(deps, request, code);
  const { sessions } = deps;
  const contact = whomToMeet(deps, request, undefined);
  const before = sessions.currentIndex(contact.id);
  const start = (now: number) => triggered(deps, contact, again === true, now);
  const now = await trigger(deps, contact.id, start, PATIENCE_MS);
  const isEstablished = sessions.currentIndex(contact.id) !== before;
  return isEstablished ? establishedResult(deps, now) : waitingResult(deps, now);
}

function triggered(
  { meetings, reunions }: SendKeysDeps,
  { id, publicKey }: Contact,
  again: boolean,
  now: number,
): readonly Effect[] {
  const renews = publicKey !== undefined && !again && meetings.standing(id, now) === 'none';
  return renews ? reunions.start(id, now) : meetings.trigger(id, now);
}

function establishedResult({ announcer }: SendKeysDeps, contact: Contact): SendKeysResult {
  const { id, name, verified } = contact;
  const comparison = announcer.comparable(id)?.comparison;
  const met = { to: name, state: 'established', verified } as const;
  if (comparison === undefined || verified) {
    return { ...met, advice: { reason: `a fresh session with ${name} is established` } };
  }
  const next = { do: 'compare', to: name, code: comparison.code } as const;
  return { ...met, advice: { next }, comparison };
}

/** @throws {UseCaseError} if waiting is of no use. */
function waitingResult(deps: SendKeysDeps, contact: Contact): SendKeysResult {
  const { announcer, deliveries, meetings, clock } = deps;
  const { id, name, verified, address, publicKey } = contact;
  const isOffered = meetings.standing(id, clock.monotonic_ms()) === 'waiting';
  const failure = announcer.failure(id);
  // What waits for a contact that has forgotten us asks on for the old keys beside the new offer.
  const isOvertaken = isOffered && failure === 'forgotten';
  if (failure !== undefined && !isOvertaken) throw meetingRefused(failure, name);
  if (deliveries.of(id).lastError !== undefined) {
    const next = { do: 'start_contact', to: name } as const;
    const kept = publicKey === undefined ? '; it is a contact here until it is forgotten' : '';
    const why = `${name} does not answer at ${address}${kept}`;
    throw new UseCaseError('unreachable', why, { next });
  }
  // While an offer is out, the code is that of an earlier meeting.
  const comparison = isOffered ? undefined : announcer.comparable(id)?.comparison;
  const code = verified ? '' : '; the code is shown on both terminals';
  const again = isOffered && publicKey !== undefined && ({ again: true } as const);
  const advice: Advice =
    comparison === undefined
      ? { next: { do: 'await_contact', to: name, ...again } }
      : { reason: `${name} has yet to confirm${code}` };
  return { to: name, state: 'waiting', verified, advice, ...(comparison && { comparison }) };
}
