/** `send_keys`: a person here wants to meet a contact, or to meet it again. */
import type { CryptoProvider } from '../crypto/index.ts';
import type { Advice } from '../next-step.ts';
import {
  decodePairingCode,
  type Effect,
  type MeetingFailure,
  type Meetings,
  type PairingCode,
  PairingCodeError,
} from '../protocol/index.ts';
import { type SendKeysRequest, type SendKeysResult, UseCaseError } from './api.ts';
import { type Contacts, parseAddress, unmet } from './contacts.ts';
import { adviceOn } from './meeting-advice.ts';
import type { Observations } from './observations.ts';
import type { Clock, Contact, ContactId } from './ports.ts';
import { type RemoveContactDeps, removeContact } from './remove-contact.ts';

/** How long a trigger waits for what it started; after that the answer is "waiting". */
const PATIENCE_MS = 8_000;
/** With a pairing code nobody has to act there: it waits until an exchange has surely ended. */
const CODE_PATIENCE_MS = 35_000;

export interface SendKeysDeps extends RemoveContactDeps {
  /** Where this peer itself is called; undefined: nowhere. */
  readonly address: string | undefined;
  readonly crypto: CryptoProvider;
  readonly observations: Observations;
  readonly clock: Clock;
  readonly carryOut: (effects: readonly Effect[]) => void;
}

/** @throws {UseCaseError} */
export async function sendKeys(
  deps: SendKeysDeps,
  request: SendKeysRequest,
): Promise<SendKeysResult> {
  const code = request.code === undefined ? undefined : readCode(deps.crypto, request.code);
  const { sessions, deliveries, announcer, clock } = deps;
  const earlier = new Map(deps.contacts.all().map((contact) => [contact.id, contact]));
  const contact = whom(deps, request, code);
  const before = sessions.currentIndex(contact.id);
  announcer.clearFailure(contact.id);
  deps.carryOut(trigger(deps, contact, request.again === true, code));
  const ephemeral = deps.meetings.ephemeral(contact.id, clock.monotonic_ms());
  if (ephemeral !== undefined) deps.observations.offered(ephemeral);
  deliveries.hurry(contact.id);
  const patience = new AbortController();
  const patience_ms = code === undefined ? PATIENCE_MS : CODE_PATIENCE_MS;
  await Promise.race([deliveries.settled(contact.id), clock.sleep(patience_ms, patience.signal)]);
  patience.abort();
  const established = sessions.currentIndex(contact.id) !== before;
  if (established) return establishedResult(deps, contact, code !== undefined);
  const obstacle = code && obstacleToCode(deps, contact);
  if (obstacle === undefined) return waitingResult(deps, contact, code !== undefined);
  takeBack(deps, contact.id, earlier.get(contact.id));
  throw obstacle;
}

/**
 * Who holds the code confirms it in its very reply, §7; one that does not, holds another or none.
 * Undefined: the reply comes when the contact calls us, or again what was lost.
 */
function obstacleToCode(deps: SendKeysDeps, { id, name }: Contact): UseCaseError | undefined {
  const { announcer, deliveries, meetings, clock, contacts } = deps;
  const failure = announcer.failure(id);
  const isConfirming = meetings.standing(id, clock.monotonic_ms()) === 'open';
  const address = contacts.get(id)?.address;
  const error = deliveries.of(id).lastError;
  if (error !== undefined) {
    // Where it may have arrived it is repeated, and the answer may come yet.
    const isAbsent = error.failure === 'unreachable' || error.failure === 'rejected';
    if (isConfirming || !isAbsent) return undefined;
    const next = 'start the peer there, or correct the address';
    return new UseCaseError('unreachable', `nobody answers at ${address}: ${next}`);
  }
  if (failure !== undefined && failure !== 'forbidden') return refusal(failure, name);
  if (failure === undefined && !isConfirming) return undefined;
  const next = 'a code works once, and for ten minutes: make another there';
  return new UseCaseError('code_not_taken', `${address} has not taken this code: ${next}`);
}

/** A code that came to nothing leaves nothing that was not there before. */
function takeBack(deps: SendKeysDeps, id: ContactId, earlier: Contact | undefined): void {
  const { announcer, contacts, deliveries, meetings } = deps;
  if (earlier === undefined) {
    removeContact(deps, id);
    return;
  }
  meetings.forget(id);
  announcer.forget(id);
  if (contacts.get(id)?.address !== earlier.address) {
    contacts.update(id, { address: earlier.address });
    deliveries.of(id).lastError = undefined;
  }
  announcer.tell('contact', id);
}

