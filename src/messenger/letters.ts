/** Letters, PROTOCOL §9: what rides in a file or a picture, and may lie around for a week. */
import { concat } from '../bytes.ts';
import type { CryptoProvider, KeyPair, PublicKey, RandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import {
  bundledSize,
  decodePacket,
  encodeBundle,
  FRAME_SIZE_MAX,
  gateKeyOf,
  hintOf,
  LETTER_FILE_SIZE_MAX,
  type LetterAckPayload,
  MESSAGE_OVERHEAD,
  OUTBOX_SIZE,
  openLetter,
  PART_OVERHEAD,
  type Payload,
  RemoteProtocolError,
  sealLetter,
  sliceSizeMax,
} from '../protocol/index.ts';
import type { Contacts } from './contacts.ts';
import type { PinnedContact } from './image-keys.ts';
import type { Arrival } from './intake.ts';
import { messageIdText } from './message-id.ts';
import type { Carrier, ContactId, Log, MessageId, Store } from './ports.ts';
import { UseCaseError } from './use-case-error.ts';

/** A letter packet is a little longer than a transport packet around the same payloads. */
const sliceSize = (frameMax: number) => sliceSizeMax(Math.min(frameMax, FRAME_SIZE_MAX) - 64);
const SLICE_SIZE = sliceSize(FRAME_SIZE_MAX);
/** Header, ephemeral key and tag of a packet, and its length in the bundle. */
const PACKET_OVERHEAD = bundledSize(8 + 32 + 16);

/** Bytes of the bundle that `write` makes of a content, for who takes the largest packets. */
export function letterSize(contentSize: number): number {
  const count = Math.ceil(contentSize / SLICE_SIZE);
  let size = 0;
  for (let index = 0; index < count; index += 1) {
    const slice = Math.min(SLICE_SIZE, contentSize - index * SLICE_SIZE);
    const head = OUTBOX_SIZE + (count === 1 ? MESSAGE_OVERHEAD : PART_OVERHEAD);
    size += PACKET_OVERHEAD + (Math.floor((head + slice) / 16) + 1) * 16;
  }
  return size;
}

/** The largest content whose bundle is of at most `size` bytes; 0 if there is none. */
export function letterContentMax(size: number): number {
  let [fits, tooMuch] = [0, Math.max(1, size)];
  while (tooMuch - fits > 1) {
    const middle = Math.floor((fits + tooMuch) / 2);
    if (letterSize(middle) <= size) fits = middle;
    else tooMuch = middle;
  }
  return fits;
}

export interface LettersDeps {
  readonly crypto: CryptoProvider;
  readonly staticKeys: KeyPair;
  readonly randomBytes: RandomBytes;
  readonly contacts: Contacts;
  readonly store: Store;
  readonly log: Log;
}

/** Whose epoch: of letters that people carry, or of pictures on the link, PROTOCOL §9.1. */
export type Numbering = 'letters' | 'pictures';

export interface WrittenLetter {
  readonly id: MessageId;
  /** How many packets, each with a sequence of its own. */
  readonly count: number;
  /** A bundle of LETTER packets. */
  readonly bundle: Uint8Array;
}

/** By which letters between two peers are recognised, PROTOCOL §6. */
interface Hints {
  readonly publicKey: PublicKey;
  readonly ours: number;
  readonly theirs: number;
}

export class Letters {
  readonly #deps: LettersDeps;
  readonly #hints = new Map<ContactId, Hints>();

  constructor(deps: LettersDeps) {
    this.#deps = deps;
  }

  /** @throws {UseCaseError} `too_large` if it does not fit into one letter file. */
  write(contact: PinnedContact, content: Uint8Array, numbering: Numbering): WrittenLetter {
    const size = sliceSize(contact.maxFrame);
    const count = Math.ceil(content.length / size);
    if (content.length + count * 256 > LETTER_FILE_SIZE_MAX) {
      const limit = Math.floor(LETTER_FILE_SIZE_MAX / 1024 / 1024);
      throw new UseCaseError('too_large', `a letter holds at most ${limit} MiB: send it directly`);
    }
    const id = this.#reserve(contact.id, count, numbering);
    const packets = Array.from({ length: count }, (_, index) => {
      const slice = content.subarray(index * size, (index + 1) * size);
      return this.#seal(contact, id, slice, { index, count });
    });
    return { id, count, bundle: encodeBundle(packets, LETTER_FILE_SIZE_MAX) };
  }

  /**
   * @param admits asked once it costs something, which is when the hint is a contact's.
   * @throws {RemoteProtocolError} `unauthenticated` if no contact has written it, `busy` if it is
   * not admitted.
   */
  open(
    packet: Uint8Array,
    carrier: Exclude<Carrier, 'session'>,
    admits: () => boolean = () => true,
  ): Arrival {
    const letter = decodePacket(packet);
    if (letter.type !== 'LETTER') throw new RemoteProtocolError('malformed');
    const { crypto, staticKeys, contacts } = this.#deps;
    for (const { id, publicKey, verified } of contacts.all()) {
      if (publicKey === undefined || this.#hintsOf(id, publicKey).theirs !== letter.hint) continue;
      if (!admits()) throw new RemoteProtocolError('busy');
      try {
        const parties = { crypto, staticKeys, remoteStatic: publicKey };
        return { contact: id, carrier, verified, payloads: openLetter(parties, letter) };
      } catch (error) {
        // Hints of two contacts may be equal: the other one may fit.
        if (!(error instanceof RemoteProtocolError)) throw error;
      }
    }
    throw new RemoteProtocolError('unauthenticated');
  }

  acknowledged(contact: ContactId, id: LetterAckPayload): void {
    try {
      this.#deps.store.sent.acknowledge(contact, id);
    } catch (error) {
      // Only for people to look at: a full disk must not refuse the packet around it.
      if (!(error instanceof StoreError)) throw error;
    }
    const name = this.#deps.contacts.get(contact)?.name ?? 'a removed contact';
    this.#deps.log.info('letter_arrived', { contact: name, letter: messageIdText(id) });
  }

  #seal(
    contact: PinnedContact,
    { epoch, sequence }: MessageId,
    slice: Uint8Array,
    part: { readonly index: number; readonly count: number },
  ): Uint8Array {
    const { crypto, staticKeys, randomBytes } = this.#deps;
    const parties = { crypto, staticKeys, remoteStatic: contact.publicKey };
    const numbered: Payload = { kind: 'outbox', epoch, lowest: 0n };
    const payload: Payload =
      part.count === 1
        ? { kind: 'message', sequence, content: slice }
        : { kind: 'part', sequence: sequence + BigInt(part.index), ...part, slice };
    const hint = this.#hintsOf(contact.id, contact.publicKey).ours;
    return sealLetter(parties, randomBytes, hint, [numbered, payload]);
  }

  /** The next `count` sequences of the letter epoch, durably used up before a letter exists. */
  #reserve(contact: ContactId, count: number, numbering: Numbering): MessageId {
    const { store, randomBytes } = this.#deps;
    const name = `letters of ${contact}${numbering === 'letters' ? '' : ' in pictures'}`;
    return store.transaction(() => {
      const state = store.settings.get(name) ?? concat(randomBytes(8), new Uint8Array(8));
      const view = new DataView(Uint8Array.from(state).buffer);
      const id = { epoch: view.getBigUint64(0), sequence: view.getBigUint64(8) };
      view.setBigUint64(8, id.sequence + BigInt(count));
      store.settings.set(name, new Uint8Array(view.buffer));
      return id;
    });
  }

  #hintsOf(contact: ContactId, publicKey: PublicKey): Hints {
    const known = this.#hints.get(contact);
    if (known?.publicKey === publicKey) return known;
    const { crypto, staticKeys } = this.#deps;
    const secret = staticKeys.dh(publicKey);
    const key = gateKeyOf(crypto, secret);
    secret.fill(0);
    const ours = hintOf(crypto, key, staticKeys.publicKey);
    const hints = { publicKey, ours, theirs: hintOf(crypto, key, publicKey) };
    this.#hints.set(contact, hints);
    return hints;
  }
}
