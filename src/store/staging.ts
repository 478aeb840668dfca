/**
 * A content on its way into the outbox. Nothing of it counts before it is queued, so no slice
 * waits for the disk: the commit that queues them flushes all. Slices are written some at a time,
 * because what a transaction costs beside them is as much as a slice itself.
 */
import type { StagedContent } from '../messenger/index.ts';
import type { Connection } from './connection.ts';
import type { ContentId, Slices } from './slices.ts';

/** Slices held before they are written, in bytes. */
const HELD_MAX = 512 * 1024;

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
  #held: Uint8Array[] = [];
  #heldSize = 0;
  #count = 0;

  /** @param enqueue runs inside the transaction that makes the content visible. */
  constructor(connection: Connection, slices: Slices, enqueue: (staged: Staged) => bigint) {
    this.#connection = connection;
    this.#slices = slices;
    this.#content = slices.create();
    this.#enqueue = enqueue;
  }

  append(slice: Uint8Array): void {
    this.#held.push(slice);
    this.#heldSize += slice.length;
    if (this.#heldSize >= HELD_MAX) this.write();
  }

  queue(): bigint {
    this.write();
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

  write(): void {
    if (this.#held.length === 0) return;
    this.#connection.transactionInOrder(() => {
      for (const [place, slice] of this.#held.entries()) {
        this.#slices.add(this.#content, this.#count + place, slice);
      }
    });
    this.#count += this.#held.length;
    this.#held = [];
    this.#heldSize = 0;
  }
}
