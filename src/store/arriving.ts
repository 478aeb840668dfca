/** Contents of which not every slice is here yet. */
import { StoreError } from '../failures.ts';
import type { ContactId, MessageId } from '../messenger/index.ts';
import { type Connection, type Statement, toSigned, toUnsigned } from './connection.ts';
import type { ContentId, Slices } from './slices.ts';

export interface ArrivingRow {
  readonly content: ContentId;
  readonly count: number;
  readonly parts: number;
  readonly bytes: number;
}

type Part = { readonly index: number; readonly count: number };

export class Arriving {
  readonly #slices: Slices;
  readonly #find: Statement<[number, bigint, bigint], ArrivingRow>;
  readonly #insert: Statement<[ContentId, number, bigint, bigint, number]>;
  readonly #grow: Statement<[number, ContentId]>;
  readonly #forget: Statement<[ContentId]>;
  readonly #bytes: Statement<[number], { bytes: number }>;
  readonly #list: Statement<[number], Record<'first' | 'parts' | 'count' | 'content', bigint>>;

  constructor(connection: Connection, slices: Slices) {
    this.#slices = slices;
    this.#find = connection.prepare(`
      select content, count, parts, bytes from arriving
      where contact = ? and epoch = ? and first = ?`);
    this.#insert = connection.prepare(`
      insert into arriving (content, contact, epoch, first, count, parts, bytes)
      values (?, ?, ?, ?, ?, 0, 0)`);
    this.#grow = connection.prepare(
      'update arriving set parts = parts + 1, bytes = bytes + ? where content = ?',
    );
    this.#forget = connection.prepare('delete from arriving where content = ?');
    this.#bytes = connection.prepare(
      'select coalesce(sum(bytes), 0) as bytes from arriving where contact = ?',
    );
    this.#list = connection.prepareExact(
      'select first, parts, count, content from arriving where contact = ? order by content',
    );
  }

  /** Returns the state with this slice. A slice that is there already changes nothing. */
  add(contact: ContactId, first: MessageId, part: Part, slice: Uint8Array): ArrivingRow {
    const row = this.#findOrInsert(contact, first, part.count);
    if (row.count !== part.count) {
      const counts = `${part.count} after ${row.count}`;
      throw new StoreError('conflict', `the number of parts of a content changed: ${counts}`);
    }
    if (!this.#slices.add(row.content, part.index, slice)) return row;
    this.#grow.run(slice.length, row.content);
    return { ...row, parts: row.parts + 1, bytes: row.bytes + slice.length };
  }

  /** The content is whole, and somebody else's now. */
  forget(content: ContentId): void {
    this.#forget.run(content);
  }

  bytes(contact: ContactId): number {
    return this.#bytes.get(contact)?.bytes ?? 0;
  }

  list(contact: ContactId): readonly { first: bigint; parts: number; count: number }[] {
    return this.#list.all(contact).map(({ first, parts, count }) => ({
      first: toUnsigned(first),
      parts: Number(parts),
      count: Number(count),
    }));
  }

  remove(contact: ContactId, first: MessageId): void {
    const row = this.#find.get(contact, toSigned(first.epoch), toSigned(first.sequence));
    if (row === undefined) return;
    this.#slices.remove(row.content);
    this.#forget.run(row.content);
  }

  removeAll(contact: ContactId): void {
    for (const { content } of this.#list.all(contact)) {
      this.#slices.remove(Number(content));
      this.#forget.run(Number(content));
    }
  }

  #findOrInsert(contact: ContactId, first: MessageId, count: number): ArrivingRow {
    const epoch = toSigned(first.epoch);
    const sequence = toSigned(first.sequence);
    const row = this.#find.get(contact, epoch, sequence);
    if (row !== undefined) return row;
    const content = this.#slices.create();
    this.#slices.adopt(content);
    this.#insert.run(content, contact, epoch, sequence, count);
    return { content, count, parts: 0, bytes: 0 };
  }
}
