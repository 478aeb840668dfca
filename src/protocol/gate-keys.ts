/** What two pinned keys have in common without a session, PROTOCOL §6, computed once a contact. */
import {
  type CryptoProvider,
  equal,
  type KeyPair,
  type PublicKey,
  type SharedSecret,
} from '../crypto/index.ts';
import type { ContactBook, ContactRef, KnownContact } from './contact-book.ts';
import { type GateKey, gateKeyOf, hintOf } from './gate.ts';

export interface Gate {
  readonly publicKey: PublicKey;
  /** DH of the two: S of PROTOCOL §6, and `ss` of each handshake. */
  readonly pairSecret: SharedSecret;
  readonly key: GateKey;
  /** By which the contact finds us. */
  readonly ownHint: number;
  /** By which we find the contact. */
  readonly remoteHint: number;
}

export interface GateOf {
  readonly contact: ContactRef;
  readonly gate: Gate;
}

export class GateKeys {
  readonly #crypto: CryptoProvider;
  readonly #staticKeys: KeyPair;
  readonly #known = new Map<ContactRef, Gate>();
  /** Whom a hint may mean: nearly always one. */
  readonly #byHint = new Map<number, readonly ContactRef[]>();

  constructor(crypto: CryptoProvider, staticKeys: KeyPair) {
    this.#crypto = crypto;
    this.#staticKeys = staticKeys;
  }

  /** Undefined while the contact is not pinned. */
  of({ id, publicKey }: KnownContact): Gate | undefined {
    if (publicKey === undefined) return undefined;
    const known = this.#known.get(id);
    // Mostly the very same object: a hint that nobody has asks this of every contact.
    if (known?.publicKey === publicKey) return known;
    if (known !== undefined && equal(known.publicKey, publicKey)) return known;
    const gate = this.#compute(publicKey);
    this.forget(id);
    this.#known.set(id, gate);
    this.#byHint.set(gate.remoteHint, [...this.#meantBy(gate.remoteHint), id]);
    return gate;
  }

  /** The contact was removed, or its pin was. */
  forget(id: ContactRef): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    this.#unlist(id, known.remoteHint);
    known.pairSecret.fill(0);
    known.key.fill(0);
  }

  /**
   * The contacts that a hint may mean, those who are known by it first. Who was pinned since is
   * looked for only if nobody else is wanted, because that asks all of them.
   */
  *withHint(book: ContactBook, hint: number): Iterable<GateOf> {
    const listed = this.#meantBy(hint);
    yield* this.#standing(book, listed, hint);
    for (const contact of book.all()) this.of(contact);
    const added = this.#meantBy(hint).filter((id) => !listed.includes(id));
    yield* this.#standing(book, added, hint);
  }

  /** Without those who were removed, or pinned to another key, since they were listed. */
  *#standing(book: ContactBook, listed: readonly ContactRef[], hint: number) {
    for (const id of listed) {
      const contact = book.get(id);
      const gate = contact && this.of(contact);
      if (gate?.remoteHint === hint) yield { contact: id, gate };
    }
  }

  #meantBy(hint: number): readonly ContactRef[] {
    return this.#byHint.get(hint) ?? [];
  }

  #unlist(id: ContactRef, hint: number): void {
    const others = this.#meantBy(hint).filter((other) => other !== id);
    if (others.length > 0) this.#byHint.set(hint, others);
    else this.#byHint.delete(hint);
  }

  #compute(publicKey: PublicKey): Gate {
    const pairSecret = this.#staticKeys.dh(publicKey);
    const key = gateKeyOf(this.#crypto, pairSecret);
    const ownHint = hintOf(this.#crypto, key, this.#staticKeys.publicKey);
    const remoteHint = hintOf(this.#crypto, key, publicKey);
    return { publicKey, pairSecret, key, ownHint, remoteHint };
  }
}
