/**
 * What the messenger needs from the outside. `store/` and `link/` implement these; nothing here
 * knows SQL, HTTP or a serial line. The store is synchronous: a call that returns has happened,
 * and is durable once the transaction around it returned (docs/ARCHITECTURE.md, Decisions).
 */
import type { PublicKey } from '../crypto/index.ts';
import type { PictureStore } from './picture-ports.ts';

export type ContactId = number;

/** A remote peer: name, address, pinned static key, and whether people compared it. */
export interface Contact {
  readonly id: ContactId;
  /** Unique among contacts; 1 … 64 bytes of UTF-8. */
  readonly name: string;
  /** PROTOCOL §3.1, e.g. `http://127.0.0.1:5001`; undefined: cannot be called. */
  readonly address: string | undefined;
  /** Pinned at the first promotion; undefined: never met. */
  readonly publicKey: PublicKey | undefined;
  /** Belongs to (contact, publicKey). */
  readonly verified: boolean;
  /** From the last confirmed handshake, PROTOCOL §4.1. */
  readonly capabilities: number;
  /** The largest packet the contact takes, in bytes. */
  readonly maxFrame: number;
}

export type NewContact = Omit<Contact, 'id'>;

export interface ContactStore {
  all(): readonly Contact[];
  /** @throws {StoreError} `duplicate` if name or public key belongs to another contact. */
  insert(contact: NewContact): Contact;
  update(id: ContactId, change: Partial<NewContact>): Contact;
  /** Removes the contact with its outbox, parts and message ids; what was received stays. */
  remove(id: ContactId): void;
  /** Also of a contact that was removed, for what it sent before. Ids are never used again. */
  nameOf(id: ContactId): string | undefined;
}

/** One row of the outbox: a whole content, or one slice of it (PROTOCOL §8.1, §8.4). */
export interface OutboxItem {
  readonly sequence: bigint;
  /** Undefined: `content` is whole. */
  readonly part: { readonly index: number; readonly count: number } | undefined;
  readonly content: Uint8Array;
}

/** A content that is being cut into slices while it arrives. Nothing is queued before `queue`. */
export interface StagedContent {
  /** Holds few slices in memory, which it may not change any more. `queue` makes them durable. */
  append(slice: Uint8Array): void;
  /** Holds none any more: then `queue` may run again after a transaction that was undone. */
  write(): void;
  /** Numbers the slices consecutively and makes them visible. Returns the first sequence. */
  queue(): bigint;
  discard(): void;
}

/** What is queued for one contact, for people to look at. */
export interface OutboxCount {
  readonly messages: number;
  readonly items: number;
  readonly bytes: number;
}

export interface Outbox {
  /** This contact's epoch: random, drawn when the contact was inserted. PROTOCOL §8.2. */
  epoch(contact: ContactId): bigint;
  /** Appends a whole content and returns its sequence. */
  append(contact: ContactId, content: Uint8Array, now: Date): bigint;
  stage(contact: ContactId, now: Date): StagedContent;
  /** The lowest sequence not yet removed; the next one to be used if the outbox is empty. */
  lowest(contact: ContactId): bigint;
  /**
   * Items from `from` on, by sequence, at most `rows`, and at most `bytes` but always one. Their
   * contents are the caller's own.
   */
  pending(contact: ContactId, from: bigint, rows: number, bytes: number): readonly OutboxItem[];
  /** Removes everything below `next` and the named ones. Returns how many rows went. */
  remove(contact: ContactId, next: bigint, sequences: readonly bigint[]): number;
  count(contact: ContactId): OutboxCount;
}

export type MessageId = { readonly epoch: bigint; readonly sequence: bigint };

/** How a message came: through a session, or as a letter in a file or a picture. */
export type Carrier = 'session' | 'file' | 'image';

export interface Received {
  readonly contact: ContactId;
  readonly id: MessageId;
  readonly carrier: Carrier;
  /** Whether the contact was verified when it came. */
  readonly verified: boolean;
  readonly at: Date;
}

