/** PROTOCOL §9: where in a picture two peers put their letters, computed once a contact. */
import type { CryptoProvider, KeyPair, PublicKey } from '../crypto/index.ts';
import { type ImageKey, imageKeyOf } from '../protocol/index.ts';
import type { Contact, ContactId } from './ports.ts';

export type PinnedContact = Contact & { readonly publicKey: PublicKey };

export class ImageKeys {
  readonly #crypto: CryptoProvider;
  readonly #staticKeys: KeyPair;
  readonly #known = new Map<ContactId, { readonly publicKey: PublicKey; readonly key: ImageKey }>();

  constructor(crypto: CryptoProvider, staticKeys: KeyPair) {
    this.#crypto = crypto;
    this.#staticKeys = staticKeys;
  }

  of({ id, publicKey }: PinnedContact): ImageKey {
    const known = this.#known.get(id);
    if (known?.publicKey === publicKey) return known.key;
    const pairSecret = this.#staticKeys.dh(publicKey);
    const key = imageKeyOf(this.#crypto, pairSecret);
    pairSecret.fill(0);
    this.#known.set(id, { publicKey, key });
    return key;
  }
}

export function isPinned<C extends Contact>(contact: C): contact is C & PinnedContact {
  return contact.publicKey !== undefined;
}
