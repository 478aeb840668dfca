/**
 * The contacts, in memory and in the store at once: read often, written rarely. The protocol's
 * machines see them as their ContactBook; people's words (`to`, `address`) are resolved here.
 */
import { equal, type PublicKey } from '../crypto/index.ts';
import { UseCaseError } from './api.ts';
import type { Contact, ContactId, ContactStore, NewContact } from './ports.ts';

export const NAME_SIZE_MAX = 64;
export const ADDRESS_SIZE_MAX = 255;

/** What a handshake tells of a contact that did not exist before. */
export interface Stranger {
  readonly name: string;
  readonly address: string;
  readonly publicKey: PublicKey;
  readonly capabilities: number;
  readonly maxFrame: number;
}

export class Contacts {
  readonly #store: ContactStore;
  readonly #byId = new Map<ContactId, Contact>();

  constructor(store: ContactStore) {
    this.#store = store;
    for (const contact of store.all()) this.#byId.set(contact.id, contact);
  }

  all(): readonly Contact[] {
    return [...this.#byId.values()];
  }

  get(id: ContactId): Contact | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): Contact | undefined {
    return this.all().find((contact) => contact.name === name);
  }

  byAddress(address: string): Contact | undefined {
    return this.all().find((contact) => contact.address === address);
  }

  byPublicKey(key: PublicKey): Contact | undefined {
    return this.all().find(({ publicKey }) => publicKey !== undefined && equal(publicKey, key));
  }

  insert(contact: NewContact): Contact {
    const inserted = this.#store.insert(contact);
    this.#byId.set(inserted.id, inserted);
    return inserted;
  }

  update(id: ContactId, change: Partial<NewContact>): Contact {
    const updated = this.#store.update(id, change);
    this.#byId.set(id, updated);
    return updated;
  }

  remove(id: ContactId): void {
    this.#store.remove(id);
    this.#byId.delete(id);
  }

  /** The contact that `to` names, or the only one. @throws {UseCaseError} */
  named(to: string | undefined): Contact {
    const all = this.all();
    if (to !== undefined) {
      const contact = this.byName(to);
      if (contact !== undefined) return contact;
      throw new UseCaseError('unknown_contact', `no contact is called "${to}": ${this.#names()}`);
    }
    const [only, another] = all;
    if (only === undefined) {
      throw new UseCaseError('no_contact', 'there is no contact yet: pair with an address first');
    }
    if (another === undefined) return only;
    throw new UseCaseError('ambiguous_contact', `say to whom with "to": ${this.#names()}`);
  }

  /** A name that no contact has: the wished one, or with a number behind it. */
  freeName(wish: string): string {
    const clean = cleanName(wish);
    if (this.byName(clean) === undefined) return clean;
    for (let number = 2; ; number += 1) {
      const name = `${clean.slice(0, NAME_SIZE_MAX / 4 - 4)}-${number}`;
      if (this.byName(name) === undefined) return name;
    }
  }

  #names(): string {
    const names = this.all().map(({ name }) => name);
    return names.length === 0 ? 'there are none yet' : `known are ${names.join(', ')}`;
  }
}

/** A contact that has never been met. */
export function unmet(name: string, address: string | undefined): NewContact {
  return { name, address, publicKey: undefined, verified: false, capabilities: 0, maxFrame: 512 };
}

/**
 * PROTOCOL §3.1: an origin, `http://HOST:PORT`. A missing scheme or port is not guessed.
 * @throws {UseCaseError} `invalid_address`
 */
export function parseAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === 'http:' && url.pathname === '/' && url.search + url.hash === '';
  if (!plain || url.username + url.password !== '' || text.length > ADDRESS_SIZE_MAX) {
    const example = 'write it like http://127.0.0.1:5001';
    throw new UseCaseError('invalid_address', `"${text.slice(0, 80)}" is no address: ${example}`);
  }
  return url.origin;
}

/** The address a stranger claims, if it is one. */
export function claimedAddress(hint: string): string | undefined {
  try {
    return hint === '' ? undefined : parseAddress(hint);
  } catch {
    return undefined;
  }
}

function cleanName(wish: string): string {
  const clean = wish
    .replace(/\p{C}/gu, '')
    .trim()
    .slice(0, NAME_SIZE_MAX / 4);
  return clean === '' ? 'peer' : clean;
}
