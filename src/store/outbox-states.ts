/**
 * Where each contact's numbering stands, and how much is queued for it. Kept in memory, because
 * every append needs it, and written once a transaction.
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
}

type Row = Record<keyof OutboxState, bigint>;

export class OutboxStates implements Mirror {
  readonly #known = new Map<ContactId, OutboxState>();
  readonly #changed = new Set<ContactId>();
  readonly #find: Statement<[number], Row>;
  readonly #save: Statement<[bigint, number, number, number, number]>;
  readonly #create: Statement<[number, bigint]>;
  readonly #remove: Statement<[number]>;
  readonly #contacts: Statement<[], { contact: number }>;
  readonly #renew: Statement<[bigint, number]>;

  constructor(connection: Connection) {
    this.#find = connection.prepareExact(
      'select epoch, next, messages, items, bytes from outbox_state where contact = ?',
    );
    this.#save = connection.prepare(`
      update outbox_state set next = ?, messages = ?, items = ?, bytes = ? where contact = ?`);
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

  beforeCommit(): void {
    for (const contact of this.#changed) {
      const { next, messages, items, bytes } = this.get(contact);
      this.#save.run(next, messages, items, bytes, contact);
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
    const state = {
      epoch: toUnsigned(row.epoch),
      next: row.next,
      messages: Number(row.messages),
      items: Number(row.items),
      bytes: Number(row.bytes),
    };
    this.#known.set(contact, state);
    return state;
  }
}
