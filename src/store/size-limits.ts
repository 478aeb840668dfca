/**
 * Keeps what is kept within a size: what is oldest goes, a bounded number of rows at once. What
 * somebody still waits for is not counted, and never goes.
 */
import type { Connection, Statement } from './connection.ts';
import type { ReadingSpans } from './reading-spans.ts';
import type { Slices } from './slices.ts';

const ROWS_MAX = 500;
/** Readings counted between two turns of others: some 5 ms. */
const COUNTED_MAX = 50_000;
const READINGS_MAX = 2_000;
/** Of a reading on the disk, measured over 300,000 of them. */
const READING_SIZE = 29;

const TABLES = ['inbox', 'picture_restored', 'sent'] as const;

interface Kept {
  /** An index of TABLES. */
  readonly kind: 0 | 1 | 2;
  readonly id: number;
  readonly content: number | null;
}

export class SizeLimits {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #beyond: Statement<[number, number], Kept>;
  readonly #remove: readonly Statement<[number]>[];
  readonly #sensors: Statement<[], { id: number }>;
  readonly #count: Statement<[number, number, number], { count: number; last: number | null }>;
  readonly #oldest: Statement<[], { id: number; at: number | null }>;
  readonly #lastToGo: Statement<[number, number], { at: number | null }>;
  readonly #removeOldest: Statement<[number, number]>;
  readonly #spans: ReadingSpans;

  constructor(connection: Connection, slices: Slices, spans: ReadingSpans) {
    this.#spans = spans;
    this.#connection = connection;
    this.#slices = slices;
    this.#beyond = connection.prepare(`
      with kept as (
        select 0 as kind, row as id, opened as at, size, content from inbox
          where opened is not null
        union all select 1, id, at, size, content from picture_restored
        union all select 2, row, at, length(start), null from sent where not exists (
          select 1 from outbox
          where outbox.contact = sent.contact and outbox.sequence = sent.sequence)
      ), summed as (
        select *, sum(size) over (order by at desc, kind, id desc rows unbounded preceding) as sum
        from kept
      )
      select kind, id, content from summed where sum > ? order by at limit +?`);
    const keys = { inbox: 'row', picture_restored: 'id', sent: 'row' };
    this.#remove = TABLES.map((table) =>
      connection.prepare(`delete from ${table} where ${keys[table]} = ?`),
    );
    this.#sensors = connection.prepare('select id from sensor');
    this.#count = connection.prepare(`
      select count(*) as count, max(at) as last from (
        select at from reading where sensor = ? and at > ? order by at limit +?)`);
    this.#oldest = connection.prepare(`
      select id, (select min(at) from reading where sensor = id) as at from sensor
      where at is not null order by at limit 1`);
    this.#lastToGo = connection.prepare(
      'select max(at) as at from (select at from reading where sensor = ? order by at limit +?)',
    );
    this.#removeOldest = connection.prepare('delete from reading where sensor = ? and at <= ?');
  }

  /** Returns how many rows went; call again while it is not 0. @throws {StoreError} */
  pruneMessages(sizeMax: number): number {
    return this.#connection.transaction(() => {
      const beyond = this.#beyond.all(sizeMax, ROWS_MAX);
      for (const { kind, id, content } of beyond) {
        if (content !== null) this.#slices.remove(content);
        this.#remove[kind]?.run(id);
      }
      return beyond.length;
    });
  }

  /** Bytes of all readings, as sums to be added up, so that others have their turn between two. */
  *readingSizes(): Iterable<number> {
    for (const { id } of this.#sensors.all()) {
      for (let after: number | null = Number.MIN_SAFE_INTEGER; after !== null; ) {
        const found: { count: number; last: number | null } | undefined = this.#count.get(
          id,
          after,
          COUNTED_MAX,
        );
        yield (found?.count ?? 0) * READING_SIZE;
        after = found?.last ?? null;
      }
    }
  }

  /** Removes about so many bytes, at most 2,000 readings. Returns how many bytes went. */
  removeOldestReadings(size: number): number {
    return this.#connection.transaction(() => {
      const rows = Math.min(READINGS_MAX, Math.ceil(size / READING_SIZE));
      const sensor = this.#oldest.get()?.id;
      const last = sensor === undefined ? undefined : this.#lastToGo.get(sensor, rows)?.at;
      if (sensor === undefined || last === undefined || last === null) return 0;
      const removed = this.#removeOldest.run(sensor, last);
      this.#spans.forget(sensor, last + 1);
      return removed * READING_SIZE;
    });
  }
}
