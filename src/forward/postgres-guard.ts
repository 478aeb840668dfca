/**
 * What a PostgreSQL server answers, before the library reads it. The library throws at what it does
 * not know, and does it in a listener, so that a server which wants another kind of password would
 * end the process; and of an error message without its end it would read on for ever. Here it is
 * the connection that ends.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'pg';

/** What the library listens to its server by; its types leave it out. */
interface Listening {
  readonly connection: { attachListeners(stream: Duplex): void };
}

export function guard(client: Client): void {
  const { connection } = client as unknown as Listening;
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const { emit } = stream;
    const endings = new Endings();
    stream.emit = (...event: unknown[]) => {
      try {
        const [name, chunk] = event;
        if (name === 'data' && chunk instanceof Uint8Array) endings.take(chunk);
        return Reflect.apply(emit, stream, event);
      } catch (cause) {
        stream.destroy(cause instanceof Error ? cause : new Error(String(cause)));
        return true;
      }
    };
    attach(stream);
  };
}

const [ERROR, NOTICE] = [0x45, 0x4e];
/** A type, and the length of the rest with its own four bytes. */
const HEAD_SIZE = 5;

/** Follows messages (“Message Formats” in the manual) by their heads, and looks how two of them end. */
class Endings {
  #head: number[] = [];
  /** Bytes of this message that are still to come, and the last two that came. */
  #left = 0;
  #last: readonly number[] = [];

  /** @throws {Error} at an error or a notice that does not end with a field's zero and its own. */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#head.length < HEAD_SIZE) {
        this.#head.push(chunk[at] ?? 0);
        at += 1;
        if (this.#head.length === HEAD_SIZE) this.#begin();
      } else {
        const part = chunk.subarray(at, at + this.#left);
        this.#last = [...this.#last, ...part.subarray(-2)].slice(-2);
        this.#left -= part.length;
        at += part.length;
      }
      if (this.#head.length === HEAD_SIZE && this.#left === 0) this.#end();
    }
  }

  #begin(): void {
    const [, ...length] = this.#head;
    this.#left = new DataView(Uint8Array.from(length).buffer).getUint32(0) - 4;
    if (this.#left < 0) throw new Error('a message of less than its length');
  }

  #end(): void {
    const [type] = this.#head;
    const isWhole = this.#last.length === 2 && this.#last.every((byte) => byte === 0);
    if ((type === ERROR || type === NOTICE) && !isWhole)
      throw new Error('an error without its end');
    this.#head = [];
    this.#last = [];
  }
}
