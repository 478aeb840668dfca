/** Small numbers that come one by one and may be millions: an array that doubles. */
export class NumberList<A extends Uint8Array | Int32Array> {
  #items: A;
  readonly #make: (size: number) => A;
  size = 0;

  constructor(make: (size: number) => A) {
    this.#make = make;
    this.#items = make(1024);
  }

  push(item: number): void {
    if (this.size === this.#items.length) {
      const larger = this.#make(2 * this.size);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.size++] = item;
  }

  /** The items so far; a view, which the next `push` may leave behind. */
  items(): A {
    return this.#items.subarray(0, this.size) as A;
  }
}
