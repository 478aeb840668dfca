/** Which contact a trigger means: one that is known, one that has called, or a new one. */
import type { Meetings, PairingCode } from '../protocol/index.ts';
import { type SendKeysRequest, UseCaseError } from './api.ts';
import { type Contacts, parseAddress, unmet } from './contacts.ts';
import type { Clock, Contact } from './ports.ts';

export interface WhomDeps {
  /** Where this peer itself is called; undefined: nowhere. */
  readonly address: string | undefined;
  readonly contacts: Contacts;
  readonly meetings: Meetings;
  readonly clock: Clock;
}

/** @throws {UseCaseError} */
export function whomToMeet(
  { address: own, contacts, meetings, clock }: WhomDeps,
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
    const caller = adoptCaller(contacts, meetings, clock, own);
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

/**
 * Nobody is known yet, but somebody has called: whoever came last is meant. Who says that it is at
 * our own address, as it may be on its side of a tunnel, could only make us call ourselves.
 */
function adoptCaller(
  contacts: Contacts,
  meetings: Meetings,
  clock: Clock,
  own: string | undefined,
): Contact | undefined {
  const kept = meetings.waiting(clock.monotonic_ms())[0]?.introduction;
  if (kept?.address === undefined || !URL.canParse(kept.address)) return undefined;
  if (isSame(kept.address, own)) return undefined;
  return contacts.insert(unmet(contacts.freeName(kept.name), kept.address));
}
