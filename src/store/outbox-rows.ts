/** The rows of the outbox: one a message, and for a large one its slices. */
import type { ContactId, OutboxItem } from '../messenger/index.ts';
import type { Connection, Statement } from './connection.ts';
import type { ContentId, Slices } from './slices.ts';

interface Row {
  readonly sequence: bigint;
  readonly count: bigint;
  /** Slices, or null: `body` is whole. */
  readonly content: bigint | null;
  readonly body: Uint8Array | null;
}

type Large = Row & { readonly content: bigint };

/** What went, so that the counts can follow. */
export interface Tally {
  messages: number;
  items: number;
  bytes: number;
}

const AT_OR_BEFORE =
  'coalesce((select max(sequence) from outbox where contact = ? and sequence <= ?), 0)';

export class OutboxRows {
  readonly #slices: Slices;
  readonly #insert: Statement<
    [number, bigint, number, ContentId | null, number, Uint8Array | null]
  >;
  readonly #each: Statement<[number, number, bigint], Row>;
  readonly #first: Statement<[number], Row>;
  readonly #at: Statement<[number, bigint], Row>;
  readonly #largeBelow: Statement<[number, bigint], Large>;
  readonly #tallyBelow: Statement<[number, bigint], { items: number; bytes: number }>;
  readonly #removeBelow: Statement<[number, bigint]>;
  readonly #removeRow: Statement<[number, bigint]>;
  readonly #removeAll: Statement<[number]>;

  constructor(connection: Connection, slices: Slices) {
    this.#slices = slices;
    this.#insert = connection.prepare(`
      insert into outbox (contact, sequence, count, content, at, body) values (?, ?, ?, ?, ?, ?)`);
    const columns = 'select sequence, count, content, body from outbox';
    this.#each = connection.prepareExact(`
      ${columns} where contact = ? and sequence >= ${AT_OR_BEFORE} order by sequence`);
    this.#first = connection.prepareExact(`${columns} where contact = ? order by sequence limit 1`);
    this.#at = connection.prepareExact(`
      ${columns} where contact = ? and sequence <= ? order by sequence desc limit 1`);
    const below = 'where contact = ? and sequence < ?';
    this.#largeBelow = connection.prepareExact(`
      select sequence, count, content, null as body from outbox ${below} and content is not null`);
    this.#tallyBelow = connection.prepare(`
      select count(*) as items, coalesce(sum(length(body)), 0) as bytes
      from outbox ${below} and content is null`);
    this.#removeBelow = connection.prepare(`delete from outbox ${below} and content is null`);
    this.#removeRow = connection.prepare('delete from outbox where contact = ? and sequence = ?');
    this.#removeAll = connection.prepare('delete from outbox where contact = ?');
  }

  insertWhole(contact: ContactId, sequence: bigint, now: Date, body: Uint8Array): void {
    this.#insert.run(contact, sequence, 1, null, now.getTime(), body);
  }

  insertLarge(
    contact: ContactId,
    first: bigint,
    now: Date,
    large: { readonly content: ContentId; readonly count: number },
  ): void {
    this.#insert.run(contact, first, large.count, large.content, now.getTime(), null);
  }

  lowest(contact: ContactId): bigint | undefined {
    const row = this.#first.get(contact);
    if (row === undefined || !isLarge(row)) return row?.sequence;
    return row.sequence + BigInt(this.#slices.first(Number(row.content)) ?? 0);
  }

  /** Visits the items from `from` on, in order, until `visit` returns false. */
  each(contact: ContactId, from: bigint, visit: (item: OutboxItem) => boolean): void {
    let more = true;
    this.#each.each(
      (row) => {
        if (isLarge(row)) more = this.#eachSlice(row, from, visit);
        else if (row.sequence >= from) more = visit(whole(row));
        return more;
      },
      contact,
      contact,
      from,
    );
  }

  removeBelow(contact: ContactId, next: bigint, gone: Tally): void {
    for (const row of this.#largeBelow.all(contact, next)) {
      const end = row.sequence + row.count < next ? row.count : next - row.sequence;
      this.#removeSlices(contact, row, 0, Number(end), gone);
    }
    const { items, bytes } = this.#tallyBelow.get(contact, next) ?? { items: 0, bytes: 0 };
    if (items > 0) this.#removeBelow.run(contact, next);
    gone.messages += items;
    gone.items += items;
    gone.bytes += bytes;
  }

  removeOne(contact: ContactId, sequence: bigint, gone: Tally): void {
    const row = this.#at.get(contact, sequence);
    if (row === undefined || row.sequence + row.count <= sequence) return;
    if (isLarge(row)) {
      const part = Number(sequence - row.sequence);
      this.#removeSlices(contact, row, part, part + 1, gone);
    } else {
      this.#removeRow.run(contact, sequence);
      gone.messages += 1;
      gone.items += 1;
      gone.bytes += row.body?.length ?? 0;
    }
  }

  removeAll(contact: ContactId): void {
    for (const row of this.#largeBelow.all(contact, 2n ** 63n - 1n)) {
      this.#slices.remove(Number(row.content));
    }
    this.#removeAll.run(contact);
  }

  /** The row of a large message goes with its last slice. */
  #removeSlices(contact: ContactId, row: Large, from: number, to: number, gone: Tally): void {
    const content = Number(row.content);
    const { items, bytes } = this.#slices.removeRange(content, from, to);
    gone.items += items;
    gone.bytes += bytes;
    if (items === 0 || this.#slices.first(content) !== undefined) return;
    this.#removeRow.run(contact, row.sequence);
    gone.messages += 1;
  }

  #eachSlice(row: Large, from: bigint, visit: (item: OutboxItem) => boolean): boolean {
    const count = Number(row.count);
    const start = from > row.sequence ? Number(from - row.sequence) : 0;
    let more = true;
    this.#slices.each(Number(row.content), start, ({ part, bytes }) => {
      const sequence = row.sequence + BigInt(part);
      more = visit({ sequence, part: { index: part, count }, content: bytes });
      return more;
    });
    return more;
  }
}

function isLarge(row: Row): row is Large {
  return row.content !== null;
}

function whole(row: Row): OutboxItem {
  return { sequence: row.sequence, part: undefined, content: row.body ?? new Uint8Array(0) };
}
