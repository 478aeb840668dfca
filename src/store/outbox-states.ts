/**
 * Where each contact's numbering stands, and how much is queued for it. Kept in memory, because
 * every append needs it. A page more in every commit would be a tenth of what sending costs, so an
 * append alone writes nothing here: rows from the stored `next` on are counted when it is read.
 */
import { StoreError } from '../failures.ts';
import type { ContactId } from '../messenger/index.ts';
import { type Connection, type Mirror, type Statement, toUnsigned } from './connection.ts';

export interface OutboxState {
  readonly epoch: bigint;
  next: bigint;
  messages: number;
  items: number;
  bytes: number;
  /** Every whole content below is noted in `sent`. */
  listed: bigint;
}

type Row = Record<keyof OutboxState, bigint>;

export class OutboxStates implements Mirror {
  readonly #known = new Map<ContactId, OutboxState>();
  readonly #changed = new Set<ContactId>();
  readonly #find: Statement<[number], Row>;
  readonly #appended: Statement<[number, bigint], { items: bigint; bytes: bigint }>;
  readonly #save: Statement<[bigint, number, number, number, bigint, number]>;
  readonly #create: Statement<[number, bigint]>;
  readonly #remove: Statement<[number]>;
  readonly #contacts: Statement<[], { contact: number }>;
  readonly #renew: Statement<[bigint, number]>;

  constructor(connection: Connection) {
    this.#find = connection.prepareExact(
      'select epoch, next, messages, items, bytes, listed from outbox_state where contact = ?',
    );
    this.#appended = connection.prepareExact(`
      select count(*) as items, coalesce(sum(length(body)), 0) as bytes
      from outbox where contact = ? and sequence >= ?`);
    this.#save = connection.prepare(`
      update outbox_state set next = ?, messages = ?, items = ?, bytes = ?, listed = ?
      where contact = ?`);
    this.#create = connection.prepare(`
      insert into outbox_state (contact, epoch, next, messages, items, bytes)
      values (?, ?, 0, 0, 0, 0)`);
    this.#remove = connection.prepare('delete from outbox_state where contact = ?');
    this.#contacts = connection.prepare('select contact from outbox_state');
    this.#renew = connection.prepare('update outbox_state set epoch = ? where contact = ?');
    connection.attach(this);
  }

  create(contact: ContactId, epoch: bigint): void {
    this.#create.run(contact, epoch);
  }

  /** Inside a transaction. Sequences and what is queued stay. */
  renewEpochs(draw: () => bigint): void {
    this.beforeCommit();
    for (const { contact } of this.#contacts.all()) this.#renew.run(draw(), contact);
    this.#known.clear();
  }

  remove(contact: ContactId): void {
    this.#remove.run(contact);
    this.#known.delete(contact);
    this.#changed.delete(contact);
  }

  /** To look at. @throws {StoreError} `missing` */
  get(contact: ContactId): Readonly<OutboxState> {
    return this.#known.get(contact) ?? this.#load(contact);
  }

  /** To change, inside a transaction. @throws {StoreError} `missing` */
  change(contact: ContactId): OutboxState {
    this.#changed.add(contact);
    return this.#known.get(contact) ?? this.#load(contact);
  }

  /** Numbers one whole content, of which a row is inserted in the same transaction. */
  append(contact: ContactId, bytes: number): bigint {
    const state = this.#known.get(contact) ?? this.#load(contact);
    const sequence = state.next;
    state.next += 1n;
    state.messages += 1;
    state.items += 1;
    state.bytes += bytes;
    return sequence;
  }

  beforeCommit(): void {
    for (const contact of this.#changed) {
      const { next, messages, items, bytes, listed } = this.get(contact);
      this.#save.run(next, messages, items, bytes, listed, contact);
    }
    this.#changed.clear();
  }

  afterRollback(): void {
    this.#known.clear();
    this.#changed.clear();
  }

  #load(contact: ContactId): OutboxState {
    const row = this.#find.get(contact);
    if (row === undefined) {
      this.#changed.delete(contact);
      throw new StoreError('missing', `there is no contact ${contact}`);
    }
    const since = this.#appended.get(contact, row.next) ?? { items: 0n, bytes: 0n };
    const state = {
      epoch: toUnsigned(row.epoch),
      next: row.next + since.items,
      messages: Number(row.messages + since.items),
      items: Number(row.items + since.items),
      bytes: Number(row.bytes + since.bytes),
      listed: row.listed,
    };
    this.#known.set(contact, state);
    return state;
  }
}
