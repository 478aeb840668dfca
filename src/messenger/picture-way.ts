/**
 * The way of pictures to one contact, PROTOCOL §9.1: each is sent, the same bytes again and again,
 * until the contact has acknowledged every letter packet in it. Beside the lane of packets: a
 * picture that uploads for a minute holds up no text.
 */
import { LinkError, StoreError } from '../failures.ts';
import type { LetterAckPayload } from '../protocol/index.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import type { GroupCommit } from './group-commit.ts';
import type { PictureId, QueuedPicture } from './picture-ports.ts';
import type { Clock, ContactId, Link, Log, MessageId, Store } from './ports.ts';
import { gather } from './slices.ts';
import type { Turns } from './turns.ts';
import type { Waiting } from './waiters.ts';

/** After an exchange that failed, doubled each time. */
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 60_000;
/** After one that succeeded, doubled each time: looking at a picture takes its time. */
const RESEND_FIRST_MS = 30_000;
const RESEND_MAX_MS = 600_000;
/** A contact that was restarted has perhaps lost it; its acknowledgement may be on the way, too. */
const RESEND_PROMOTED_MS = 1_000;
/** An empty packet asks for acknowledgements, and finds out whether the session still lives. */
const ASK_FIRST_MS = 2_000;
const ASK_MAX_MS = 60_000;
const STORE_PAUSE_MS = 5_000;
/** What a receiver's line holds of one address; those sent longer ago no longer count. */
const IN_FLIGHT_MAX = 2;

export interface PictureWayDeps {
  readonly store: Store;
  readonly contacts: Contacts;
  readonly commits: GroupCommit;
  readonly deliveries: Deliveries;
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1): spreads the retries of many peers. */
  readonly jitter: () => number;
  /** Of all contacts together: each holds a whole picture in memory. */
  readonly sends: Turns;
  readonly receiveReply: (contact: ContactId, bundle: Uint8Array) => void;
  /** For who looks on: something of this contact's pictures is not as it was. */
  readonly changed: (contact: ContactId) => void;
}

interface WaitingPicture extends QueuedPicture {
  /** Sequences not yet acknowledged. */
  readonly missing: Set<bigint>;
  due_ms: number;
  /** In a row. */
  failures: number;
  /** Times that the contact took it, and when it last did. */
  sent: number;
  sent_ms: number;
  readonly waiters: Set<(isAcknowledged: boolean) => void>;
}

export class PictureWay {
  readonly #contact: ContactId;
  readonly #deps: PictureWayDeps;
  readonly #waiting = new Map<PictureId, WaitingPicture>();
  readonly #stopped = new AbortController();
  #pause = new AbortController();
  #running: Promise<void> | undefined;
  #ask: { readonly due_ms: number; readonly pause_ms: number } | undefined;
  #lastError: string | undefined;

  constructor(contact: ContactId, deps: PictureWayDeps) {
    this.#contact = contact;
    this.#deps = deps;
    for (const picture of deps.store.pictures.queued(contact)) this.#add(picture);
  }

  /** A picture that is in the store now. */
  queued(picture: QueuedPicture): void {
    this.#add(picture);
    this.wake();
  }

