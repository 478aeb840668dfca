/** What has arrived, and which message ids were seen. A large content is visible once whole. */
import { StoreError } from '../failures.ts';
import type {
  Carrier,
  ContactId,
  Envelope,
  Inbox,
  MessageId,
  Received,
  SentQuery,
  StoredWindow,
} from '../messenger/index.ts';
import { Arriving, type ArrivingRow } from './arriving.ts';
import { type Connection, plain, type Statement, toSigned, toUnsigned } from './connection.ts';
import type { Belongings } from './contacts.ts';
import type { ContentId, Slices } from './slices.ts';
import { type WindowKind, Windows } from './windows.ts';

interface Row {
  readonly row: bigint;
  readonly contact: bigint;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly carrier: Carrier;
  readonly verified: bigint;
  readonly at: bigint;
  readonly content_type: bigint;
  readonly size: bigint;
  readonly opened: bigint | null;
}

/** Where a content lies: whole in `body`, or in slices. */
interface Place {
  readonly content: ContentId | null;
  readonly count: number;
  readonly body: Uint8Array | null;
}

type Fields = [
  contact: number,
  epoch: bigint,
  sequence: bigint,
  carrier: string,
  verified: number,
  at: number,
  contentType: number,
  size: number,
  content: ContentId | null,
  count: number,
  body: Uint8Array | null,
];

/** Of one contact, below a row, at most so many. */
type From = [contact: number, before: number, limit: number];

const ENVELOPE =
  'select row, contact, epoch, sequence, carrier, verified, at, content_type, size, opened from inbox';

/** No limit, for SQLite. */
const ALL = -1;

export class SqliteInbox implements Inbox, Belongings {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #windows: Windows;
  readonly #arriving: Arriving;
  readonly #insert: Statement<Fields>;
  readonly #unopened: Statement<[number], Row>;
  readonly #unopenedFrom: Statement<[number, number], Row>;
  readonly #count: Statement<[number], { count: number }>;
  readonly #list: Statement<[number, number], Row>;
  readonly #listFrom: Statement<[...From, ...From, number], Row>;
  readonly #get: Statement<[number], Row>;
  readonly #open: Statement<[number, number]>;
  readonly #place: Statement<[number], Place>;

