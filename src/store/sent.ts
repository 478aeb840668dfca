/**
 * What was sent, newest first, for people to look at. The newest 20,000 are kept, and of each the
 * first 16 KiB: a text is mostly whole, a file has its name. Texts are noted some at a time, at
 * the latest when they leave the outbox or somebody looks.
 */
import { StoreError } from '../failures.ts';
import type { ContactId, MessageId, Sent, SentMessage, SentQuery } from '../messenger/index.ts';
import { type Connection, plain, type Statement, toSigned, toUnsigned } from './connection.ts';
import type { Belongings } from './contacts.ts';
import type { OutboxStates } from './outbox-states.ts';
import type { Slices } from './slices.ts';
import { Unlisted } from './unlisted.ts';

const START_SIZE_MAX = 16 * 1024;
const KEPT_MAX = 20_000;
/** Texts that may wait to be noted. */
const UNLISTED_MAX = 128;

interface Row {
  readonly row: bigint;
  readonly contact: bigint;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly count: bigint;
  readonly carrier: SentMessage['carrier'];
  readonly at: bigint;
  readonly size: bigint;
  readonly start: Uint8Array;
  readonly acknowledged: bigint;
  readonly queued: bigint;
  /** Slices of a large one that is queued. */
  readonly content: bigint | null;
}

type Fields = [
  contact: number,
  epoch: bigint,
  sequence: bigint,
  count: number,
  carrier: string,
  at: number,
  size: number,
  start: Uint8Array,
];

const LIST = `
  select s.row, s.contact, s.epoch, s.sequence, s.count, s.carrier, s.at, s.size, s.start,
    s.acknowledged, o.sequence is not null as queued, o.content
  from sent s left join outbox o
    on s.carrier = 'session' and o.contact = s.contact and o.sequence = s.sequence`;

export class SqliteSent implements Sent, Belongings {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #states: OutboxStates;
  readonly #unlisted: Unlisted;
  readonly #insert: Statement<Fields>;
  readonly #insertRun: Statement<[epoch: bigint, contact: number, first: bigint, end: bigint]>;
  readonly #trim: Statement<[]>;
  readonly #list: Statement<[number, number], Row>;
  readonly #listTo: Statement<[number, number, number], Row>;
  readonly #acknowledge: Statement<[number, bigint, bigint, bigint]>;
  readonly #remove: Statement<[number]>;

  constructor(connection: Connection, slices: Slices, states: OutboxStates) {
    this.#connection = connection;
    this.#slices = slices;
    this.#states = states;
    this.#unlisted = new Unlisted(connection);
    const columns = 'contact, epoch, sequence, count, carrier, at, size, start';
    this.#insert = connection.prepare(
      `insert into sent (${columns}) values (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertRun = connection.prepare(`
      insert into sent (${columns})
      select contact, ?, sequence, 1, 'session', at, length(body), substr(body, 1, ${START_SIZE_MAX})
      from outbox where contact = ? and sequence >= ? and sequence < ? and content is null
      order by sequence`);
    this.#trim = connection.prepare(
      `delete from sent where row <= (select max(row) from sent) - ${KEPT_MAX}`,
    );
    this.#list = connection.prepareExact(`${LIST} where s.row < ? order by s.row desc limit +?`);
    this.#listTo = connection.prepareExact(
      `${LIST} where s.contact = ? and s.row < ? order by s.row desc limit +?`,
    );
    this.#acknowledge = connection.prepare(`
      update sent set acknowledged = 1 where contact = ? and epoch = ? and carrier <> 'session'
        and sequence <= ? and sequence + count > ?`);
    this.#remove = connection.prepare('delete from sent where contact = ?');
  }

  createFor(): void {}

  removeFor(contact: ContactId): void {
    this.#unlisted.drop(contact);
    this.#remove.run(contact);
  }

  add({ contact, id, count, carrier, at, size, start }: Parameters<Sent['add']>[0]): void {
    const { epoch, sequence } = id;
    const numbering = [contact, toSigned(epoch), toSigned(sequence), count] as const;
    const kept = start.subarray(0, START_SIZE_MAX);
    this.#connection.transaction(() => {
      this.catchUp();
      this.#insert.run(...numbering, carrier, at.getTime(), size, kept);
      this.#trim.run();
    });
  }

  /** The outbox has taken a whole content. Inside its transaction. */
  appended(contact: ContactId, sequence: bigint): void {
    this.#unlisted.add(contact, sequence);
    if (this.#unlisted.count >= UNLISTED_MAX) this.catchUp();
  }

  /** Notes every whole content that the outbox has taken. Inside a transaction. */
  catchUp(): void {
    for (const { contact, first, end } of this.#unlisted.take()) {
      const state = this.#states.change(contact);
      this.#insertRun.run(toSigned(state.epoch), contact, first, end);
      this.#trim.run();
      // Runs come in the order of time, and clocks go back.
      if (end > state.listed) state.listed = end;
    }
  }

  list({ contact, before = Number.MAX_SAFE_INTEGER, limit }: SentQuery): readonly SentMessage[] {
    this.#catchUpIfPossible();
    const rows =
      contact === undefined
        ? this.#list.all(before, limit)
        : this.#listTo.all(contact, before, limit);
    return rows.map((row) => this.#toMessage(row));
  }

  acknowledge(contact: ContactId, { epoch, sequence }: MessageId): void {
    const at = toSigned(sequence);
    this.#acknowledge.run(contact, toSigned(epoch), at, at);
  }

  /** A full disk must not keep anybody from looking. */
  #catchUpIfPossible(): void {
    try {
      this.#connection.transactionInOrder(() => this.catchUp());
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  #toMessage(row: Row): SentMessage {
    const { carrier, count, content } = row;
    const waits = row.queued === 1n || (carrier !== 'session' && row.acknowledged === 0n);
    const left = content === null ? undefined : (this.#slices.first(Number(content)) ?? 0);
    return {
      row: Number(row.row),
      contact: Number(row.contact),
      id: { epoch: toUnsigned(row.epoch), sequence: toUnsigned(row.sequence) },
      count: Number(count),
      carrier,
      at: new Date(Number(row.at)),
      size: Number(row.size),
      start: plain(row.start),
      acknowledged: !waits,
      partsDone: left,
    };
  }
}
