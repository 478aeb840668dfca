/** What is forwarded to other places: new readings in order of arrival, and those from before. */
import type { ForwardedBatch, ForwardedReading, ForwardQueue } from '../messenger/index.ts';
import type { Connection, Statement } from './connection.ts';

interface Place {
  readonly row: number;
  readonly sensor: number | null;
  readonly at: number;
  readonly n: number;
}

interface Row {
  /** Of the queue; 0 for one from before. */
  readonly row: number;
  readonly sensor: number;
  readonly at: number;
  readonly n: number;
  /** Null: forgotten while it waited. */
  readonly value: number | null;
  readonly sure: number;
  readonly name: string;
  readonly unit: string;
  readonly tag: string;
  readonly contact: string;
}

const COLUMNS = `reading.value, reading.sure, sensor.name, sensor.unit,
  lower(hex(contact.tag)) as tag, contact.name as contact`;
const OWNERS = `left join sensor on sensor.id = reading.sensor
  left join contact on contact.id = sensor.contact`;

export class SqliteForwardQueue implements ForwardQueue {
  readonly #connection: Connection;
  readonly #targets: Statement<[], { target: string }>;
  readonly #addTarget: Statement<[string]>;
  readonly #removeTarget: Statement<[string]>;
  readonly #place: Statement<[string], Place>;
  readonly #add: Statement<[number, number, number, number]>;
  readonly #new: Statement<[row: number, limit: number], Row>;
  readonly #before: Statement<[number, number, number, number], Row>;
  readonly #advance: Statement<[row: number, target: string]>;
  readonly #advanceBefore: Statement<[number | null, number, number, string]>;
  readonly #sweep: Statement<[]>;
  readonly #count: Statement<[string], { count: number | null }>;
  #isOpen = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#targets = connection.prepare('select target from forward');
    // Sensors are numbered from 1 on, so nothing comes before (0, 0, 0).
    this.#addTarget = connection.prepare(`
      insert into forward (target, row, sensor, at, n)
      values (?, (select coalesce(max(seq), 0) from sqlite_sequence where name = 'forward_queue'),
        0, 0, 0)`);
    this.#removeTarget = connection.prepare('delete from forward where target = ?');
    this.#place = connection.prepare('select row, sensor, at, n from forward where target = ?');
    this.#add = connection.prepare(`
      insert into forward_queue (sensor, at, n)
      select ?, ?, max(n) from reading where sensor = ? and at = ?`);
    this.#new = connection.prepare(`
      select waiting.row, waiting.sensor, waiting.at, waiting.n, ${COLUMNS}
      from (select * from forward_queue where row > ? order by row limit +?) as waiting
      left join reading on reading.sensor = waiting.sensor and reading.at = waiting.at
        and reading.n = waiting.n
      ${OWNERS} order by waiting.row`);
    this.#before = connection.prepare(`
      select 0 as row, reading.sensor, reading.at, reading.n, ${COLUMNS}
      from reading ${OWNERS} where (reading.sensor, reading.at, reading.n) > (?, ?, ?)
      order by reading.sensor, reading.at, reading.n limit +?`);
    this.#advance = connection.prepare('update forward set row = ? where target = ?');
    this.#advanceBefore = connection.prepare(
      'update forward set sensor = ?, at = ?, n = ? where target = ?',
    );
    this.#sweep = connection.prepare(`
      delete from forward_queue where row <= (
        select coalesce(min(row), 9223372036854775807) from forward)`);
    this.#count = connection.prepare(`
      select max(forward_queue.row) - forward.row as count from forward_queue, forward
      where forward.target = ?`);
  }

  nameTargets(targets: readonly string[]): void {
    const known = this.#targets.all().map(({ target }) => target);
    const gone = known.filter((target) => !targets.includes(target));
    const added = targets.filter((target) => !known.includes(target));
    if (gone.length + added.length > 0) {
      this.#connection.transaction(() => {
        for (const target of gone) this.#removeTarget.run(target);
        this.#sweep.run();
        for (const target of added) this.#addTarget.run(target);
      });
    }
    this.#isOpen = targets.length > 0;
  }

  /** The newest reading of `sensor` with this time has just been added. */
  note(sensor: number, at: number): void {
    if (this.#isOpen) this.#add.run(sensor, at, sensor, at);
  }

  next(target: string, limit: number): ForwardedBatch | undefined {
    const place = this.#place.get(target);
    if (place === undefined) return undefined;
    const fresh = this.#new.all(place.row, limit);
    const newest = fresh.at(-1);
    if (newest !== undefined) {
      return this.#batch(fresh, () => {
        this.#advance.run(newest.row, target);
        this.#sweep.run();
      });
    }
    if (place.sensor === null) return undefined;
    const before = this.#before.all(place.sensor, place.at, place.n, limit);
    const last = before.at(-1);
    const advance = () =>
      this.#advanceBefore.run(last?.sensor ?? null, last?.at ?? 0, last?.n ?? 0, target);
    if (last !== undefined) return this.#batch(before, advance);
    advance();
    return undefined;
  }

  waiting(target: string): number {
    return Math.max(0, this.#count.get(target)?.count ?? 0);
  }

  /** What is done need not wait for the disk: lost, it is offered again. */
  #batch(rows: readonly Row[], advance: () => void): ForwardedBatch {
    return {
      readings: rows.flatMap(toReading),
      done: () => this.#connection.transactionInOrder(advance),
    };
  }
}

function toReading(row: Row): ForwardedReading[] {
  const { at, n, value, sure, name, unit, tag, contact } = row;
  if (value === null) return [];
  return [
    {
      device: { id: tag, name: contact },
      name,
      unit: unit === '' ? undefined : unit,
      at: new Date(at),
      n,
      sure: sure === 1,
      value,
    },
  ];
}
