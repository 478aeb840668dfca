/** Covers that came back: what proves each, and the picture itself. */
import { type ShownCover, UseCaseError } from './api.ts';
import type { Contacts } from './contacts.ts';
import { messageIdText } from './message-id.ts';
import type { RestoredCover } from './picture-ports.ts';
import type { Store } from './ports.ts';

export interface RestoredCoversDeps {
  readonly store: Store;
  readonly contacts: Contacts;
}

/** As many as one answer lists. */
const LISTED_MAX = 1_000;

/** The newest first. */
export function restoredCovers({ store, contacts }: RestoredCoversDeps): readonly ShownCover[] {
  const covers = store.pictures.restored(LISTED_MAX);
  return covers.map((cover) => shownCover(store, contacts, cover));
}

/** @throws {UseCaseError} `not_found` */
export function restoredCover(
  { store, contacts }: RestoredCoversDeps,
  id: number,
): { readonly cover: ShownCover; readonly png: Iterable<Uint8Array> } {
  const cover = store.pictures.restoredById(id);
  if (cover === undefined) {
    throw new UseCaseError('not_found', `there is no cover ${id}`, { next: { do: 'list_covers' } });
  }
  return { cover: shownCover(store, contacts, cover), png: store.pictures.restoredContent(id) };
}

function shownCover(store: Store, contacts: Contacts, cover: RestoredCover): ShownCover {
  const { contact, message, ...rest } = cover;
  const known = contacts.get(contact)?.name ?? store.contacts.nameOf(contact);
  return { ...rest, from: known ?? 'a removed contact', message: messageIdText(message) };
}
