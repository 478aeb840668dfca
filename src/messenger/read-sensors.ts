/** What devices have measured, as people ask for it: by the device's name. */
import type { NamedBucket, NamedReading, SeriesRequest } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { ContactId, Store } from './ports.ts';

interface Deps {
  readonly store: Store;
  readonly contacts: Contacts;
}

export function latestReadings({ store, contacts }: Deps): readonly NamedReading[] {
  return store.readings.latest().map((reading) => named(contacts, reading));
}

export function readingSeries(
  { store, contacts }: Deps,
  { device, ...query }: SeriesRequest,
): readonly NamedBucket[] {
  const contact = device === undefined ? {} : { contact: contacts.named(device).id };
  return store.readings.series({ ...query, ...contact }).map((bucket) => named(contacts, bucket));
}

/** Readings outlive their contact. */
function named<R extends { readonly contact: ContactId }>(contacts: Contacts, row: R) {
  const { contact, ...rest } = row;
  return { ...rest, device: contacts.get(contact)?.name ?? `removed-${contact}` };
}
