/**
 * What waits to be acknowledged. A message is one row: whole, or as many sequences as it has
 * slices. Numbering and counts are kept beside the rows, so that nothing is ever counted by scan.
 */
import type { RandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type {
  ContactId,
  Outbox,
  OutboxCount,
  OutboxItem,
  StagedContent,
} from '../messenger/index.ts';
import { type Connection, plain, type Statement, toUnsigned } from './connection.ts';
import type { Belongings } from './contacts.ts';
import { OutboxRows } from './outbox-rows.ts';
import type { ContentId, Slices } from './slices.ts';

export class SqliteOutbox implements Outbox, Belongings {
  readonly #connection: Connection;
  readonly #randomBytes: RandomBytes;
  readonly #slices: Slices;
  readonly #rows: OutboxRows;
  readonly #create: Statement<[number, bigint]>;
  readonly #forget: Statement<[number]>;
  readonly #state: Statement<[number], Record<'epoch' | 'next', bigint>>;
  readonly #count: Statement<[number], OutboxCount>;
  readonly #grow: Statement<[bigint, bigint, number, number, bigint], { first: bigint }>;
  readonly #shrink: Statement<[number, number, number, number]>;

  constructor(connection: Connection, slices: Slices, randomBytes: RandomBytes) {
    this.#connection = connection;
    this.#randomBytes = randomBytes;
    this.#slices = slices;
    this.#rows = new OutboxRows(connection, slices);
    this.#create = connection.prepare(`
      insert into outbox_state (contact, epoch, next, messages, items, bytes)
      values (?, ?, 0, 0, 0, 0)`);
    this.#forget = connection.prepare('delete from outbox_state where contact = ?');
    this.#state = connection.prepareExact('select epoch, next from outbox_state where contact = ?');
    this.#count = connection.prepare(
      'select messages, items, bytes from outbox_state where contact = ?',
    );
    this.#grow = connection.prepareExact(`
      update outbox_state
      set next = next + ?, messages = messages + 1, items = items + ?, bytes = bytes + ?
      where contact = ? returning next - ? as first`);
    this.#shrink = connection.prepare(`
      update outbox_state set messages = messages - ?, items = items - ?, bytes = bytes - ?
      where contact = ?`);
  }

  /** A new contact: its numbering starts, in an epoch of its own. */
  createFor(contact: ContactId): void {
    const epoch = new DataView(this.#randomBytes(8).slice().buffer).getBigInt64(0);
    this.#create.run(contact, epoch);
  }

  removeFor(contact: ContactId): void {
    this.#rows.removeAll(contact);
    this.#forget.run(contact);
  }

  epoch(contact: ContactId): bigint {
    return toUnsigned(this.#stateOf(contact).epoch);
  }

  append(contact: ContactId, content: Uint8Array, now: Date): bigint {
    return this.#connection.transaction(() => {
      const sequence = this.#number(contact, 1, content.length);
      this.#rows.insertWhole(contact, sequence, now, content);
      return sequence;
    });
  }

  stage(contact: ContactId, now: Date): StagedContent {
    const content = this.#slices.create();
    let count = 0;
    let bytes = 0;
    return {
      append: (slice) => {
        this.#slices.add(content, count, slice);
        count += 1;
        bytes += slice.length;
      },
      queue: () => this.#queue(contact, now, { content, count, bytes }),
      discard: () => this.#connection.transaction(() => this.#slices.discard(content)),
    };
  }

  lowest(contact: ContactId): bigint {
    return this.#rows.lowest(contact) ?? this.#stateOf(contact).next;
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
      const gone = { messages: 0, items: 0, bytes: 0 };
      this.#rows.removeBelow(contact, next, gone);
      for (const sequence of sequences) this.#rows.removeOne(contact, sequence, gone);
      if (gone.items > 0) this.#shrink.run(gone.messages, gone.items, gone.bytes, contact);
      return gone.items;
    });
  }

  count(contact: ContactId): OutboxCount {
    return this.#count.get(contact) ?? missing(contact);
  }

  #queue(contact: ContactId, now: Date, staged: Staged): bigint {
    if (staged.count === 0) throw new RangeError('a content has at least one slice');
    return this.#connection.transaction(() => {
      if (!this.#slices.adopt(staged.content)) throw new Error('queued or discarded before');
      const first = this.#number(contact, staged.count, staged.bytes);
      this.#rows.insertLarge(contact, first, now, staged);
      return first;
    });
  }

  /** Takes `count` sequences for one message and returns the first. */
  #number(contact: ContactId, count: number, bytes: number): bigint {
    const items = BigInt(count);
    const row = this.#grow.get(items, items, bytes, contact, items);
    return (row ?? missing(contact)).first;
  }

  #stateOf(contact: ContactId): Record<'epoch' | 'next', bigint> {
    return this.#state.get(contact) ?? missing(contact);
  }
}

interface Staged {
  readonly content: ContentId;
  readonly count: number;
  readonly bytes: number;
}

function missing(contact: ContactId): never {
  throw new StoreError('missing', `there is no contact ${contact}`);
}