/** A message in the inbox. Its content is read only by `content`. */
export interface Envelope extends Received {
  /** Row number in the inbox; grows in order of arrival. */
  readonly row: number;
  /** PROTOCOL §8.1: first byte of the content. */
  readonly contentType: number;
  readonly size: number;
  readonly openedAt: Date | undefined;
}

/** Stored state of one epoch's SequenceWindow, opaque to the store. */
export interface StoredWindow {
  readonly epoch: bigint;
  readonly state: Uint8Array;
}

export interface Inbox {
  /** Of `kind` 'outbox' or 'letter' epochs, newest first. */
  windows(contact: ContactId, kind: 'outbox' | 'letter'): readonly StoredWindow[];
  /** Inserts or replaces; keeps the 16 epochs of that kind used last. */
  saveWindow(contact: ContactId, kind: 'outbox' | 'letter', window: StoredWindow): void;
  /** A whole content. */
  add(received: Received, content: Uint8Array): void;
  /**
   * One slice; `received.id.sequence` is its own. Returns whether the content became whole, and
   * so visible. What is whole and not accepted is forgotten.
   * @throws {StoreError} `conflict` if `count` differs from an earlier slice's.
   */
  addPart(
    received: Received,
    part: { readonly index: number; readonly count: number },
    slice: Uint8Array,
    isAccepted?: (content: Iterable<Uint8Array>) => boolean,
  ): boolean;
  /** Forgets the slices of an unfinished content. `first` is the id of its first slice. */
  dropParts(contact: ContactId, first: MessageId): void;
  /** Bytes of unfinished contents of this contact; bounds what a peer may pile up. */
  partBytes(contact: ContactId): number;
  /** Contents still arriving: how many parts of how many are here. */
  arriving(
    contact: ContactId,
  ): readonly { readonly first: bigint; readonly parts: number; readonly count: number }[];
  /** The oldest first; of one contact or of all. */
  unopened(contact?: ContactId, limit?: number): readonly Envelope[];
  countUnopened(contact: ContactId): number;
  /** The newest first. */
  list(query: SentQuery): readonly Envelope[];
  get(row: number): Envelope | undefined;
  /** Marks as opened. */
  open(rows: readonly number[], at: Date): void;
  /** The content in slices, in order, each at most 64 KiB. @throws {StoreError} `missing` */
  content(row: number): Iterable<Uint8Array>;
}

/** A message that was sent, or written as a letter. */
export interface SentMessage {
  /** Grows in order of sending. */
  readonly row: number;
  readonly contact: ContactId;
  /** Of its first part. */
  readonly id: MessageId;
  /** How many parts it was cut into. */
  readonly count: number;
  readonly carrier: Carrier;
  readonly at: Date;
  /** Of the whole content, in bytes. */
  readonly size: number;
  /** The content's first 16 KiB. */
  readonly start: Uint8Array;
  /** The contact has it on its disk. */
  readonly acknowledged: boolean;
  /** Of a large one under way: how many parts from its start on were acknowledged. */
  readonly partsDone: number | undefined;
}

/** Of one contact or of all, the newest first. */
export interface SentQuery {
  readonly contact?: ContactId;
  /** Only rows below this one. */
  readonly before?: number;
  readonly limit: number;
}

/**
 * What was sent, for people to look at; bounded, the oldest go first. The outbox adds what it takes
 * itself. A removed contact takes what it was sent along.
 */
export interface Sent {
  /** `start` may be all of the content. */
  add(message: Omit<SentMessage, 'row' | 'acknowledged' | 'partsDone'>): void;
  list(query: SentQuery): readonly SentMessage[];
  /** A letter has arrived. `id` is of any of its parts. */
  acknowledge(contact: ContactId, id: MessageId): void;
}

/** One value of one sensor at one time. */
export interface Reading {
  readonly contact: ContactId;
  /** Full SenML name without the base name's device part, e.g. `temp_bmp`. */
  readonly name: string;
  readonly unit: string | undefined;
  readonly at: Date;
  /** False if the device did not know the time and the receiver dated it. */
  readonly sure: boolean;
  readonly value: number;
}

export interface LatestQuery {
  readonly contact?: ContactId;
  readonly names?: readonly string[];
  /** What is dated later counts only where there is nothing else: a clock was wrong then. */
  readonly notAfter?: Date;
}

