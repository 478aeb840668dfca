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

export class ReadingSpans implements Mirror {
  /** When the newest reading of each sensor was taken; asked of the store when first needed. */
  readonly #newest = new Map<number, number>();
  readonly #findNewest: Statement<[number], { at: number | null }>;
  readonly #grouped: Grouped;
  readonly #addToHour: Statement<Added>;
  readonly #addToDay: Statement<Added>;
  readonly #closeHour: Statement<Range>;
  readonly #closeDay: Statement<Range>;
  readonly #removeHours: Statement<Range>;
  readonly #removeDays: Statement<Range>;

  constructor(connection: Connection) {
    this.#findNewest = connection.prepare('select max(at) as at from reading where sensor = ?');
    const rows = `select at, 1 as count, value as min, value as sum, value as max, sure
      from reading ${IN_RANGE}`;
    const spans = (table: string) =>
      `select at, count, min, sum, max, sure from ${table} ${IN_RANGE}`;
    const hours = spans('reading_hour');
    // % keeps the sign of its left side: added twice, so that times before 1970 round down too.
    this.#grouped = connection.prepare(`
      select at - (at % ? + ?) % ? as bucket, sum(count) as count, min(min) as min,
        sum(sum) / sum(count) as mean, max(max) as max, min(sure) as sure
      from (
        ${[rows, hours, spans('reading_day'), hours, rows].join(' union all ')}
      ) group by bucket order by bucket desc limit ?`);
    const adding = (table: string) => `
      insert into ${table} (${FIELDS}) values (?, ?, 1, ?, ?, ?, ?)
      on conflict (sensor, at) do update set count = count + 1, min = min(min, excluded.min),
        sum = sum + excluded.sum, max = max(max, excluded.max), sure = min(sure, excluded.sure)`;
    this.#addToHour = connection.prepare(adding('reading_hour'));
    this.#addToDay = connection.prepare(adding('reading_day'));
    const starts = (size_ms: number) => `at - (at % ${size_ms} + ${size_ms}) % ${size_ms} as start`;
    this.#closeHour = connection.prepare(`
      insert or replace into reading_hour (${FIELDS})
        select sensor, ${starts(HOUR_MS)}, count(*), min(value), sum(value), max(value), min(sure)
        from reading ${IN_RANGE} group by start`);
    this.#closeDay = connection.prepare(`
      insert or replace into reading_day (${FIELDS})
        select sensor, ${starts(DAY_MS)}, sum(count), min(min), sum(sum), max(max), min(sure)
        from reading_hour ${IN_RANGE} group by start`);
    this.#removeHours = connection.prepare(`delete from reading_hour ${IN_RANGE}`);
    this.#removeDays = connection.prepare(`delete from reading_day ${IN_RANGE}`);
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
    const [hour, openHour] = [hourOf(at), hourOf(newest)];
    const [day, openDay] = [dayOf(at), dayOf(newest)];
    if (hour > openHour) this.#closeHour.run(sensor, openHour, openHour + HOUR_MS);
    if (day > openDay) this.#closeDay.run(sensor, openDay, openDay + DAY_MS);
    if (hour < openHour) this.#addToHour.run(sensor, hour, value, value, value, sure ? 1 : 0);
    if (day < openDay) this.#addToDay.run(sensor, day, value, value, value, sure ? 1 : 0);
  }

  serve(every_ms: number): boolean {
    return every_ms % HOUR_MS === 0;
  }

  /** Newest first. `every_ms` must be one that it serves. */
  grouped([sensor, from, to]: Range, every_ms: number, limit: number): BucketRow[] {
    const newest = this.#newestOf(sensor);
    const firstHour = Math.min(hourOf(from + HOUR_MS - 1), to);
    const lastHour = Math.max(Math.min(hourOf(to), hourOf(newest)), firstHour);
    const isByDay = every_ms % DAY_MS === 0;
    const firstDay = isByDay ? Math.min(dayOf(firstHour + DAY_MS - 1), lastHour) : lastHour;
    const lastDay = Math.max(Math.min(dayOf(lastHour), dayOf(newest)), firstDay);
    const edges = [from, firstHour, firstDay, lastDay, lastHour, to];
    const parts = edges.slice(1).flatMap((end, at) => [sensor, edges[at] ?? from, end]) as Parts;
    return this.#grouped.all(every_ms, every_ms, every_ms, ...parts, limit);
  }

  /** All readings of a sensor before `end` are gone: so are their spans, but for what is left. */
  forget(sensor: number, end: number): void {
    const [hour, day] = [hourOf(end), dayOf(end)];
    this.#removeHours.run(sensor, NO_READING, hour + HOUR_MS);
    this.#closeHour.run(sensor, hour, hour + HOUR_MS);
    this.#removeDays.run(sensor, NO_READING, day + DAY_MS);
    this.#closeDay.run(sensor, day, day + DAY_MS);
  }

  #newestOf(sensor: number): number {
    const known = this.#newest.get(sensor);
    if (known !== undefined) return known;
    const newest = this.#findNewest.get(sensor)?.at ?? NO_READING;
    this.#newest.set(sensor, newest);
    return newest;
  }
}

function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}

function dayOf(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}
