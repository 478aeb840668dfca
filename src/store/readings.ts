/** Readings, side by side for each sensor, so that a range and the latest are one seek away. */
import type {
  ContactId,
  LatestQuery,
  Reading,
  ReadingBucket,
  ReadingQuery,
  ReadingStore,
} from '../messenger/index.ts';
import type { Connection, Statement } from './connection.ts';
import type { SqliteForwardQueue } from './forward-queue.ts';
import type { BucketRow, Range, ReadingSpans } from './reading-spans.ts';

interface Sensor {
  readonly id: number;
  readonly contact: ContactId;
  readonly name: string;
  /** '' is none. */
  readonly unit: string;
}

interface LatestRow {
  readonly at: number;
  readonly value: number;
  readonly sure: number;
}

/** Date can hold no more. */
const TIME_MAX_MS = 8.64e15;

export class SqliteReadingStore implements ReadingStore {
  readonly #connection: Connection;
  readonly #forwards: SqliteForwardQueue;
  readonly #sensors: Statement<[], Sensor>;
  readonly #find: Statement<[number, string, string], { id: number }>;
  readonly #insertSensor: Statement<[number, string, string]>;
  readonly #insert: Statement<[number, number, number, number, number, number]>;
  readonly #latest: Statement<[sensor: number, at: number], LatestRow>;
  readonly #single: Statement<[...Range, number], BucketRow>;
  readonly #grouped: Statement<[number, number, number, ...Range, number], BucketRow>;
  readonly #spans: ReadingSpans;

  constructor(connection: Connection, spans: ReadingSpans, forwards: SqliteForwardQueue) {
    this.#connection = connection;
    this.#spans = spans;
    this.#forwards = forwards;
    this.#sensors = connection.prepare('select id, contact, name, unit from sensor order by id');
    this.#find = connection.prepare(
      'select id from sensor where contact = ? and name = ? and unit = ?',
    );
    this.#insertSensor = connection.prepare(
      'insert into sensor (contact, name, unit) values (?, ?, ?)',
    );
    this.#insert = connection.prepare(`
      insert into reading (sensor, at, n, value, sure) values (?, ?,
        (select coalesce(max(n) + 1, 0) from reading where sensor = ? and at = ?), ?, ?)`);
    this.#latest = connection.prepare(
      `select at, value, sure from reading where sensor = ? and at <= ?
        order by at desc, n desc limit 1`,
    );
    const range = 'from reading where sensor = ? and at >= ? and at < ?';
    this.#single = connection.prepare(`
      select at as bucket, 1 as count, value as min, value as mean, value as max, sure
      ${range} order by at desc, n desc limit +?`);
    // % keeps the sign of its left side: added twice, so that times before 1970 round down too.
    this.#grouped = connection.prepare(`
      select at - (at % ? + ?) % ? as bucket,
        count(*) as count, min(value) as min, avg(value) as mean, max(value) as max,
        min(sure) as sure
      ${range} group by bucket order by bucket desc limit +?`);
  }

  add(readings: readonly Reading[]): void {
    this.#connection.transaction(() => {
      for (const { contact, name, unit, at, sure, value } of readings) {
        const sensor = this.#sensorOf(contact, name, unit ?? '');
        const time = at.getTime();
        this.#spans.add(sensor, time, value, sure);
        this.#insert.run(sensor, time, sensor, time, value, sure ? 1 : 0);
        this.#forwards.note(sensor, time);
      }
    });
  }

  latest({ notAfter, ...query }: LatestQuery = {}): readonly Reading[] {
    const newest = new Map<string, Reading>();
    for (const sensor of this.#matching(query)) {
      const last_ms = notAfter?.getTime() ?? TIME_MAX_MS;
      const row = this.#latest.get(sensor.id, last_ms) ?? this.#latest.get(sensor.id, TIME_MAX_MS);
      if (row === undefined) continue;
      const key = `${sensor.contact} ${sensor.name}`;
      const known = newest.get(key);
      if (known !== undefined && known.at.getTime() > row.at) continue;
      const { at, sure, value } = row;
      newest.set(key, { ...named(sensor), at: new Date(at), sure: sure === 1, value });
    }
    return [...newest.values()];
  }

  series(query: ReadingQuery): readonly ReadingBucket[] {
    const buckets = this.#matching(query).flatMap((sensor) =>
      this.#rows(sensor.id, query).map(({ bucket, sure, ...values }) => ({
        ...named(sensor),
        ...values,
        at: new Date(bucket),
        sure: sure === 1,
      })),
    );
    buckets.sort((a, b) => a.at.getTime() - b.at.getTime());
    return buckets.slice(-query.limit);
  }

  /** Newest first. */
  #rows(sensor: number, { from, to, every_ms: every, limit }: ReadingQuery): BucketRow[] {
    const range: Range = [sensor, from.getTime(), to.getTime()];
    if (every === undefined) return this.#single.all(...range, limit).reverse();
    if (this.#spans.serve(every)) return this.#spans.grouped(range, every, limit).reverse();
    return this.#grouped.all(every, every, every, ...range, limit).reverse();
  }

  #matching(query: LatestQuery & { readonly name?: string }): Sensor[] {
    return this.#sensors
      .all()
      .filter(({ contact }) => query.contact === undefined || contact === query.contact)
      .filter(({ name }) => query.name === undefined || name === query.name)
      .filter(({ name }) => query.names === undefined || query.names.includes(name));
  }

  #sensorOf(contact: ContactId, name: string, unit: string): number {
    const known = this.#find.get(contact, name, unit);
    return known?.id ?? this.#insertSensor.insert(contact, name, unit);
  }
}

function named({ contact, name, unit }: Sensor): Pick<Reading, 'contact' | 'name' | 'unit'> {
  return { contact, name, unit: unit === '' ? undefined : unit };
}
