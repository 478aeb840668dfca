/** `show`: this peer as it may be seen by anybody. Public facts, never a secret. */
import type { CryptoProvider, KeyPair } from '../crypto/index.ts';
import type { Advice } from '../next-step.ts';
import { fingerprint, fingerprintOfPair, type Meetings, type Sessions } from '../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import type { ContactState, Shown, ShownContact, ShownSelf } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import { adviceOn } from './meeting-advice.ts';
import { hex, type Observations } from './observations.ts';
import type { PictureWays } from './picture-ways.ts';
import type { Clock, Contact, Store } from './ports.ts';
import { deviceCounters } from './read-sensors.ts';

export interface ShowDeps {
  readonly name: string;
  readonly address: string | undefined;
  readonly crypto: CryptoProvider;
  readonly staticKeys: KeyPair;
  readonly store: Store;
  readonly contacts: Contacts;
  readonly sessions: Sessions;
  readonly meetings: Meetings;
  readonly deliveries: Deliveries;
  readonly pictureWays: PictureWays;
  readonly announcer: Announcer;
  readonly observations: Observations;
  readonly clock: Clock;
}

export function show(deps: ShowDeps): Shown {
  const { contacts, meetings, observations, clock } = deps;
  const now = clock.monotonic_ms();
  const waiting = meetings.waiting(now).map(({ introduction }) => ({
    name: introduction.name,
    address: introduction.address ?? '',
  }));
  const counters = deviceCounters(deps.store);
  return {
    ...showSelf(deps),
    contacts: contacts.all().map((contact) => {
      const device = counters.get(contact.id);
      return { ...shown(deps, contact, now), ...(device && { device }) };
    }),
    waiting,
    refused: observations.refusals(),
    last_ciphertexts: observations.ciphertexts(),
  };
}

/** Costs the same however many contacts there are. */
export function showSelf(deps: ShowDeps): ShownSelf {
  const { name, address, crypto, staticKeys, observations } = deps;
  return {
    name,
    public_key: hex(staticKeys.publicKey),
    combined_key: observations.lastOffered,
    fingerprint: fingerprint(crypto, staticKeys.publicKey),
    address,
  };
}

function shown(deps: ShowDeps, contact: Contact, now: number): ShownContact {
  const { crypto, staticKeys, store, sessions, announcer, deliveries, pictureWays } = deps;
  const { id, name, address, publicKey, verified } = contact;
  const state = stateOf(deps, contact, now);
  const delivery = deliveries.of(id);
  const pictures = pictureWays.waiting(id);
  const standing = sessions.standing(id, now);
  const failure = announcer.failure(id);
  return {
    name,
    address,
    public_key: publicKey && hex(publicKey),
    fingerprint: publicKey && fingerprintOfPair(crypto, staticKeys.publicKey, publicKey),
    verified,
    state,
    advice: advice(deps, contact, state),
    ...(failure && { failure }),
    comparison: verified ? undefined : announcer.comparable(id)?.comparison,
    session: standing === 'expired' ? 'to_be_renewed' : standing,
    queued: delivery.count(),
    pictures: { count: pictures.count, bytes: pictures.bytes },
    arriving: store.inbox.arriving(id).map(({ parts, count }) => ({ parts, count })),
    unopened: store.inbox.countUnopened(id),
    last_error: delivery.lastError?.message ?? pictureWays.lastError(id),
  };
}

function stateOf({ announcer, meetings }: ShowDeps, contact: Contact, now: number): ContactState {
  if (announcer.failure(contact.id) === 'forgotten') return 'forgotten_by_contact';
  if (contact.publicKey !== undefined) return 'paired';
  return meetings.standing(contact.id, now) === 'none' ? 'new' : 'waiting';
}

function advice(
  { announcer, deliveries }: ShowDeps,
  { id, name, verified }: Contact,
  state: ContactState,
): Advice {
  const failure = announcer.failure(id);
  if (failure !== undefined) return adviceOn(failure, name);
  if (state !== 'paired' && deliveries.of(id).lastError !== undefined)
    return { next: { do: 'start_contact', to: name } };
  if (state === 'new') return { next: { do: 'meet', to: name } };
  if (state === 'waiting') return { next: { do: 'await_contact', to: name } };
  const comparison = verified ? undefined : announcer.comparable(id)?.comparison;
  return comparison === undefined
    ? {}
    : { next: { do: 'compare', to: name, code: comparison.code } };
}