export interface ReadingStore {
  add(readings: readonly Reading[]): void;
  latest(query?: LatestQuery): readonly Reading[];
  /** The newest `limit` buckets with `from` ≤ time < `to`, in order of time. */
  series(query: ReadingQuery): readonly ReadingBucket[];
}

/** A reading on its way to another place. */
export interface ForwardedReading extends Omit<Reading, 'contact'> {
  /** The contact it came from: 32 hexadecimal digits that stay its own for ever, and its name. */
  readonly device: { readonly id: string; readonly name: string };
  /** Tells several readings of one sensor with the same time apart. */
  readonly n: number;
}

/** Some of what a place has not got yet. */
export interface ForwardedBatch {
  readonly readings: readonly ForwardedReading[];
  /** The place has it: it is not offered again. */
  done(): void;
}

/**
 * Readings that are forwarded to other places, each known by a name of its own. What comes while a
 * place is named is kept for it until it is done, also over restarts.
 */
export interface ForwardQueue {
  /**
   * From now on for these places only; what waited for others is forgotten. A new place is offered
   * what is there already too: also what it got when it was named before.
   */
  nameTargets(targets: readonly string[]): void;
  /** At most `limit` rows, the oldest first of what came new, then what was there before. */
  next(target: string, limit: number): ForwardedBatch | undefined;
  /** How many have come new and not been done. */
  waiting(target: string): number;
}

export interface ReadingQuery {
  readonly contact?: ContactId;
  readonly name?: string;
  readonly from: Date;
  readonly to: Date;
  /** Groups into buckets that begin at multiples of it; left out: each reading is one. */
  readonly every_ms?: number;
  readonly limit: number;
}

export interface ReadingBucket {
  readonly contact: ContactId;
  readonly name: string;
  readonly unit: string | undefined;
  readonly at: Date;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly sure: boolean;
}

/** Named secrets and settings: the static key, the operator's token. */
export interface Settings {
  get(name: string): Uint8Array | undefined;
  set(name: string, value: Uint8Array): void;
}

export interface Store {
  readonly contacts: ContactStore;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly sent: Sent;
  readonly readings: ReadingStore;
  readonly pictures: PictureStore;
  readonly settings: Settings;
  /** All of `work`, durable, or nothing of it. Nested calls join the outer one. */
  transaction<T>(work: () => T): T;
  /**
   * As `transaction`, without waiting for the disk: a kill loses nothing of it, a power failure
   * may lose it, but never what was durable before, and never it alone of what comes after.
   */
  transactionInOrder<T>(work: () => T): T;
  close(): void;
}

/** Carries a bundle to an address and brings one back. */
export interface Link {
  /**
   * @param bundle at most 1 MiB, PROTOCOL §3, and the link's own from now on; or a picture, which
   *   stays the caller's.
   * @throws {LinkError} when nothing usable came back within the link's deadline.
   */
  exchange(
    address: string,
    bundle: Uint8Array,
    options?: { readonly mediaType?: 'application/octet-stream' | 'image/png' },
  ): Promise<Uint8Array>;
}

/** Time, and waiting. `monotonic_ms` never jumps; `now` may. */
export interface Clock {
  now(): Date;
  monotonic_ms(): number;
  /** Calls after `ms`, unless what it returns was called before. */
  after(ms: number, call: () => void): () => void;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The person's own terminal: plaintext and codes, and nothing else, go here. */
export interface Terminal {
  print(line: string): void;
  /** Plaintext that somebody has sent. Where nobody is to read it there, it goes nowhere. */
  printMessage(line: string): void;
}

type Say = (event: string, fields?: Readonly<Record<string, string | number | boolean>>) => void;

/** The log; never gets a secret or a plaintext. */
export interface Log {
  /** What somebody who looks for a fault wants to see: each exchange, each request. */
  readonly debug: Say;
  /** What has happened. */
  readonly info: Say;
  /** What a person should look at, although all goes on. */
  readonly warn: Say;
  /** Something that was asked for could not be done, and it is this side's fault. */
  readonly error: Say;
}