  waiting(): readonly QueuedPicture[] {
    return [...this.#waiting.values()];
  }

  hasSent({ epoch, sequence }: MessageId): boolean {
    const isIt = ({ message }: WaitingPicture) =>
      message.epoch === epoch && message.sequence === sequence;
    return ([...this.#waiting.values()].find(isIt)?.sent ?? 1) > 0;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  wake(): void {
    if (this.#stopped.signal.aborted || this.#waiting.size === 0) return;
    this.#pause.abort();
    this.#running ??= this.#run().then(() => {
      this.#running = undefined;
      // One may have come between its last look and now.
      this.wake();
    });
  }

  /** There is a new session: whoever was restarted may have lost what it had not looked at. */
  promoted(): void {
    const soon = this.#now() + RESEND_PROMOTED_MS;
    for (const picture of this.#waiting.values()) {
      if (picture.sent > 0) picture.due_ms = Math.min(picture.due_ms, soon);
      else picture.due_ms = 0;
    }
    this.wake();
  }

  /** Returns whether it was about a picture that waits here. */
  acknowledged({ epoch, sequence }: LetterAckPayload): boolean {
    for (const picture of this.#waiting.values()) {
      if (picture.message.epoch !== epoch || !picture.missing.delete(sequence)) continue;
      if (picture.missing.size === 0) void this.#arrived(picture);
      return true;
    }
    return false;
  }

  /** True once the picture was acknowledged, at once if it is not waiting; false after a stop. */
  acknowledgement(id: PictureId): Waiting {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const picture = this.#waiting.get(id);
    if (this.#stopped.signal.aborted) resolve(false);
    else if (picture === undefined) resolve(true);
    else picture.waiters.add(resolve);
    return { promise, cancel: () => picture?.waiters.delete(resolve) };
  }

  /** Touches the store no more once it has resolved, but by the commit of what was acknowledged. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#pause.abort();
    await this.#running;
    for (const { waiters } of this.#waiting.values()) for (const resolve of waiters) resolve(false);
  }

  #add(picture: QueuedPicture): void {
    const { message, count } = picture;
    const sequences = Array.from({ length: count }, (_, i) => message.sequence + BigInt(i));
    const fresh = { missing: new Set(sequences), due_ms: 0, failures: 0, sent: 0, sent_ms: 0 };
    this.#waiting.set(picture.id, { ...picture, ...fresh, waiters: new Set() });
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.#waiting.size > 0) {
      this.#pause = new AbortController();
      const now = this.#now();
      const address = this.#deps.contacts.get(this.#contact)?.address;
      const due = this.#due(now);
      if (due !== undefined && address !== undefined) {
        await this.#send(due, address);
        continue;
      }
      if (this.#ask !== undefined && this.#ask.due_ms <= now) this.#askForAcknowledgements();
      await this.#deps.clock.sleep(this.#idle_ms(now), this.#pause.signal);
    }
  }

  #due(now: number): WaitingPicture | undefined {
    const waiting = [...this.#waiting.values()];
    const isInFlight = ({ sent, sent_ms }: WaitingPicture) =>
      sent > 0 && sent_ms + RESEND_FIRST_MS > now;
    const inFlight = waiting.filter(isInFlight).length;
    const due = waiting.find((picture) => picture.due_ms <= now);
    return due !== undefined && (inFlight < IN_FLIGHT_MAX || isInFlight(due)) ? due : undefined;
  }

  /** Until something is due; at most a minute, because an address may be told meanwhile. */
  #idle_ms(now: number): number {
    const dues = [...this.#waiting.values()].map(({ due_ms }) => due_ms).filter((ms) => ms > now);
    if (this.#ask !== undefined) dues.push(this.#ask.due_ms);
    return Math.min(60_000, ...dues.map((ms) => ms - now));
  }

  async #send(picture: WaitingPicture, address: string): Promise<void> {
    const { store, link, log, sends } = this.#deps;
    try {
      await sends.run(async () => {
        if (this.#stopped.signal.aborted || !this.#waiting.has(picture.id)) return;
        const png = await gather(store.pictures.queuedContent(picture.id), picture.size);
        const reply = await link.exchange(address, png, { mediaType: 'image/png' });
        this.#sent(picture);
        if (!this.#stopped.signal.aborted) this.#deps.receiveReply(this.#contact, reply);
      });
    } catch (error) {
      if (error instanceof LinkError) this.#failed(picture, error);
      else if (error instanceof StoreError) {
        log.error('store_failed', { failure: error.failure, detail: error.message });
        picture.due_ms = this.#now() + STORE_PAUSE_MS;
      } else throw error;
    }
  }

  #sent(picture: WaitingPicture): void {
    const now = this.#now();
    picture.failures = 0;
    picture.sent += 1;
    picture.sent_ms = now;
    this.#deps.changed(this.#contact);
    picture.due_ms = now + Math.min(RESEND_FIRST_MS * 2 ** (picture.sent - 1), RESEND_MAX_MS);
    this.#ask = { due_ms: now + ASK_FIRST_MS, pause_ms: ASK_FIRST_MS };
    this.#lastError = undefined;
  }

  /** All wait: what keeps one from the contact keeps the others, too. */
  #failed(picture: WaitingPicture, error: LinkError): void {
    picture.failures += 1;
    this.#lastError = error.message;
    const full = Math.min(BACKOFF_FIRST_MS * 2 ** (picture.failures - 1), BACKOFF_MAX_MS);
    const pause = Math.max(full * (0.75 + 0.5 * this.#deps.jitter()), error.retryAfter_ms ?? 0);
    const due_ms = this.#now() + pause;
    for (const other of this.#waiting.values()) other.due_ms = Math.max(other.due_ms, due_ms);
  }

  #askForAcknowledgements(): void {
    const pause_ms = Math.min(2 * (this.#ask?.pause_ms ?? ASK_FIRST_MS), ASK_MAX_MS);
    this.#ask = { due_ms: this.#now() + pause_ms, pause_ms };
    this.#deps.deliveries.of(this.#contact).poll();
    this.#deps.deliveries.wake(this.#contact);
  }

  async #arrived(picture: WaitingPicture): Promise<void> {
    const { store, commits, log } = this.#deps;
    this.#waiting.delete(picture.id);
    this.#deps.changed(this.#contact);
    for (const resolve of picture.waiters) resolve(true);
    if (this.#waiting.size === 0) {
      this.#ask = undefined;
      this.#lastError = undefined;
    }
    this.#pause.abort();
    try {
      await commits.commit(() => store.pictures.removeQueued(picture.id));
    } catch (error) {
      // No loss: after a restart it is sent once more, and recognised as a repeat.
      if (!(error instanceof StoreError)) throw error;
      log.error('store_failed', { failure: error.failure, detail: error.message });
    }
  }

  #now(): number {
    return this.#deps.clock.monotonic_ms();
  }
}
