/**
 * The contacts, in memory and in the store at once: read often, written rarely. The protocol's
 * machines see them as their ContactBook; people's words (`to`, `address`) are resolved here.
 */
import { nameOf } from '../bytes.ts';
import { equal, type PublicKey } from '../crypto/index.ts';
import {
  type Confirmation,
  type ContactBook,
  type Introduction,
  isAddress,
  type KnownContact,
} from '../protocol/index.ts';
import type { Contact, ContactId, ContactStore, NewContact } from './ports.ts';
import { UseCaseError } from './use-case-error.ts';

/** In characters: 64 bytes hold 16 of any kind. */
const NAME_LENGTH_MAX = 16;

export class Contacts implements ContactBook {
  readonly #store: ContactStore;
  readonly #byId = new Map<ContactId, Contact & KnownContact>();
  /** By the pinned key; the store lets no two have one. */
  readonly #byKey = new Map<string, ContactId>();
  /** Called after their address until a pairing code tells who they are. */
  readonly #unnamed = new Set<ContactId>();

  constructor(store: ContactStore) {
    this.#store = store;
    for (const contact of store.all()) this.#keep(contact);
  }

  all(): readonly (Contact & KnownContact)[] {
    return [...this.#byId.values()];
  }

  get(id: ContactId): (Contact & KnownContact) | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): Contact | undefined {
    return this.all().find((contact) => contact.name === name);
  }

  byAddress(address: string): Contact | undefined {
    return this.all().find((contact) => contact.address === address);
  }

  /** ContactBook. */
  holderOf(key: PublicKey): (Contact & KnownContact) | undefined {
    const id = this.#byKey.get(nameOf(key));
    return id === undefined ? undefined : this.#byId.get(id);
  }

  insert(contact: NewContact): Contact {
    return this.#keep(this.#store.insert(contact));
  }

  /** Somebody of whom only the address is known: it serves as a name. */
  insertUnnamed(address: string): Contact {
    const contact = this.insert(unmet(this.freeName(new URL(address).host), address));
    this.#unnamed.add(contact.id);
    return contact;
  }

  /** A name for somebody at this address whom nobody has met or named; undefined: there is none. */
  nameUnmet(address: string, name: string): Contact | undefined {
    const unmet = this.byAddress(address);
    if (unmet === undefined || unmet.publicKey !== undefined) return undefined;
    return this.#unnamed.delete(unmet.id) ? this.update(unmet.id, { name }) : undefined;
  }

  update(id: ContactId, change: Partial<NewContact>): Contact {
    return this.#keep(this.#store.update(id, change));
  }

  remove(id: ContactId): void {
    this.#store.remove(id);
    this.#unlistKey(id);
    this.#byId.delete(id);
    this.#unnamed.delete(id);
  }

  /** ContactBook: who proved our pairing code. A name or address that fits only suggests. */
  adopt(introduction: Introduction, remoteStatic: PublicKey): ContactId {
    const known = this.holderOf(remoteStatic);
    if (known !== undefined) return known.id;
    const { address } = introduction;
    const fits = this.all().find(
      (contact) => contact.publicKey === undefined && contact.address === address,
    );
    return (fits ?? this.insert(unmet(this.freeName(introduction.name), address))).id;
  }

  /**
   * ContactBook: pins. An address that was not known is taken from the hints, never changed, and so
   * is a name from who proved a pairing code. Writes nothing if all is as it was: to meet again must
   * be possible while the disk is full.
   */
  confirm(id: ContactId, { remoteStatic, introduction, verified }: Confirmation): void {
    const known = this.#known(id);
    const same = known.publicKey !== undefined && equal(known.publicKey, remoteStatic);
    const { capabilities, maxFrame } = introduction;
    const isNamed = verified && this.#unnamed.has(id) && introduction.name !== '';
    const confirmed = {
      name: isNamed ? this.freeName(introduction.name) : known.name,
      verified: verified || (known.verified && same),
      capabilities,
      maxFrame,
      address: known.address ?? introduction.address,
    };
    const unchanged =
      same &&
      confirmed.name === known.name &&
      confirmed.verified === known.verified &&
      capabilities === known.capabilities &&
      maxFrame === known.maxFrame &&
      confirmed.address === known.address;
    if (!unchanged) this.update(id, { ...confirmed, publicKey: remoteStatic });
    if (isNamed) this.#unnamed.delete(id);
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
      throw new UseCaseError('no_contact', 'there is no contact yet', {
        next: { do: 'pair_first' },
      });
    }
    if (another === undefined) return only;
    throw new UseCaseError('ambiguous_contact', `there are several contacts, ${this.#names()}`, {
      next: { do: 'name_contact' },
    });
  }

  /** A name that no contact has: the wished one, or with a number behind it. */
  freeName(wish: string): string {
    const clean = cleanName(wish);
    // Nor one that differs by capitals only: people would mistake them.
    const taken = new Set(this.all().map(({ name }) => folded(name)));
    if (!taken.has(folded(clean))) return clean;
    for (let number = 2; ; number += 1) {
      const name = `${clean.slice(0, NAME_LENGTH_MAX - 5)}-${number}`;
      if (!taken.has(folded(name))) return name;
    }
  }

  #known(id: ContactId): Contact {
    const contact = this.#byId.get(id);
    if (contact === undefined) throw new Error(`there is no contact ${id}`);
    return contact;
  }

  #keep(contact: Contact): Contact & KnownContact {
    // No contact is known to hang on a serial line; a peer with a code refuses plain XX by itself.
    const kept = { ...contact, needsCode: false };
    this.#unlistKey(contact.id);
    this.#byId.set(contact.id, kept);
    if (contact.publicKey !== undefined) this.#byKey.set(nameOf(contact.publicKey), contact.id);
    return kept;
  }

  #unlistKey(id: ContactId): void {
    const key = this.#byId.get(id)?.publicKey;
    if (key !== undefined) this.#byKey.delete(nameOf(key));
  }

  #names(): string {
    const names = this.all().map(({ name }) => name);
    return names.length === 0 ? 'there are none yet' : `known are ${listed(names)}`;
  }
}

/** As many as a person reads. */
const LISTED_MAX = 20;

export function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  return `${names.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A contact that has never been met. */
export function unmet(name: string, address: string | undefined): NewContact {
  return { name, address, publicKey: undefined, verified: false, capabilities: 0, maxFrame: 512 };
}

/**
 * PROTOCOL §3.1: `http://HOST:PORT`, brought into one form. A missing port is not guessed.
 * @throws {UseCaseError} `invalid_address`
 */
export function parseAddress(text: string): string {
  const address = text.trim().replace(/\/$/, '').toLowerCase();
  // Digits and dots may be no IPv4 address all the same, such as 192.168.1.300.
  if (isAddress(address) && URL.canParse(address)) return address;
  const example = 'write it like http://127.0.0.1:5001';
  throw new UseCaseError('invalid_address', `"${text.slice(0, 80)}" is no address: ${example}`);
}

function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

function cleanName(wish: string): string {
  const clean = wish.replace(/\p{C}/gu, '').trim().slice(0, NAME_LENGTH_MAX);
  return clean === '' ? 'peer' : clean;
}
