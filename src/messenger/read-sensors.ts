/** What devices have measured, as people ask for it: by the device's name. */
import type { DeviceCounters, NamedBucket, NamedReading, NamedTime, SeriesRequest } from './api.ts';
import { type Contacts, listed } from './contacts.ts';
import type { Clock, ContactId, Store } from './ports.ts';
import type { ToldTimes } from './told-times.ts';
import { UseCaseError } from './use-case-error.ts';

/** A device whose clock was wrong left readings of a day to come: they are not the newest. */
const AHEAD_MS = 86_400_000;
const COUNTERS = ['line_errors', 'tag_failures'] as const satisfies (keyof DeviceCounters)[];

interface Deps {
  readonly clock: Clock;
  readonly store: Store;
  readonly contacts: Contacts;
}

/** @throws {UseCaseError} `unknown_contact` if neither a contact nor a reading has this name */
export function latestReadings(
  { clock, store, contacts }: Deps,
  device?: string,
): readonly NamedReading[] {
  const notAfter = new Date(clock.now().getTime() + AHEAD_MS);
  const all = store.readings.latest({ notAfter }).map((reading) => named(contacts, reading));
  if (device === undefined) return all;
  const own = all.filter((reading) => reading.device === device);
  if (own.length > 0 || contacts.byName(device) !== undefined) return own;
  throw noDevice(device, all);
}

/** As the devices last told; a contact that is none has no entry. */
export function deviceCounters(store: Store): ReadonlyMap<ContactId, DeviceCounters> {
  const found = new Map<ContactId, DeviceCounters>();
  for (const { contact, name, value } of store.readings.latest({ names: COUNTERS })) {
    const known = found.get(contact) ?? { line_errors: 0, tag_failures: 0 };
    found.set(contact, { ...known, [name]: value });
  }
  return found;
}

export function readingSeries(
  { store, contacts }: Deps,
  { device, ...query }: SeriesRequest,
): readonly NamedBucket[] {
  const contact = device === undefined ? {} : { contact: idOf(contacts, store, device) };
  return store.readings.series({ ...query, ...contact }).map((bucket) => named(contacts, bucket));
}

function idOf(contacts: Contacts, store: Store, device: string): ContactId {
  const known = contacts.byName(device);
  if (known !== undefined) return known.id;
  const all = store.readings.latest({});
  const own = all.find((reading) => named(contacts, reading).device === device);
  if (own !== undefined) return own.contact;
  throw noDevice(
    device,
    all.map((reading) => named(contacts, reading)),
  );
}

/** Whoever mistypes one is told those that there are. */
function noDevice(device: string, readings: readonly NamedReading[]): UseCaseError {
  const names = [...new Set(readings.map((reading) => reading.device))];
  const known =
    names.length === 0 ? 'none has measured anything yet' : `there are ${listed(names)}`;
  return new UseCaseError('unknown_contact', `no device is called "${device}": ${known}`);
}

export function namedTimes({
  contacts,
  times,
}: {
  readonly contacts: Contacts;
  readonly times: ToldTimes;
}): readonly NamedTime[] {
  return contacts.all().flatMap(({ id, name }) => {
    const told = times.of(id);
    return told === undefined ? [] : [{ ...told, device: name }];
  });
}

/** Readings outlive their contact. */
function named<R extends { readonly contact: ContactId }>(contacts: Contacts, row: R) {
  const { contact, ...rest } = row;
  return { ...rest, device: contacts.get(contact)?.name ?? `removed-${contact}` };
}
