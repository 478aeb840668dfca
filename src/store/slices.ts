/**
 * Large contents, slice by slice. A content's slices lie side by side under one key, content in
 * the upper and part index in the lower half, so that reading and deleting are scans of a range.
 */
import { type Connection, plain, type Statement } from './connection.ts';

export type ContentId = number;

export interface Slice {
  readonly part: number;
  readonly bytes: Uint8Array;
}

/** Content and first part, content and last part. */
type Range = [ContentId, number, ContentId, number];

const LAST = 2 ** 32 - 1;
const IN_RANGE = 'id between (? << 32 | ?) and (? << 32 | ?)';

export class Slices {
  readonly #create: Statement<[]>;
  readonly #adopt: Statement<[ContentId]>;
  readonly #orphans: Statement<[], { id: ContentId }>;
  readonly #add: Statement<[ContentId, number, Uint8Array]>;
  readonly #read: Statement<[ContentId, number], { bytes: Uint8Array }>;
  readonly #first: Statement<Range, { part: number }>;
  readonly #each: Statement<Range, Slice>;
  readonly #tally: Statement<Range, { items: number; bytes: number }>;
  readonly #remove: Statement<Range>;

  constructor(connection: Connection) {
    this.#create = connection.prepare('insert into content default values');
    this.#adopt = connection.prepare('delete from content where id = ?');
    this.#orphans = connection.prepare('select id from content');
    this.#add = connection.prepare(
      'insert into slice (id, bytes) values ((? << 32 | ?), ?) on conflict do nothing',
    );
    this.#read = connection.prepare('select bytes from slice where id = (? << 32 | ?)');
    this.#first = connection.prepare(
      `select id & 0xffffffff as part from slice where ${IN_RANGE} order by id limit 1`,
    );
    this.#each = connection.prepare(
      `select id & 0xffffffff as part, bytes from slice where ${IN_RANGE} order by id`,
    );
    this.#tally = connection.prepare(
      `select count(*) as items, coalesce(sum(length(bytes)), 0) as bytes
       from slice where ${IN_RANGE}`,
    );
    this.#remove = connection.prepare(`delete from slice where ${IN_RANGE}`);
  }

  /** A new content that is swept at the next start unless somebody adopts it. */
  create(): ContentId {
    return this.#create.insert();
  }

  /** Returns false if it was adopted before. */
  adopt(content: ContentId): boolean {
    return this.#adopt.run(content) === 1;
  }

  /** Removes what was being written when the process ended. */
  sweep(): void {
    for (const { id } of this.#orphans.all()) this.discard(id);
  }

  /** Removes a content that nobody has adopted. */
  discard(content: ContentId): void {
    if (this.adopt(content)) this.remove(content);
  }

  /** Returns false if that slice is there already. */
  add(content: ContentId, part: number, bytes: Uint8Array): boolean {
    return this.#add.run(content, part, bytes) === 1;
  }

  read(content: ContentId, part: number): Uint8Array | undefined {
    const row = this.#read.get(content, part);
    return row === undefined ? undefined : plain(row.bytes);
  }

  /** Visits what is left from `part` on, in order, until `visit` returns false. */
  each(content: ContentId, part: number, visit: (slice: Slice) => boolean): void {
    this.#each.each(visit, content, part, content, LAST);
  }

  /** The lowest part index that is left. */
  first(content: ContentId): number | undefined {
    return this.#first.get(content, 0, content, LAST)?.part;
  }

  /** Removes the slices from `from` to just below `to`; tells what went. */
  removeRange(content: ContentId, from: number, to: number): { items: number; bytes: number } {
    const tally = this.tally(content, from, to);
    if (tally.items > 0) this.#remove.run(content, from, content, to - 1);
    return tally;
  }

  /** How many slices there are from `from` to just below `to`. */
  tally(content: ContentId, from = 0, to = LAST + 1): { items: number; bytes: number } {
    return this.#tally.get(content, from, content, to - 1) ?? { items: 0, bytes: 0 };
  }

  remove(content: ContentId): void {
    this.#remove.run(content, 0, content, LAST);
  }
}
