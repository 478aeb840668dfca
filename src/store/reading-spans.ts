/**
 * What each hour and each day of a sensor held: count, least, sum and greatest. An hour is added up
 * once, when the first reading of a later one comes, in that reading's transaction, and a day of its
 * hours; what comes late is added to both. So all spans before the newest reading's are right, and
 * later ones are not looked at. Questions by whole hours or days are answered from these, but for
 * the ends of a range and the hour that is not over.
 */
import type { Connection, Mirror, Statement } from './connection.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type Range = [sensor: number, from: number, to: number];

export interface BucketRow {
  /** When it begins. */
  readonly bucket: number;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly sure: number;
}

/** Rows, hours, days, hours, rows: one after the other. */
type Parts = [...Range, ...Range, ...Range, ...Range, ...Range];
type Grouped = Statement<[number, number, number, ...Parts, number], BucketRow>;
type Added = [sensor: number, at: number, min: number, sum: number, max: number, sure: number];

const FIELDS = 'sensor, at, count, min, sum, max, sure';
const IN_RANGE = 'where sensor = ? and at >= ? and at < ?';
const NO_READING = Number.MIN_SAFE_INTEGER;

/** All spans of one size. */
interface Spans {
  readonly size_ms: number;
  /** What comes late is added to the span that begins at `at`. */
  readonly add: Statement<Added>;
  /** Adds up the spans of a range. */
  readonly close: Statement<Range>;
  readonly remove: Statement<Range>;
}

export class ReadingSpans implements Mirror {
  /** When the newest reading of each sensor was taken; asked of the store when first needed. */
  readonly #newest = new Map<number, number>();
  readonly #findNewest: Statement<[number], { at: number | null }>;
  readonly #grouped: Grouped;
  /** Hours before days, which are added up of them. */
  readonly #spans: readonly Spans[];

  constructor(connection: Connection) {
    this.#findNewest = connection.prepare('select max(at) as at from reading where sensor = ?');
    const rows = `select at, 1 as count, value as min, value as sum, value as max, sure
      from reading ${IN_RANGE}`;
    const held = (table: string) =>
      `select at, count, min, sum, max, sure from ${table} ${IN_RANGE}`;
    const hours = held('reading_hour');
    // % keeps the sign of its left side: added twice, so that times before 1970 round down too.
    this.#grouped = connection.prepare(`
      select at - (at % ? + ?) % ? as bucket, sum(count) as count, min(min) as min,
        sum(sum) / sum(count) as mean, max(max) as max, min(sure) as sure
      from (
        ${[rows, hours, held('reading_day'), hours, rows].join(' union all ')}
      ) group by bucket order by bucket desc limit +?`);
    const ofReadings = 'count(*), min(value), sum(value), max(value), min(sure) from reading';
    const ofHours = 'sum(count), min(min), sum(sum), max(max), min(sure) from reading_hour';
    this.#spans = [
      spansIn(connection, 'reading_hour', HOUR_MS, ofReadings),
      spansIn(connection, 'reading_day', DAY_MS, ofHours),
    ];
    connection.attach(this);
  }

  beforeCommit(): void {}

  afterRollback(): void {
    this.#newest.clear();
  }

  /** A reading comes, in the same transaction, and is not among the others yet. */
  add(sensor: number, at: number, value: number, sure: boolean): void {
    const newest = this.#newestOf(sensor);
    if (at > newest) this.#newest.set(sensor, at);
    if (newest === NO_READING) return;
    for (const { size_ms, add, close } of this.#spans) {
      const start = startOf(at, size_ms);
      const open = startOf(newest, size_ms);
      if (start > open) close.run(sensor, open, open + size_ms);
      if (start < open) add.run(sensor, start, value, value, value, sure ? 1 : 0);
    }
  }

  serve(every_ms: number): boolean {
    return every_ms % HOUR_MS === 0;
  }

  /** Newest first. `every_ms` must be one that it serves. */
  grouped([sensor, from, to]: Range, every_ms: number, limit: number): BucketRow[] {
    const newest = this.#newestOf(sensor);
    const [firstHour, lastHour] = wholeSpans(from, to, newest, HOUR_MS);
    const [firstDay, lastDay] =
      every_ms % DAY_MS === 0
        ? wholeSpans(firstHour, lastHour, newest, DAY_MS)
        : [lastHour, lastHour];
    const edges = [from, firstHour, firstDay, lastDay, lastHour, to];
    const parts = edges.slice(1).flatMap((end, at) => [sensor, edges[at] ?? from, end]) as Parts;
    return this.#grouped.all(every_ms, every_ms, every_ms, ...parts, limit);
  }

  /** All readings of a sensor before `end` are gone: so are their spans, but for what is left. */
  forget(sensor: number, end: number): void {
    for (const { size_ms, close, remove } of this.#spans) {
      const start = startOf(end, size_ms);
      remove.run(sensor, NO_READING, start + size_ms);
      close.run(sensor, start, start + size_ms);
    }
  }

  #newestOf(sensor: number): number {
    const known = this.#newest.get(sensor);
    if (known !== undefined) return known;
    const newest = this.#findNewest.get(sensor)?.at ?? NO_READING;
    this.#newest.set(sensor, newest);
    return newest;
  }
}

/** @param summed the columns of a span, and what they are summed up of. */
function spansIn(connection: Connection, table: string, size_ms: number, summed: string): Spans {
  return {
    size_ms,
    add: connection.prepare(`
      insert into ${table} (${FIELDS}) values (?, ?, 1, ?, ?, ?, ?)
      on conflict (sensor, at) do update set count = count + 1, min = min(min, excluded.min),
        sum = sum + excluded.sum, max = max(max, excluded.max), sure = min(sure, excluded.sure)`),
    close: connection.prepare(`
      insert or replace into ${table} (${FIELDS})
        select sensor, at - (at % ${size_ms} + ${size_ms}) % ${size_ms} as start, ${summed}
        ${IN_RANGE} group by start`),
    remove: connection.prepare(`delete from ${table} ${IN_RANGE}`),
  };
}

/** Where the whole spans of a range begin and end, as far as they are over. */
function wholeSpans(from: number, to: number, newest: number, size_ms: number): [number, number] {
  const first = Math.min(startOf(from + size_ms - 1, size_ms), to);
  const last = Math.min(startOf(to, size_ms), startOf(newest, size_ms));
  return [first, Math.max(first, last)];
}

/** When the span that holds `at` begins. */
function startOf(at: number, size_ms: number): number {
  return Math.floor(at / size_ms) * size_ms;
}