  constructor(connection: Connection, slices: Slices) {
    this.#connection = connection;
    this.#slices = slices;
    this.#windows = new Windows(connection);
    this.#arriving = new Arriving(connection, slices);
    this.#insert = connection.prepare(`
      insert into inbox (row, contact, epoch, sequence, carrier, verified, at, content_type, size,
        content, count, body)
      values (max(coalesce((select max(row) from inbox), 0), (select row from inbox_last)) + 1,
        ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#unopened = connection.prepareExact(
      `${ENVELOPE} where opened is null order by row limit +?`,
    );
    this.#unopenedFrom = connection.prepareExact(
      `${ENVELOPE} where opened is null and contact = ? order by row limit +?`,
    );
    this.#count = connection.prepare(
      'select count(*) as count from inbox where opened is null and contact = ?',
    );
    this.#list = connection.prepareExact(`${ENVELOPE} where row < ? order by row desc limit +?`);
    const from = (which: string) =>
      `select * from (${ENVELOPE} where contact = ? and row < ? and ${which}
        order by row desc limit +?)`;
    // Each half by an index of its own.
    this.#listFrom = connection.prepareExact(
      `${from('opened is null')} union all ${from('opened is not null')} order by row desc limit +?`,
    );
    this.#get = connection.prepareExact(`${ENVELOPE} where row = ?`);
    this.#open = connection.prepare('update inbox set opened = ? where row = ? and opened is null');
    this.#place = connection.prepare('select content, count, body from inbox where row = ?');
  }

  createFor(): void {}

  removeFor(contact: ContactId): void {
    this.#windows.remove(contact);
    this.#arriving.removeAll(contact);
  }

  windows(contact: ContactId, kind: WindowKind): readonly StoredWindow[] {
    return this.#windows.all(contact, kind);
  }

  saveWindow(contact: ContactId, kind: WindowKind, window: StoredWindow): void {
    this.#windows.save(contact, kind, window);
  }

  add(received: Received, content: Uint8Array): void {
    const type = content[0];
    if (type === undefined) throw new RangeError('a content has at least its type');
    this.#insert.run(...fields(received, type, content.length, null, 1, content));
  }

  addPart(
    received: Received,
    part: { readonly index: number; readonly count: number },
    slice: Uint8Array,
    isAccepted: (content: Iterable<Uint8Array>) => boolean = () => true,
  ): boolean {
    if (slice.length === 0) throw new RangeError('a slice has at least one byte');
    return this.#connection.transaction(() => {
      const first = received.id.sequence - BigInt(part.index);
      const id = { epoch: received.id.epoch, sequence: first };
      const row = this.#arriving.add(received.contact, id, part, slice);
      if (row.parts < row.count) return false;
      if (!isAccepted(this.#read({ ...row, body: null }))) {
        this.#arriving.remove(received.contact, id);
        return false;
      }
      this.#deliver({ ...received, id }, row);
      return true;
    });
  }

  dropParts(contact: ContactId, first: MessageId): void {
    this.#connection.transaction(() => this.#arriving.remove(contact, first));
  }

  partBytes(contact: ContactId): number {
    return this.#arriving.bytes(contact);
  }

  arriving(
    contact: ContactId,
  ): readonly { readonly first: bigint; readonly parts: number; readonly count: number }[] {
    return this.#arriving.list(contact);
  }

  unopened(contact?: ContactId, limit = ALL): readonly Envelope[] {
    const rows =
      contact === undefined ? this.#unopened.all(limit) : this.#unopenedFrom.all(contact, limit);
    return rows.map(toEnvelope);
  }

  countUnopened(contact: ContactId): number {
    return this.#count.get(contact)?.count ?? 0;
  }

  list({ contact, before = Number.MAX_SAFE_INTEGER, limit }: SentQuery): readonly Envelope[] {
    const rows =
      contact === undefined
        ? this.#list.all(before, limit)
        : this.#listFrom.all(contact, before, limit, contact, before, limit, limit);
    return rows.map(toEnvelope);
  }

  get(row: number): Envelope | undefined {
    const found = this.#get.get(row);
    return found && toEnvelope(found);
  }

  open(rows: readonly number[], at: Date): void {
    this.#connection.transaction(() => {
      for (const row of rows) this.#open.run(at.getTime(), row);
    });
  }

  content(row: number): Iterable<Uint8Array> {
    const place = this.#place.get(row);
    if (place === undefined) throw new StoreError('missing', `there is no message ${row}`);
    return this.#read(place);
  }

  *#read({ content, count, body }: Place): Generator<Uint8Array> {
    if (body !== null) yield plain(body);
    if (content === null) return;
    for (let part = 0; part < count; part += 1) {
      const slice = this.#slices.read(content, part);
      if (slice === undefined) throw new StoreError('damaged', 'a slice of a content is gone');
      yield slice;
    }
  }

  #deliver(received: Received, { content, count, bytes }: ArrivingRow): void {
    const type = this.#slices.read(content, 0)?.[0] ?? 0;
    this.#arriving.forget(content);
    this.#insert.run(...fields(received, type, bytes, content, count, null));
  }
}

function fields(
  { contact, id, carrier, verified, at }: Received,
  type: number,
  size: number,
  content: ContentId | null,
  count: number,
  body: Uint8Array | null,
): Fields {
  const epoch = toSigned(id.epoch);
  const sequence = toSigned(id.sequence);
  const time = at.getTime();
  return [
    contact,
    epoch,
    sequence,
    carrier,
    verified ? 1 : 0,
    time,
    type,
    size,
    content,
    count,
    body,
  ];
}

function toEnvelope(row: Row): Envelope {
  return {
    row: Number(row.row),
    contact: Number(row.contact),
    id: { epoch: toUnsigned(row.epoch), sequence: toUnsigned(row.sequence) },
    carrier: row.carrier,
    verified: row.verified === 1n,
    at: new Date(Number(row.at)),
    contentType: Number(row.content_type),
    size: Number(row.size),
    openedAt: row.opened === null ? undefined : new Date(Number(row.opened)),
  };
}
