/**
 * What each hour of a sensor held: count, least, sum and greatest, kept with every reading in the
 * same transaction. Questions by whole hours are answered from these, but for the ends of a range.
 */
import type { Connection, Statement } from './connection.ts';

const HOUR_MS = 3_600_000;

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

export class ReadingHours {
  readonly #add: Statement<[number, number, number, number, number, number]>;
  readonly #grouped: Statement<
    [number, number, number, ...Range, ...Range, ...Range, number],
    BucketRow
  >;
  readonly #remove: Statement<Range>;
  readonly #count: Statement<Range>;

  constructor(connection: Connection) {
    this.#add = connection.prepare(`
      insert into reading_hour (sensor, at, count, min, sum, max, sure) values (?, ?, 1, ?, ?, ?, ?)
      on conflict (sensor, at) do update set count = count + 1, min = min(min, excluded.min),
        sum = sum + excluded.sum, max = max(max, excluded.max), sure = min(sure, excluded.sure)`);
    const rows = `select at, 1 as count, value as min, value as sum, value as max, sure
      from reading where sensor = ? and at >= ? and at < ?`;
    // % keeps the sign of its left side: added twice, so that times before 1970 round down too.
    this.#grouped = connection.prepare(`
      select at - (at % ? + ?) % ? as bucket, sum(count) as count, min(min) as min,
        sum(sum) / sum(count) as mean, max(max) as max, min(sure) as sure
      from (
        ${rows} union all
        select at, count, min, sum, max, sure
          from reading_hour where sensor = ? and at >= ? and at < ? union all
        ${rows}
      ) group by bucket order by bucket desc limit ?`);
    const hours = 'where sensor = ? and at >= ? and at < ?';
    this.#remove = connection.prepare(`delete from reading_hour ${hours}`);
    this.#count = connection.prepare(`
      insert into reading_hour (sensor, at, count, min, sum, max, sure)
        select sensor, at - (at % ${HOUR_MS} + ${HOUR_MS}) % ${HOUR_MS} as hour,
          count(*), min(value), sum(value), max(value), min(sure)
        from reading ${hours} group by hour`);
  }

  add(sensor: number, at: number, value: number, sure: boolean): void {
    this.#add.run(sensor, startOf(at), value, value, value, sure ? 1 : 0);
  }

  serve(every_ms: number): boolean {
    return every_ms % HOUR_MS === 0;
  }

  /** Newest first. `every_ms` must be one that it serves. */
  grouped([sensor, from, to]: Range, every_ms: number, limit: number): BucketRow[] {
    const first = Math.min(startOf(from + HOUR_MS - 1), to);
    const last = Math.max(startOf(to), first);
    const head: Range = [sensor, from, first];
    const tail: Range = [sensor, last, to];
    const whole: Range = [sensor, first, last];
    return this.#grouped.all(every_ms, every_ms, every_ms, ...head, ...whole, ...tail, limit);
  }

  /** All readings of a sensor before `end` are gone: so are their hours, but for what is left. */
  forget(sensor: number, end: number): void {
    const hour = startOf(end);
    this.#remove.run(sensor, Number.MIN_SAFE_INTEGER, hour + HOUR_MS);
    this.#count.run(sensor, hour, hour + HOUR_MS);
  }
}

function startOf(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}
