/** What two pinned keys have in common without a session, PROTOCOL §6, computed once a contact. */
import { type CryptoProvider, equal, type KeyPair, type PublicKey } from '../crypto/index.ts';
import type { ContactRef, KnownContact } from './contact-book.ts';
import { type GateKey, gateKeyOf, hintOf } from './gate.ts';

export interface Gate {
  readonly publicKey: PublicKey;
  readonly key: GateKey;
  /** By which the contact finds us. */
  readonly ownHint: number;
  /** By which we find the contact. */
  readonly remoteHint: number;
}

export class GateKeys {
  readonly #crypto: CryptoProvider;
  readonly #staticKeys: KeyPair;
  readonly #known = new Map<ContactRef, Gate>();

  constructor(crypto: CryptoProvider, staticKeys: KeyPair) {
    this.#crypto = crypto;
    this.#staticKeys = staticKeys;
  }

  /** Undefined while the contact is not pinned. */
  of({ id, publicKey }: KnownContact): Gate | undefined {
    if (publicKey === undefined) return undefined;
    const known = this.#known.get(id);
    // Mostly the very same object: a hint asks this of every contact.
    if (known?.publicKey === publicKey) return known;
    if (known !== undefined && equal(known.publicKey, publicKey)) return known;
    const gate = this.#compute(publicKey);
    this.#known.set(id, gate);
    return gate;
  }

  /** The contacts that a hint may mean: nearly always one or none. */
  withHint(contacts: readonly KnownContact[], hint: number): readonly KnownContact[] {
    return contacts.filter((contact) => this.of(contact)?.remoteHint === hint);
  }

  #compute(publicKey: PublicKey): Gate {
    const pairSecret = this.#staticKeys.dh(publicKey);
    const key = gateKeyOf(this.#crypto, pairSecret);
    pairSecret.fill(0);
    const ownHint = hintOf(this.#crypto, key, this.#staticKeys.publicKey);
    const remoteHint = hintOf(this.#crypto, key, publicKey);
    return { publicKey, key, ownHint, remoteHint };
  }
}
