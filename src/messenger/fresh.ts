/**
 * What was queued a moment ago, so that sending it at once need not read it back. Never the only
 * place where it is.
 */
import type { OutboxItem } from './ports.ts';

const ITEMS_MAX = 64;
const BYTES_MAX = 64 * 1024;

export class Fresh {
  #items: OutboxItem[] = [];
  #bytes = 0;

  /** Keeps it if it follows the one before and there is room; then it is durable already. */
  add(item: OutboxItem): void {
    const last = this.#items.at(-1);
    const follows = last === undefined || last.sequence + 1n === item.sequence;
    const fits = this.#items.length < ITEMS_MAX && this.#bytes + item.content.length <= BYTES_MAX;
    if (!follows || !fits) this.#clear();
    else {
      this.#items.push(item);
      this.#bytes += item.content.length;
    }
  }

  /** All of them, in order, if `from` is the first; else they are to be read from the store. */
  take(from: bigint): readonly OutboxItem[] | undefined {
    const items = this.#items;
    if (items.length > 0) this.#clear();
    return items[0]?.sequence === from ? items : undefined;
  }

  #clear(): void {
    this.#items = [];
    this.#bytes = 0;
  }
}
