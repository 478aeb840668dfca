/** Which message ids were received, PROTOCOL §8.2: the 16 epochs of each kind used last. */
import type { ContactId, StoredWindow } from '../messenger/index.ts';
import { type Connection, plain, type Statement, toSigned, toUnsigned } from './connection.ts';

const EPOCHS_MAX = 16;

export type WindowKind = 'outbox' | 'letter';

export class Windows {
  readonly #connection: Connection;
  readonly #all: Statement<[number, string], { epoch: bigint; state: Uint8Array }>;
  readonly #save: Statement<[number, string, bigint, number, string, Uint8Array]>;
  readonly #forget: Statement<[number, string, number, string, number]>;
  readonly #remove: Statement<[number]>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#all = connection.prepareExact(
      'select epoch, state from window where contact = ? and kind = ? order by used desc',
    );
    this.#save = connection.prepare(`
      insert or replace into window (contact, kind, epoch, used, state) values (?, ?, ?,
        (select coalesce(max(used), 0) + 1 from window where contact = ? and kind = ?), ?)`);
    this.#forget = connection.prepare(`
      delete from window where contact = ? and kind = ? and epoch not in (
        select epoch from window where contact = ? and kind = ? order by used desc limit ?)`);
    this.#remove = connection.prepare('delete from window where contact = ?');
  }

  all(contact: ContactId, kind: WindowKind): readonly StoredWindow[] {
    const rows = this.#all.all(contact, kind);
    return rows.map(({ epoch, state }) => ({ epoch: toUnsigned(epoch), state: plain(state) }));
  }

  save(contact: ContactId, kind: WindowKind, { epoch, state }: StoredWindow): void {
    this.#connection.transaction(() => {
      this.#save.run(contact, kind, toSigned(epoch), contact, kind, state);
      this.#forget.run(contact, kind, contact, kind, EPOCHS_MAX);
    });
  }

  remove(contact: ContactId): void {
    this.#remove.run(contact);
  }
}
