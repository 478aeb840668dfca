/**
 * What waits to be acknowledged. A message is one row: whole, or as many sequences as it has
 * slices. Numbering and counts are kept beside the rows, so that nothing is ever counted by scan.
 */
import type { RandomBytes } from '../crypto/index.ts';
import type {
  ContactId,
  Outbox,
  OutboxCount,
  OutboxItem,
  StagedContent,
} from '../messenger/index.ts';
import { type Connection, plain } from './connection.ts';
import type { Belongings } from './contacts.ts';
import { OutboxRows, type Tally } from './outbox-rows.ts';
import type { OutboxStates } from './outbox-states.ts';
import type { SqliteSent } from './sent.ts';
import type { Slices } from './slices.ts';
import { type Staged, Staging } from './staging.ts';

export class SqliteOutbox implements Outbox, Belongings {
  readonly #connection: Connection;
  readonly #randomBytes: RandomBytes;
  readonly #slices: Slices;
  readonly #sent: SqliteSent;
  readonly #rows: OutboxRows;
  readonly #states: OutboxStates;

  constructor(
    connection: Connection,
    slices: Slices,
    states: OutboxStates,
    sent: SqliteSent,
    randomBytes: RandomBytes,
  ) {
    this.#connection = connection;
    this.#randomBytes = randomBytes;
    this.#slices = slices;
    this.#sent = sent;
    this.#rows = new OutboxRows(connection, slices);
    this.#states = states;
  }

  /** A new contact: its numbering starts, in an epoch of its own. */
  createFor(contact: ContactId): void {
    this.#states.create(contact, this.#randomEpoch());
  }

  /** For a database that was brought back: sequences that it gives out may have been used. */
  renewEpochs(): void {
    this.#sent.catchUp();
    this.#states.renewEpochs(() => this.#randomEpoch());
  }

  removeFor(contact: ContactId): void {
    this.#rows.removeAll(contact);
    this.#states.remove(contact);
  }

  epoch(contact: ContactId): bigint {
    return this.#states.get(contact).epoch;
  }

  append(contact: ContactId, content: Uint8Array, now: Date): bigint {
    return this.#connection.transaction(() => {
      const sequence = this.#states.append(contact, content.length);
      this.#rows.insertWhole(contact, sequence, now, content);
      this.#sent.appended(contact, sequence);
      return sequence;
    });
  }

  stage(contact: ContactId, now: Date): StagedContent {
    return new Staging(this.#connection, this.#slices, (staged) => {
      const first = this.#number(contact, staged);
      this.#rows.insertLarge(contact, first, now, staged);
      const start = this.#slices.read(staged.content, 0) ?? new Uint8Array(0);
      const id = { epoch: this.epoch(contact), sequence: first };
      const { count, bytes: size } = staged;
      this.#sent.add({ contact, id, count, carrier: 'session', at: now, size, start });
      return first;
    });
  }

  lowest(contact: ContactId): bigint {
    return this.#rows.lowest(contact) ?? this.#states.get(contact).next;
  }

  pending(contact: ContactId, from: bigint, rows: number, bytes: number): readonly OutboxItem[] {
    const items: OutboxItem[] = [];
    let room = bytes;
    this.#rows.each(contact, from, (item) => {
      if (items.length > 0 && item.content.length > room) return false;
      room -= item.content.length;
      items.push({ ...item, content: plain(item.content) });
      return items.length < rows;
    });
    return items;
  }

  remove(contact: ContactId, next: bigint, sequences: readonly bigint[]): number {
    return this.#connection.transaction(() => {
      this.#sent.catchUp();
      const gone = { messages: 0, items: 0, bytes: 0 };
      this.#rows.removeBelow(contact, next, gone);
      for (const sequence of sequences) this.#rows.removeOne(contact, sequence, gone);
      if (gone.items > 0) this.#shrink(contact, gone);
      return gone.items;
    });
  }

  count(contact: ContactId): OutboxCount {
    const { messages, items, bytes } = this.#states.get(contact);
    return { messages, items, bytes };
  }

  #shrink(contact: ContactId, gone: Tally): void {
    const state = this.#states.change(contact);
    state.messages -= gone.messages;
    state.items -= gone.items;
    state.bytes -= gone.bytes;
  }

  #randomEpoch(): bigint {
    return new DataView(this.#randomBytes(8).slice().buffer).getBigInt64(0);
  }

  /** Takes a sequence for each slice of one message and returns the first. */
  #number(contact: ContactId, { count, bytes }: Staged): bigint {
    const state = this.#states.change(contact);
    const first = state.next;
    state.next += BigInt(count);
    state.messages += 1;
    state.items += count;
    state.bytes += bytes;
    return first;
  }
}
