/**
 * Pictures that came from somewhere, PROTOCOL §9.1: they stand in a bounded line, a thread looks
 * for what each contact's key would find, and what was found is stored with the restored cover in
 * one transaction, and only then acknowledged.
 */
import { type CryptoProvider, equal } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import { decodeBundle, LETTER_FILE_SIZE_MAX, RemoteProtocolError } from '../protocol/index.ts';
import { type Revealed, StegoError } from '../stego/index.ts';
import type { Announcer } from './announcer.ts';
import { type ReadPicture, UseCaseError } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import { type ImageKeys, isPinned, type PinnedContact } from './image-keys.ts';
import type { Arrival, Intake, Taken } from './intake.ts';
import type { Letters } from './letters.ts';
import { hex, type Observations } from './observations.ts';
import type { RestoredCover } from './picture-ports.ts';
import type { PictureWork } from './picture-work.ts';
import type { Clock, Log, MessageId, Store } from './ports.ts';
import { fill } from './slices.ts';

/** Pictures that wait or are looked at, their bytes, and how many of them from one address. */
const LINE_MAX = 8;
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_SOURCE_MAX = 2;
/** PROTOCOL §9.1. */
const PACKETS_MAX = 64;

export interface PictureLineDeps {
  readonly crypto: CryptoProvider;
  readonly store: Store;
  readonly contacts: Contacts;
  readonly letters: Letters;
  readonly imageKeys: ImageKeys;
  readonly work: PictureWork;
  readonly intake: Intake;
  readonly deliveries: Deliveries;
  readonly announcer: Announcer;
  readonly observations: Observations;
  readonly clock: Clock;
  readonly log: Log;
}

interface Place {
  readonly source: string;
  readonly size: number;
}

interface Accepted {
  readonly contact: PinnedContact;
  readonly taken: readonly Taken[];
  /** Undefined for a repeat. */
  readonly cover: RestoredCover | undefined;
}

export class PictureLine {
  readonly #deps: PictureLineDeps;
  readonly #places = new Set<Place>();
  #stopped = false;

  constructor(deps: PictureLineDeps) {
    this.#deps = deps;
  }

  /**
   * From the link. Returns before anything was looked at, so that nobody learns what was found.
   * @param source whom to count it for. @throws {UseCaseError} `busy`
   */
  enter(png: Uint8Array, source: string): void {
    const place = this.#take(png, source);
    void this.#judge(png).finally(() => this.#places.delete(place));
  }

