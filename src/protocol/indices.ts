/** The indices that this peer has given out and not taken back, PROTOCOL §4. */
import type { RandomBytes } from '../crypto/index.ts';

export class Indices {
  readonly #randomBytes: RandomBytes;
  readonly #alive = new Set<number>();

  constructor(randomBytes: RandomBytes) {
    this.#randomBytes = randomBytes;
  }

  /** A random u32, not 0, for one handshake and the session that comes of it. */
  claim(): number {
    for (;;) {
      const drawn = this.#randomBytes(4);
      const index = new DataView(drawn.buffer, drawn.byteOffset).getUint32(0);
      if (index === 0 || this.#alive.has(index)) continue;
      this.#alive.add(index);
      return index;
    }
  }

  release(index: number): void {
    this.#alive.delete(index);
  }

  isAlive(index: number): boolean {
    return this.#alive.has(index);
  }
}
