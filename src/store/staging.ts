/**
 * A content on its way into the outbox. Nothing of it counts before it is queued, so no slice
 * waits for the disk: the commit that queues them flushes all.
 */
import type { StagedContent } from '../messenger/index.ts';
import type { Connection } from './connection.ts';
import type { ContentId, Slices } from './slices.ts';

export interface Staged {
  readonly content: ContentId;
  readonly count: number;
  readonly bytes: number;
}

export class Staging implements StagedContent {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #content: ContentId;
  readonly #enqueue: (staged: Staged) => bigint;
  #count = 0;

  /** @param enqueue runs inside the transaction that makes the content visible. */
  constructor(connection: Connection, slices: Slices, enqueue: (staged: Staged) => bigint) {
    this.#connection = connection;
    this.#slices = slices;
    this.#content = slices.create();
    this.#enqueue = enqueue;
  }

  append(slice: Uint8Array): void {
    this.#connection.transactionInOrder(() => this.#slices.add(this.#content, this.#count, slice));
    this.#count += 1;
  }

  queue(): bigint {
    return this.#connection.transaction(() => {
      const { items, bytes } = this.#slices.tally(this.#content);
      if (items === 0) throw new RangeError('a content has at least one slice');
      if (items !== this.#count) throw new Error('the transaction around a slice was undone');
      if (!this.#slices.adopt(this.#content)) throw new Error('queued before');
      return this.#enqueue({ content: this.#content, count: items, bytes });
    });
  }

  discard(): void {
    this.#connection.transaction(() => this.#slices.discard(this.#content));
  }
}
