/** Which message ids were received, PROTOCOL §8.2: the 16 epochs of each kind used last. */
import type { ContactId, StoredWindow } from '../messenger/index.ts';
import { type Connection, plain, type Statement, toSigned, toUnsigned } from './connection.ts';

const EPOCHS_MAX = 16;

export type WindowKind = 'outbox' | 'letter';

export class Windows {
  readonly #connection: Connection;
  readonly #all: Statement<[number, string], { epoch: bigint; state: Uint8Array }>;
  readonly #update: Statement<[number, string, Uint8Array, number, string, bigint]>;
  readonly #insert: Statement<[number, string, bigint, number, string, Uint8Array]>;
  readonly #forget: Statement<[number, string, number, string, number]>;
  readonly #remove: Statement<[number]>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#all = connection.prepareExact(
      'select epoch, state from window where contact = ? and kind = ? order by used desc',
    );
    const nextUse =
      '(select coalesce(max(used), 0) + 1 from window where contact = ? and kind = ?)';
    this.#update = connection.prepare(`
      update window set used = ${nextUse}, state = ?
      where contact = ? and kind = ? and epoch = ?`);
    this.#insert = connection.prepare(`
      insert into window (contact, kind, epoch, used, state) values (?, ?, ?, ${nextUse}, ?)`);
    this.#forget = connection.prepare(`
      delete from window where contact = ? and kind = ? and epoch not in (
        select epoch from window where contact = ? and kind = ? order by used desc limit +?)`);
    this.#remove = connection.prepare('delete from window where contact = ?');
  }

  all(contact: ContactId, kind: WindowKind): readonly StoredWindow[] {
    const rows = this.#all.all(contact, kind);
    return rows.map(({ epoch, state }) => ({ epoch: toUnsigned(epoch), state: plain(state) }));
  }

  save(contact: ContactId, kind: WindowKind, { epoch, state }: StoredWindow): void {
    const key = toSigned(epoch);
    this.#connection.transaction(() => {
      if (this.#update.run(contact, kind, state, contact, kind, key) === 1) return;
      this.#insert.run(contact, kind, key, contact, kind, state);
      this.#forget.run(contact, kind, contact, kind, EPOCHS_MAX);
    });
  }

  remove(contact: ContactId): void {
    this.#remove.run(contact);
  }
}
