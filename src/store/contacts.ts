/** Contacts. Removing one deletes what waits for it and what it has not finished sending. */
import type { PublicKey } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type { Contact, ContactId, ContactStore, NewContact } from '../messenger/index.ts';
import { type Connection, plain, type Statement } from './connection.ts';

interface Row {
  readonly id: number;
  readonly name: string;
  readonly address: string | null;
  readonly public_key: Uint8Array | null;
  readonly verified: number;
  readonly capabilities: number;
  readonly max_frame: number;
}

type Fields = [string, string | null, Uint8Array | null, number, number, number];

/** What else a contact has; told apart so that this file knows no other table. */
export interface Belongings {
  createFor(contact: ContactId): void;
  removeFor(contact: ContactId): void;
}

export class SqliteContactStore implements ContactStore {
  readonly #connection: Connection;
  readonly #belongings: readonly Belongings[];
  readonly #all: Statement<[], Row>;
  readonly #one: Statement<[number], Row>;
  readonly #clash: Statement<[string, Uint8Array | null, number], { name: string }>;
  readonly #insert: Statement<Fields>;
  readonly #update: Statement<[...Fields, number]>;
  readonly #remove: Statement<[number]>;
  readonly #name: Statement<[number], { name: string }>;

  constructor(connection: Connection, belongings: readonly Belongings[]) {
    this.#connection = connection;
    this.#belongings = belongings;
    this.#all = connection.prepare('select * from contact where not removed order by id');
    this.#one = connection.prepare('select * from contact where not removed and id = ?');
    this.#clash = connection.prepare(
      'select name from contact where not removed and (name = ? or public_key = ?) and id <> ?',
    );
    this.#insert = connection.prepare(`
      insert into contact (name, address, public_key, verified, capabilities, max_frame, tag)
      values (?, ?, ?, ?, ?, ?, randomblob(16))`);
    this.#update = connection.prepare(`
      update contact set name = ?, address = ?, public_key = ?, verified = ?, capabilities = ?,
        max_frame = ? where id = ?`);
    this.#remove = connection.prepare(
      'update contact set removed = 1, address = null, public_key = null where id = ?',
    );
    this.#name = connection.prepare('select name from contact where id = ?');
  }

  all(): readonly Contact[] {
    return this.#all.all().map(toContact);
  }

  nameOf(id: ContactId): string | undefined {
    return this.#name.get(id)?.name;
  }

  insert(contact: NewContact): Contact {
    return this.#connection.transaction(() => {
      this.#refuseClash(contact, 0);
      const id = this.#insert.insert(...toFields(contact));
      for (const belonging of this.#belongings) belonging.createFor(id);
      return { ...contact, id };
    });
  }

  update(id: ContactId, change: Partial<NewContact>): Contact {
    return this.#connection.transaction(() => {
      const row = this.#one.get(id);
      if (row === undefined) throw new StoreError('missing', `there is no contact ${id}`);
      const after = { ...toContact(row), ...change, id };
      this.#refuseClash(after, id);
      this.#update.run(...toFields(after), id);
      return after;
    });
  }

  remove(id: ContactId): void {
    this.#connection.transaction(() => {
      for (const belonging of this.#belongings) belonging.removeFor(id);
      this.#remove.run(id);
    });
  }

  #refuseClash(contact: NewContact, id: ContactId): void {
    const other = this.#clash.get(contact.name, contact.publicKey ?? null, id);
    if (other === undefined) return;
    const what = other.name === contact.name ? 'name' : 'key';
    throw new StoreError('duplicate', `this ${what} belongs to the contact "${other.name}"`);
  }
}

function toContact(row: Row): Contact {
  return {
    id: row.id,
    name: row.name,
    address: row.address ?? undefined,
    publicKey: row.public_key === null ? undefined : (plain(row.public_key) as PublicKey),
    verified: row.verified === 1,
    capabilities: row.capabilities,
    maxFrame: row.max_frame,
  };
}

function toFields(contact: NewContact): Fields {
  return [
    contact.name,
    contact.address ?? null,
    contact.publicKey ?? null,
    contact.verified ? 1 : 0,
    contact.capabilities,
    contact.maxFrame,
  ];
}
