/** `decrypt_msg`: what has arrived is marked as opened and shown on the person's own terminal. */
import { concat } from '../bytes.ts';
import { printableEntry } from '../printable.ts';
import {
  CONTENT_TYPE,
  decodeFileHead,
  decodeNotice,
  FILE_HEAD_SIZE_MAX,
} from '../protocol/index.ts';
import type { MessageBytes, OpenedMessage } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { Intake } from './intake.ts';
import { messageIdText } from './message-id.ts';
import type { Envelope, Inbox, Store, Terminal } from './ports.ts';

/** The most messages that one call opens, so that neither reply nor terminal is flooded. */
export const OPEN_MAX = 1_000;

/** And the most of what they say, but for the first. In bytes. */
const OPEN_SIZE_MAX = 8 * 1024 * 1024;

/** Texts longer than this are shown cut; the whole is had by `fileContent`. In bytes. */
const TEXT_SIZE_MAX = 1024 * 1024;

export interface DecryptDeps {
  readonly store: Store;
  readonly contacts: Contacts;
  readonly intake: Intake;
  readonly terminal: Terminal;
}

export function decryptMessages(
  { store, contacts, intake, terminal }: DecryptDeps,
  query: { readonly from?: string },
): readonly OpenedMessage[] {
  const from = query.from === undefined ? undefined : contacts.named(query.from).id;
  const envelopes = within(OPEN_SIZE_MAX, store.inbox.unopened(from, OPEN_MAX));
  const opened = envelopes.map((envelope) => describe(store, contacts, envelope));
  // Printed before it counts as opened: a peer killed in between shows a message twice, never not.
  for (const message of opened) terminal.printMessage(printed(message));
  intake.open(envelopes);
  return opened;
}

/** As many as show no more than `sizeMax` bytes, and always one: the rest waits for the next call. */
function within(sizeMax: number, envelopes: readonly Envelope[]): readonly Envelope[] {
  let shown = 0;
  const tooMany = envelopes.findIndex(({ size }, index) => {
    shown += Math.min(size, TEXT_SIZE_MAX);
    return index > 0 && shown > sizeMax;
  });
  return tooMany < 0 ? envelopes : envelopes.slice(0, tooMany);
}

/** A file's bytes, or a text's, without the head that PROTOCOL §8.1 puts before them. */
export function fileContent(inbox: Inbox, row: number): MessageBytes {
  const envelope = inbox.get(row);
  const content = envelope && describeContent(inbox, envelope, 0);
  const name = content?.type === 'file' ? content.name : undefined;
  return { name, bytes: bytesOf(inbox, row) };
}

function* bytesOf(inbox: Inbox, row: number): Iterable<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  let skipped = false;
  for (const slice of inbox.content(row)) {
    if (skipped) {
      yield slice;
      continue;
    }
    head = concat(head, slice);
    if (head.length < FILE_HEAD_SIZE_MAX && slice.length > 0) continue;
    yield head.subarray(headSize(head));
    skipped = true;
  }
  if (!skipped) yield head.subarray(headSize(head));
}

function headSize(start: Uint8Array): number {
  return start[0] === CONTENT_TYPE.file ? decodeFileHead(start).size : 1;
}

export function describe(
  { inbox, pictures }: Store,
  contacts: Contacts,
  envelope: Envelope,
  textSizeMax = TEXT_SIZE_MAX,
): OpenedMessage {
  const { row, id, verified, carrier, at, contact } = envelope;
  const from = contacts.get(envelope.contact)?.name ?? 'a removed contact';
  const content = describeContent(inbox, envelope, textSizeMax);
  const cover = carrier === 'image' ? pictures.restoredOf(contact, id)?.id : undefined;
  const came = { row, id: messageIdText(id), from, verified, carrier, at };
  return { ...came, ...(cover !== undefined && { cover }), content };
}

function describeContent(
  inbox: Inbox,
  envelope: Envelope,
  textSizeMax: number,
): OpenedMessage['content'] {
  switch (envelope.contentType) {
    case CONTENT_TYPE.text: {
      const text = start(inbox, envelope.row, textSizeMax + 1);
      return describeStart(text.subarray(0, textSizeMax + 1), envelope.size);
    }
    default:
      return describeStart(start(inbox, envelope.row, FILE_HEAD_SIZE_MAX), envelope.size);
  }
}

/** @param size of all of the content, in bytes; `start` may be less of it. */
export function describeStart(start: Uint8Array, size: number): OpenedMessage['content'] {
  switch (start[0]) {
    case CONTENT_TYPE.text:
      return { type: 'text', text: shownText(start) };
    case CONTENT_TYPE.file: {
      const { head, size: headSize } = decodeFileHead(start.subarray(0, FILE_HEAD_SIZE_MAX));
      return { type: 'file', ...head, size: size - headSize };
    }
    case CONTENT_TYPE.notice: {
      const notice = decodeNotice(start);
      return { type: 'notice', about: messageIdText(notice), reason: notice.reason };
    }
    default:
      return { type: 'unknown', contentType: start[0] ?? 0 };
  }
}

/** Lenient: a text may be cut here, in the midst of a character. */
function shownText(content: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(content.subarray(1), {
    stream: true,
  });
}

/** At least the first `size` bytes of a content, or all there are. */
function start(inbox: Inbox, row: number, size: number): Uint8Array {
  const slices: Uint8Array[] = [];
  let total = 0;
  for (const slice of inbox.content(row)) {
    slices.push(slice);
    total += slice.length;
    if (total >= size) break;
  }
  return concat(...slices);
}

const WAYS = { session: '', file: ' (letter, file)', image: ' (in a picture)' } as const;

export function printed({ from, verified, carrier, content }: OpenedMessage): string {
  const trust = verified ? '' : ' (not verified)';
  const way = WAYS[carrier];
  return `${from}${trust}${way}: ${words(content)}`;
}

function words(content: OpenedMessage['content']): string {
  switch (content.type) {
    case 'text':
      return visible(content.text);
    case 'file':
      return `file "${visible(content.name)}", ${content.size} bytes, ${visible(content.mediaType)}`;
    case 'unknown':
      return `a message of a kind that this version does not know (${content.contentType})`;
    case 'readings':
      return `${content.count} readings`;
    case 'notice':
      return `message ${content.about} was not kept: ${content.reason.replace('_', ' ')}`;
  }
}

/** What a remote person wrote must not command the terminal, nor begin a line of its own. */
function visible(text: string): string {
  return printableEntry(text, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
