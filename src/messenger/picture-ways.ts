/**
 * Finds the way of a contact's pictures. A contact has one from the first picture queued for it, or
 * from the start if pictures wait there; a fleet of devices has none.
 */
import type { LetterAckPayload } from '../protocol/index.ts';
import type { PictureId, QueuedPicture } from './picture-ports.ts';
import { PictureWay, type PictureWayDeps } from './picture-way.ts';
import type { ContactId, MessageId } from './ports.ts';
import { Turns } from './turns.ts';

/** Pictures that are sent at a time, to all contacts together. */
const SENDS_MAX = 4;

export interface PicturesWaiting {
  readonly count: number;
  readonly bytes: number;
  /** The smallest sequence that is in one of them; undefined if there is none. */
  readonly lowest: bigint | undefined;
}

export class PictureWays {
  readonly #deps: PictureWayDeps;
  readonly #ways = new Map<ContactId, PictureWay>();
  #stopped = false;

  constructor(deps: Omit<PictureWayDeps, 'sends'>) {
    this.#deps = { ...deps, sends: new Turns(SENDS_MAX) };
  }

  /** Sends what was left when the peer ended. @throws {StoreError} and then nothing is sent. */
  start(): void {
    const { contacts, store } = this.#deps;
    const waiting = contacts.all().filter(({ id }) => store.pictures.queued(id).length > 0);
    const ways = waiting.map(({ id }) => this.#way(id));
    for (const way of ways) way.wake();
  }

  queued(picture: QueuedPicture): void {
    if (!this.#stopped) this.#way(picture.contact).queued(picture);
  }

  waiting(contact: ContactId): PicturesWaiting {
    return summedUp(this.#ways.get(contact)?.waiting() ?? []);
  }

  /** Whether the contact took it at least once; true also of what waits no longer. */
  hasSent(contact: ContactId, message: MessageId): boolean {
    return this.#ways.get(contact)?.hasSent(message) ?? true;
  }

  lastError(contact: ContactId): string | undefined {
    return this.#ways.get(contact)?.lastError;
  }

  acknowledged(contact: ContactId, acknowledgement: LetterAckPayload): boolean {
    return this.#ways.get(contact)?.acknowledged(acknowledgement) ?? false;
  }

  acknowledgement(contact: ContactId, picture: PictureId) {
    return this.#way(contact).acknowledgement(picture);
  }

  promoted(contact: ContactId): void {
    if (!this.#stopped) this.#ways.get(contact)?.promoted();
  }

  /** Sends nothing of what waits any more; it was sealed for a key that is gone. */
  drop(contact: ContactId): void {
    void this.forget(contact);
    const { pictures } = this.#deps.store;
    for (const { id } of pictures.queued(contact)) pictures.removeQueued(id);
  }

  async forget(contact: ContactId): Promise<void> {
    const way = this.#ways.get(contact);
    this.#ways.delete(contact);
    await way?.stop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#ways.values()].map((way) => way.stop()));
  }

  #way(contact: ContactId): PictureWay {
    const known = this.#ways.get(contact);
    if (known !== undefined) return known;
    const way = new PictureWay(contact, this.#deps);
    this.#ways.set(contact, way);
    if (this.#stopped) void way.stop();
    return way;
  }
}

export function summedUp(pictures: readonly QueuedPicture[]): PicturesWaiting {
  const bytes = pictures.reduce((sum, { size }) => sum + size, 0);
  const sequences = pictures.map(({ message }) => message.sequence);
  const lowest = sequences.reduce<bigint | undefined>(smaller, undefined);
  return { count: pictures.length, bytes, lowest };
}

function smaller(least: bigint | undefined, sequence: bigint): bigint {
  return least === undefined || sequence < least ? sequence : least;
}
