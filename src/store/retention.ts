/** Removes what a person wants kept for a limited time only: a bounded number of rows at once. */
import type { Connection, Statement } from './connection.ts';
import type { ReadingSpans } from './reading-spans.ts';
import type { Slices } from './slices.ts';

const ROWS_MAX = 500;
const READINGS_MAX = 5_000;

/** What is older goes. Left out: that stays for ever. */
export interface KeepSince {
  readonly messages?: Date;
  readonly readings?: Date;
}

type Large = { readonly row: number; readonly content: number | null };

export class Retention {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #opened: Statement<[number, number], Large>;
  readonly #removeOpened: Statement<[number]>;
  readonly #covers: Statement<[number, number], Large>;
  readonly #removeCover: Statement<[number]>;
  readonly #removeSent: Statement<[number, number]>;
  readonly #sensors: Statement<[], { id: number }>;
  readonly #lastToGo: Statement<[number, number, number], { at: number | null }>;
  readonly #removeReadings: Statement<[number, number]>;
  readonly #spans: ReadingSpans;

  constructor(connection: Connection, slices: Slices, spans: ReadingSpans) {
    this.#spans = spans;
    this.#connection = connection;
    this.#slices = slices;
    this.#opened = connection.prepare(
      'select row, content from inbox where opened is not null and opened < ? order by row limit +?',
    );
    this.#removeOpened = connection.prepare('delete from inbox where row = ?');
    this.#covers = connection.prepare(
      'select id as row, content from picture_restored where at < ? order by id limit +?',
    );
    this.#removeCover = connection.prepare('delete from picture_restored where id = ?');
    // What has not arrived yet stays, however old.
    this.#removeSent = connection.prepare(`
      delete from sent where row in (
        select row from sent where at < ? and not exists (
          select 1 from outbox
          where outbox.contact = sent.contact and outbox.sequence = sent.sequence)
        order by row limit +?)`);
    this.#sensors = connection.prepare('select id from sensor');
    this.#lastToGo = connection.prepare(`
      select max(at) as at from (
        select at from reading where sensor = ? and at < ? order by at limit +?)`);
    this.#removeReadings = connection.prepare('delete from reading where sensor = ? and at <= ?');
  }

  /** Returns how many rows went; call again while it is not 0. @throws {StoreError} */
  prune({ messages, readings }: KeepSince): number {
    return this.#connection.transaction(() => {
      let count = 0;
      if (messages !== undefined) count += this.#pruneMessages(messages.getTime());
      if (readings !== undefined) count += this.#pruneReadings(readings.getTime());
      return count;
    });
  }

  #pruneMessages(before: number): number {
    const opened = this.#removeLarge(this.#opened, this.#removeOpened, before);
    const covers = this.#removeLarge(this.#covers, this.#removeCover, before);
    return opened + covers + this.#removeSent.run(before, ROWS_MAX);
  }

  #removeLarge(
    find: Statement<[number, number], Large>,
    remove: Statement<[number]>,
    before: number,
  ): number {
    const found = find.all(before, ROWS_MAX);
    for (const { row, content } of found) {
      if (content !== null) this.#slices.remove(content);
      remove.run(row);
    }
    return found.length;
  }

  #pruneReadings(before: number): number {
    return this.#sensors.all().reduce((sum, { id }) => sum + this.#pruneSensor(id, before), 0);
  }

  #pruneSensor(sensor: number, before: number): number {
    const last = this.#lastToGo.get(sensor, before, READINGS_MAX)?.at ?? undefined;
    if (last === undefined) return 0;
    const count = this.#removeReadings.run(sensor, last);
    this.#spans.forget(sensor, last + 1);
    return count;
  }
}