function trigger(
  { meetings, reunions, clock }: SendKeysDeps,
  { id, publicKey }: Contact,
  again: boolean,
  code: PairingCode | undefined,
): readonly Effect[] {
  const now = clock.monotonic_ms();
  if (code !== undefined) return meetings.trigger(id, now, code.secret);
  const renews = publicKey !== undefined && !again && meetings.standing(id, now) === 'none';
  return renews ? reunions.start(id, now) : meetings.trigger(id, now);
}

/** Finds the contact that a request means, or makes it. */
function whom(
  { address: own, contacts, meetings, clock }: SendKeysDeps,
  request: SendKeysRequest,
  code: PairingCode | undefined,
): Contact {
  const given = request.address ?? code?.address;
  const address = given === undefined ? undefined : parseAddress(given);
  if (address !== undefined && isSame(address, own)) {
    const next = { do: 'give_other_address' } as const;
    throw new UseCaseError('own_address', `${address} is this very peer`, { next });
  }
  const known = request.to === undefined ? undefined : contacts.byName(request.to);
  if (address === undefined) {
    if (request.to !== undefined || contacts.all().length > 0) return contacts.named(request.to);
    const caller = adoptCaller(contacts, meetings, clock);
    if (caller !== undefined) return caller;
    if (code === undefined) return contacts.named(undefined);
    const whole = 'copy all of it, as CODE@http://HOST:PORT';
    throw new UseCaseError('invalid_code', `this code says no address: ${whole}`);
  }
  if (known !== undefined) {
    return known.address === address ? known : contacts.update(known.id, { address });
  }
  const there = contacts.byAddress(address);
  if (there !== undefined && request.to === undefined) return there;
  if (request.to === undefined) return contacts.insertUnnamed(address);
  return contacts.nameUnmet(address, request.to) ?? contacts.insert(unmet(request.to, address));
}

/** Two addresses of one peer; this computer has several names for itself. */
function isSame(address: string, own: string | undefined): boolean {
  if (own === undefined) return false;
  const [given, ours] = [new URL(address), new URL(own)];
  if (given.port !== ours.port) return false;
  return given.hostname === ours.hostname || [given, ours].every(isLoopback);
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Nobody is known yet, but somebody has called: whoever came last is meant. */
function adoptCaller(contacts: Contacts, meetings: Meetings, clock: Clock): Contact | undefined {
  const kept = meetings.waiting(clock.monotonic_ms())[0]?.introduction;
  if (kept?.address === undefined) return undefined;
  return contacts.insert(unmet(contacts.freeName(kept.name), kept.address));
}

function readCode(crypto: CryptoProvider, text: string): PairingCode {
  try {
    return decodePairingCode(crypto, text);
  } catch (cause) {
    if (!(cause instanceof PairingCodeError)) throw cause;
    throw new UseCaseError('invalid_code', cause.message, { cause });
  }
}

function establishedResult(
  { contacts, announcer }: SendKeysDeps,
  { id }: Contact,
  isByCode: boolean,
): SendKeysResult {
  const { name, verified } = contacts.get(id) ?? { name: 'the contact', verified: false };
  const comparison = announcer.comparable(id)?.comparison;
  const isToCompare = comparison !== undefined && !verified;
  const reason = isByCode
    ? `paired with ${name}, and verified by the code`
    : `a fresh session with ${name} is established`;
  return {
    to: name,
    state: 'established',
    verified,
    advice: isToCompare ? { next: { do: 'compare', to: name, code: comparison.code } } : { reason },
    ...(isToCompare && { comparison }),
  };
}

/** @throws {UseCaseError} if waiting is of no use. */
function waitingResult(deps: SendKeysDeps, { id }: Contact, isByCode: boolean): SendKeysResult {
  const { contacts, announcer, deliveries } = deps;
  const { name, verified, address } = contacts.named(contacts.get(id)?.name);
  const failure = announcer.failure(id);
  if (failure !== undefined) throw refusal(failure, name);
  if (isByCode) {
    const reason = `${name} has yet to answer: it is asked again for a minute`;
    return { to: name, state: 'waiting', verified, advice: { reason } };
  }
  if (deliveries.of(id).lastError !== undefined) {
    const next = { do: 'start_contact', to: name } as const;
    throw new UseCaseError('unreachable', `${name} does not answer at ${address}`, { next });
  }
  const comparison = announcer.comparable(id)?.comparison;
  const code = verified ? '' : '; the code is shown on both terminals';
  const advice: Advice =
    comparison === undefined
      ? { next: { do: 'await_contact', to: name } }
      : { reason: `${name} has yet to confirm${code}` };
  return { to: name, state: 'waiting', verified, advice, ...(comparison && { comparison }) };
}

function refusal(failure: MeetingFailure, name: string): UseCaseError {
  const changed = failure === 'key_changed' || failure === 'key_of_another';
  const { reason = '', next } = adviceOn(failure, name);
  const code = changed ? 'key_changed' : 'refused_by_contact';
  return new UseCaseError(code, reason, next && { next });
}
