import type { Settings } from '../messenger/index.ts';
import { type Connection, plain, type Statement } from './connection.ts';

export class SqliteSettings implements Settings {
  readonly #get: Statement<[string], { value: Uint8Array }>;
  readonly #set: Statement<[string, Uint8Array]>;
  readonly #removeAll: Statement<[string, string]>;

  constructor(connection: Connection) {
    this.#get = connection.prepare('select value from setting where name = ?');
    this.#set = connection.prepare('insert or replace into setting (name, value) values (?, ?)');
    this.#removeAll = connection.prepare(
      'delete from setting where substr(name, 1, length(?)) = ?',
    );
  }

  get(name: string): Uint8Array | undefined {
    const row = this.#get.get(name);
    return row === undefined ? undefined : plain(row.value);
  }

  set(name: string, value: Uint8Array): void {
    this.#set.run(name, value);
  }

  /** Those whose names begin so. */
  removeAll(prefix: string): void {
    this.#removeAll.run(prefix, prefix);
  }
}