  /** By hand. @throws {UseCaseError} `busy`, `picture_unreadable`, `letter_repeated` */
  async read(png: Uint8Array): Promise<ReadPicture> {
    const place = this.#take(png, 'by hand');
    try {
      const { contact, taken, cover } = await this.#accept(png);
      for (const one of taken) this.#acknowledgeIfMet(one);
      if (messagesIn(taken) > 0) this.#deps.announcer.arrived(contact.id, messagesIn(taken));
      if (cover === undefined) {
        const next = { do: 'open_messages' } as const;
        throw new UseCaseError('letter_repeated', 'this picture was read before', { next });
      }
      return { from: contact.name, messages: messagesIn(taken), cover };
    } catch (cause) {
      throw explained(cause);
    } finally {
      this.#places.delete(place);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #take(png: Uint8Array, source: string): Place {
    const places = [...this.#places];
    const bytes = places.reduce((sum, { size }) => sum + size, png.length);
    const ofSource = places.filter((place) => place.source === source).length;
    if (places.length >= LINE_MAX || bytes > LINE_BYTES_MAX || ofSource >= LINE_SOURCE_MAX) {
      throw new UseCaseError('busy', 'other pictures are being looked at: try again in a while');
    }
    const place = { source, size: png.length };
    this.#places.add(place);
    return place;
  }

  /** Whatever goes wrong is counted here, and visible nowhere else. */
  async #judge(png: Uint8Array): Promise<void> {
    const { announcer, deliveries, intake } = this.#deps;
    try {
      const { contact, taken } = await this.#accept(png);
      for (const one of taken) deliveries.of(contact.id).owe(intake.acknowledgements(one));
      deliveries.hurry(contact.id);
      if (messagesIn(taken) > 0) announcer.arrived(contact.id, messagesIn(taken));
    } catch (error) {
      if (!this.#stopped) this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    const { observations, log } = this.#deps;
    if (error instanceof RemoteProtocolError) observations.refused(error.reason);
    else if (error instanceof StegoError) {
      const isPicture = error.failure === 'no_message' || error.failure === 'damaged';
      observations.refused(isPicture ? 'unauthenticated' : 'malformed');
    } else {
      observations.refused('busy');
      // A thread that ran out of memory must not take the peer along. It names no content.
      const detail = error instanceof Error ? error.name : 'not an error';
      log.error(error instanceof StoreError ? 'store_failed' : 'picture_failed', { detail });
    }
  }

  async #accept(png: Uint8Array): Promise<Accepted> {
    const { contacts, imageKeys, work } = this.#deps;
    const pinned = contacts.all().filter(isPinned);
    const keys = pinned.map((contact) => imageKeys.of(contact));
    const revealed = await work.reveal(png, keys);
    const contact = pinned[revealed.keyIndex];
    // The key may have been taken off the contact while the thread was working.
    const stillThere = contacts.get(contact?.id ?? -1)?.publicKey;
    if (contact === undefined || stillThere === undefined || !equal(stillThere, contact.publicKey))
      throw new RemoteProtocolError('unauthenticated');
    return await this.#store(contact, this.#lettersOf(contact, revealed.payload), revealed, png);
  }

  /** All of them by the contact whose key it was. @throws {RemoteProtocolError} */
  #lettersOf(contact: PinnedContact, payload: Uint8Array): readonly Arrival[] {
    const packets = decodeBundle(payload, LETTER_FILE_SIZE_MAX);
    if (packets.length === 0 || packets.length > PACKETS_MAX) {
      throw new RemoteProtocolError('malformed');
    }
    const arrivals = packets.map((packet) => this.#deps.letters.open(packet, 'image'));
    const isOfContact = arrivals.every((arrival) => arrival.contact === contact.id);
    if (!isOfContact) throw new RemoteProtocolError('unauthenticated');
    return arrivals;
  }

  async #store(
    contact: PinnedContact,
    arrivals: readonly Arrival[],
    { coverPng, coverSha256, width, height, depth, psnr_dB }: Revealed,
    png: Uint8Array,
  ): Promise<Accepted> {
    const { crypto, store, intake, clock } = this.#deps;
    const message = firstOf(arrivals);
    const row = { contact: contact.id, message, at: clock.now(), width, height, depth, psnr_dB };
    const staged = store.pictures.stageRestored({ ...row, sha256: coverSha256 });
    let isKept = false;
    try {
      await fill(staged, coverPng);
      const taken = intake.take(arrivals, (taken) => {
        isKept = taken.some(({ fresh }) => fresh > 0);
        if (!isKept) return;
        staged.queue();
        // An answer hidden in the cover, or in the picture as it came, would be a second one of
        // it. Marked they stay used, even if this fails and the picture has to come again.
        const marks = [coverSha256, hex(crypto.hash(png))];
        store.pictures.claimCovers(marks, true);
        for (const mark of marks) store.pictures.useCover(mark, clock.now());
      });
      const cover = isKept ? store.pictures.restoredOf(contact.id, message) : undefined;
      return { contact, taken, cover };
    } catch (error) {
      isKept = false;
      throw error;
    } finally {
      if (!isKept) staged.discard();
    }
  }

  /** Who carried it here may have no way to the contact: as letters, only where there is one. */
  #acknowledgeIfMet(taken: Taken): void {
    const { deliveries, intake } = this.#deps;
    if (!deliveries.of(taken.contact).hasSession()) return;
    deliveries.of(taken.contact).owe(intake.acknowledgements(taken));
    deliveries.hurry(taken.contact);
  }
}

/** The id under which the inbox keeps what these bring. */
function firstOf(arrivals: readonly Arrival[]): MessageId {
  const [outbox, first] = arrivals[0]?.payloads ?? [];
  const isLetter = first?.kind === 'message' || first?.kind === 'part';
  if (outbox?.kind !== 'outbox' || !isLetter) throw new RemoteProtocolError('malformed');
  const index = first.kind === 'part' ? BigInt(first.index) : 0n;
  return { epoch: outbox.epoch, sequence: first.sequence - index };
}

function messagesIn(taken: readonly Taken[]): number {
  return taken.reduce((sum, { messages }) => sum + messages, 0);
}

/** For the person who has brought it. */
function explained(cause: unknown): unknown {
  if (cause instanceof StegoError) {
    return new UseCaseError('picture_unreadable', cause.message, { cause });
  }
  if (!(cause instanceof RemoteProtocolError)) return cause;
  const what = 'something is hidden in it that is no letter of the contact who hid it';
  return new UseCaseError('picture_unreadable', what, { cause });
}
