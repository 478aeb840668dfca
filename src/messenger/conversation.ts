/**
 * What was said with a contact, both ways, newest first. What arrived stays sealed until a person
 * opens it, and can be looked at ever after: an opening whose answer is lost loses nothing.
 */
import { CONTENT_TYPE } from '../protocol/index.ts';
import {
  type Conversation,
  type ConversationQuery,
  type OpenedMessage,
  type TalkMessage,
  UseCaseError,
} from './api.ts';
import type { Contacts } from './contacts.ts';
import { type DecryptDeps, describe, describeStart, printed } from './decrypt-messages.ts';
import type { Deliveries } from './deliveries.ts';
import { messageIdText } from './message-id.ts';
import type { PictureWays } from './picture-ways.ts';
import type { Envelope, SentMessage, Store } from './ports.ts';

export interface ConversationDeps {
  readonly store: Store;
  readonly contacts: Contacts;
  readonly deliveries: Deliveries;
  readonly pictureWays: PictureWays;
}

/** Of each text in a list, in bytes; `openMessage` shows more. As much is kept of what was sent. */
const LISTED_TEXT_SIZE_MAX = 16 * 1024 - 1;

type Entry = Envelope | SentMessage;

/** @throws {UseCaseError} `unknown_contact` */
export function conversation(deps: ConversationDeps, query: ConversationQuery): Conversation {
  const { store, contacts, deliveries } = deps;
  const contact = query.with === undefined ? undefined : contacts.named(query.with).id;
  // What was acknowledged a moment ago is taken off the outbox first.
  for (const { id } of contacts.all()) {
    if (contact === undefined || contact === id) deliveries.of(id).count();
  }
  const of = { ...(contact !== undefined && { contact }), limit: query.limit };
  const { received, sent } = query.before ?? {};
  const entries = merged(
    store.inbox.list({ ...of, ...(received !== undefined && { before: received }) }),
    store.sent.list({ ...of, ...(sent !== undefined && { before: sent }) }),
  ).slice(0, query.limit);
  const oldest = (isSent: boolean) => entries.findLast((entry) => 'start' in entry === isSent)?.row;
  return {
    messages: entries.flatMap((entry) => (isNotice(entry) ? [] : toMessage(deps, entry))),
    before:
      entries.length < query.limit
        ? undefined
        : { received: oldest(false) ?? received, sent: oldest(true) ?? sent },
  };
}

/** Opens one message, or shows it again. @throws {UseCaseError} `no_message` */
export function openMessage(deps: DecryptDeps, row: number): OpenedMessage {
  const { store, contacts, intake, terminal } = deps;
  const envelope = store.inbox.get(row);
  if (envelope === undefined) {
    const next = { do: 'list_messages' } as const;
    throw new UseCaseError('no_message', `there is no message ${row}`, { next });
  }
  const opened = describe(store, contacts, envelope);
  if (envelope.openedAt === undefined) {
    terminal.printMessage(printed(opened));
    intake.open([envelope]);
  }
  return opened;
}

/** Both lists are newest first, each in its own order, which a clock that was set may contradict. */
function merged(received: readonly Envelope[], sent: readonly SentMessage[]): readonly Entry[] {
  const entries: Entry[] = [];
  let [taken, given] = [0, 0];
  for (;;) {
    const [left, right] = [received[taken], sent[given]];
    if (left === undefined) return [...entries, ...sent.slice(given)];
    if (right === undefined) return [...entries, ...received.slice(taken)];
    const fromLeft = left.at >= right.at;
    entries.push(fromLeft ? left : right);
    if (fromLeft) taken += 1;
    else given += 1;
  }
}

/** What this peer itself has told a contact about a message that it could not keep. */
function isNotice(entry: Entry): boolean {
  return 'start' in entry && entry.start[0] === CONTENT_TYPE.notice;
}

function toMessage(deps: ConversationDeps, entry: Entry): TalkMessage {
  return 'start' in entry ? sentMessage(deps, entry) : receivedMessage(deps, entry);
}

function receivedMessage({ store, contacts }: ConversationDeps, envelope: Envelope): TalkMessage {
  const { row, id, carrier, at, verified, size, openedAt, contentType } = envelope;
  const opened = openedAt !== undefined;
  const told = opened ? describe(store, contacts, envelope, LISTED_TEXT_SIZE_MAX) : undefined;
  return {
    direction: 'in',
    with: contacts.get(envelope.contact)?.name ?? 'a removed contact',
    row,
    id: messageIdText(id),
    carrier,
    at,
    verified,
    size,
    state: opened ? 'opened' : 'sealed',
    isFile: contentType === CONTENT_TYPE.file,
    content: told?.content,
    isCut: opened && isCut(contentType, size),
    ...(told?.cover !== undefined && { cover: told.cover }),
    parts: undefined,
  };
}

function sentMessage(deps: ConversationDeps, sent: SentMessage): TalkMessage {
  const { row, contact, id, count, carrier, at, size, start, acknowledged, partsDone } = sent;
  const waits = isUnderWay(deps, sent) ? 'sent' : 'queued';
  return {
    direction: 'out',
    with: deps.contacts.get(contact)?.name ?? 'a removed contact',
    row,
    id: messageIdText(id),
    carrier,
    at,
    verified: undefined,
    size,
    state: acknowledged ? 'delivered' : waits,
    isFile: start[0] === CONTENT_TYPE.file,
    content: describeStart(start, size),
    isCut: isCut(start[0], size),
    parts: acknowledged || count === 1 ? undefined : { done: partsDone ?? 0, count },
  };
}

/** Its type stands before a text. */
function isCut(type: number | undefined, size: number): boolean {
  return type === CONTENT_TYPE.text && size - 1 > LISTED_TEXT_SIZE_MAX;
}

/** A letter in a file is out of our hands. */
function isUnderWay(
  { deliveries, pictureWays }: ConversationDeps,
  { contact, id, carrier }: SentMessage,
): boolean {
  if (carrier === 'file') return true;
  return carrier === 'image'
    ? pictureWays.hasSent(contact, id)
    : deliveries.of(contact).hasSent(id.sequence);
}
