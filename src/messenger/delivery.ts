/**
 * Delivers to one contact: handshake packets first, then what its outbox holds, until the contact
 * has acknowledged it. Acknowledged rows go some at a time, by a commit that nobody waits for: a
 * row that survives a crash is sent again and recognised as a repeat.
 */
import { release } from '../bytes.ts';
import { type LinkError, StoreError } from '../failures.ts';
import {
  type AckPayload,
  type Effect,
  FRAME_SIZE_MIN,
  type Payload,
  type Reunions,
  type Sessions,
} from '../protocol/index.ts';
import type { Contacts } from './contacts.ts';
import { Fresh } from './fresh.ts';
import type { LaneOwner, Outgoing } from './lane.ts';
import { BUNDLE_CONTENT_MAX, contentOf, IN_FLIGHT_MAX, onlyContentOf, pack } from './packing.ts';
import type { Clock, ContactId, Log, OutboxCount, OutboxItem, Store } from './ports.ts';
import { Waiters, type Waiting } from './waiters.ts';

/** How long acknowledged rows are gathered before they go. */
const FLUSH_AFTER_MS = 100;
/** The longest pause between attempts while the store takes nothing. */
const FLUSH_PAUSE_MAX_MS = 5_000;

/** Acknowledgements and handshake packets that may wait for an exchange; more are lost as on a wire. */
const [OWED_MAX, URGENT_MAX] = [256, 64];

export interface DeliveryDeps {
  readonly store: Store;
  readonly contacts: Contacts;
  readonly sessions: Sessions;
  readonly reunions: Reunions;
  readonly clock: Clock;
  /** Judges a reply; true if it brought something forward. */
  readonly receiveReply: (contact: ContactId, bundle: Uint8Array, outgoing: Outgoing) => boolean;
  /** Carries out effects of a machine that this delivery has asked. */
  readonly carryOut: (effects: readonly Effect[]) => void;
  readonly log: Log;
  /** People may want to look at the queue again. */
  readonly changed: (contact: ContactId) => void;
}

/** Packets of a bundle beside which another may go. The smallest replay window holds 64. */
const OVERTAKING_MAX = 24;

const NO_MESSAGES = { confirms: undefined, sequences: [], letters: [], isFull: false } as const;

export class Delivery implements LaneOwner {
  readonly #contact: ContactId;
  readonly #deps: DeliveryDeps;
  readonly #urgent: Uint8Array[] = [];
  readonly #owed: Payload[] = [];
  readonly #marked = new Set<bigint>();
  /** In an exchange that has not ended. Another one must not bring them as well. */
  readonly #flying = new Set<bigint>();
  /** What the newest exchange carries parts of, and nothing else; others may go beside it. */
  #overtaken: bigint | undefined;
  readonly #waiters = new Waiters();
  /** All below are acknowledged. */
  #next: bigint;
  /** All from here on do not exist; undefined: not known. */
  #end: bigint | undefined;
  /** All below have gone out; not known to have been lost. */
  #sentBelow: bigint;
  readonly #fresh = new Fresh();
  /** Acknowledged rows are there still. */
  #due = false;
  /** While what removes them waits. */
  #flushing: AbortController | undefined;
  #stopped = false;
  #confirming = false;
  #polling = false;
  /** Why nothing came back last time. */
  lastError: LinkError | StoreError | undefined;

  constructor(contact: ContactId, deps: DeliveryDeps) {
    this.#contact = contact;
    this.#deps = deps;
    this.#next = deps.store.outbox.lowest(contact);
    this.#sentBelow = this.#next;
  }

  // What others put here --------------------------------------------------------------------

  /** A handshake packet, for the next exchange. */
  urge(packet: Uint8Array): void {
    // Whoever repeats one packet a thousand times gets the same answer each time.
    const isNew = !this.#urgent.includes(packet);
    if (isNew && this.#urgent.length < URGENT_MAX) this.#urgent.push(packet);
  }

  /** The next exchange has to carry a transport packet, be it empty. */
  confirm(): void {
    this.#confirming = true;
  }

  /** The next exchange asks for what the contact has, or owes us. */
  poll(): void {
    this.#polling = true;
  }

  /** Whether something could be sealed for the contact now. */
  hasSession(): boolean {
    const standing = this.#deps.sessions.standing(this.#contact, this.#now());
    return standing !== 'none' && standing !== 'expired';
  }

  get owes(): boolean {
    return this.#owed.length > 0;
  }

  /** A later ACK or TIME says all that an earlier one said; what is dropped is asked for by a repeat. */
  owe(payloads: readonly Payload[]): void {
    for (const payload of payloads) {
      const earlier = this.#owed.findIndex((owed) => isReplaced(owed, payload));
      if (earlier !== -1) this.#owed.splice(earlier, 1);
      this.#owed.push(payload);
    }
    this.#owed.splice(0, Math.max(0, this.#owed.length - OWED_MAX));
  }

  /** @param content of the one at `sequence`, if it is whole: it is not read back then. */
  queued(sequence: bigint, content?: Uint8Array): void {
    this.#deps.changed(this.#contact);
    if (content !== undefined) this.#fresh.add({ sequence, part: undefined, content });
    if (this.#end === undefined || sequence >= this.#end) this.#end = sequence + 1n;
  }

  /** Resolves once the contact has acknowledged all from `first` to `last`; may never happen. */
  acknowledgement(first: bigint, last: bigint): Waiting {
    const waiting = this.#waiters.add(first, last);
    this.#settle();
    return waiting;
  }

  /** Returns whether it acknowledged anything new. */
  acknowledged(ack: AckPayload): boolean {
    if (ack.epoch !== this.#deps.store.outbox.epoch(this.#contact)) return false;
    const marked = sequencesOf(ack).filter((sequence) => !this.#isAcknowledged(sequence));
    if (ack.next <= this.#next && marked.length === 0) return false;
    if (this.#end !== undefined && ack.next > this.#end) return false;
    if (ack.next > this.#next) this.#next = ack.next;
    for (const sequence of marked) this.#marked.add(sequence);
    for (const sequence of this.#marked) if (sequence < this.#next) this.#marked.delete(sequence);
    this.#settle();
    this.#due = true;
    if (this.#flushing === undefined && !this.#stopped) void this.#flushLater();
    return true;
  }

  /** Touches the store no more, but for `settle`. */
  stop(): void {
    this.#stopped = true;
    this.#flushing?.abort();
  }

  /** After `stop`, when the last exchange has ended: who still waits, waits in vain. */
  dismiss(): void {
    this.#waiters.dismiss();
  }

  /** Removes what is acknowledged, once nothing is under way any more. */
  settle(): void {
    this.#flushNow();
  }

  // What the lane asks ----------------------------------------------------------------------

  address(): string | undefined {
    return this.#deps.contacts.get(this.#contact)?.address;
  }

  next(): Outgoing | undefined {
    if (this.#urgent.length > 0) {
      return { ...NO_MESSAGES, packets: this.#urgent.splice(0), expectsProgress: false };
    }
    if (!this.#hasWork()) return undefined;
    const standing = this.#deps.sessions.standing(this.#contact, this.#now());
    if (standing === 'none' || standing === 'expired') return this.#meetAgain();
    const outgoing = this.#take(this.#pending(BUNDLE_CONTENT_MAX));
    if (outgoing === undefined || standing === 'current') return outgoing;
    return { ...outgoing, packets: [...this.#startReunion(), ...outgoing.packets] };
  }

  beside(): Outgoing | undefined {
    const standing = this.#deps.sessions.standing(this.#contact, this.#now());
    if (this.#urgent.length > 0 || standing !== 'current') return undefined;
    const items = this.#pending(BUNDLE_CONTENT_MAX);
    const other = items.findIndex((item) => contentOf(item) !== this.#overtaken);
    const same = other < 0 ? items : items.slice(0, other);
    return same.length > 0 ? this.#take(same) : undefined;
  }

  /** What is still to be acknowledged. */
  count(): OutboxCount {
    this.#flushNow();
    return this.#deps.store.outbox.count(this.#contact);
  }

  /** Whether it has left for the contact, as far as this run knows. */
  hasSent(sequence: bigint): boolean {
    return sequence < this.#sentBelow;
  }

  /** For the reply to a contact's exchange: what is owed, and `withQueue` what is queued. */
  riding(bytes: number, withQueue: boolean): readonly Uint8Array[] {
    const standing = this.#deps.sessions.standing(this.#contact, this.#now());
    if (standing === 'none' || standing === 'expired') return [];
    return this.#packets(withQueue ? this.#pending(bytes) : []);
  }

  reply(bundle: Uint8Array, outgoing: Outgoing): boolean {
    if (this.lastError !== undefined) this.#deps.changed(this.#contact);
    this.lastError = undefined;
    this.#land(outgoing);
    const { confirms } = outgoing;
    if (confirms !== undefined) this.#deps.sessions.delivered(this.#contact, confirms);
    const progress = this.#deps.receiveReply(this.#contact, bundle, outgoing);
    // Two bundles that were stored at once are both acknowledged by the first reply that comes.
    const { sequences } = outgoing;
    const isDone = sequences.every((sequence) => this.#isAcknowledged(sequence));
    return progress || (sequences.length > 0 && isDone);
  }

  failed(error: LinkError | StoreError, outgoing?: Outgoing): void {
    this.lastError = error;
    if (error instanceof StoreError) {
      this.#deps.log.error('store_failed', { failure: error.failure, detail: error.message });
    }
    if (outgoing !== undefined) {
      this.#land(outgoing);
      this.#sentBelow = this.#next;
      // An ACK comes again with the next packet; of a letter nobody asks again for a long time.
      this.owe(outgoing.letters);
    }
    this.#deps.changed(this.#contact);
  }

  // Within ----------------------------------------------------------------------------------

  #hasWork(): boolean {
    const queued = this.#end === undefined || this.#next < this.#end;
    return queued || this.#confirming || this.#polling || this.#owed.length > 0;
  }

  /** Sealed packets with what is owed and with `items`; an empty one if just that is wanted. */
  #packets(items: readonly OutboxItem[]): readonly Uint8Array[] {
    const { store, contacts, sessions } = this.#deps;
    const numbering = { epoch: store.outbox.epoch(this.#contact), lowest: this.#next };
    const maxFrame = contacts.get(this.#contact)?.maxFrame ?? FRAME_SIZE_MIN;
    const last = items.at(-1);
    if (last !== undefined && last.sequence >= this.#sentBelow) {
      this.#sentBelow = last.sequence + 1n;
      this.#deps.changed(this.#contact);
    }
    const packed = pack(this.#owed.splice(0), numbering, items, maxFrame);
    const plain = packed.length === 0 && (this.#confirming || this.#polling) ? [[]] : packed;
    this.#confirming = false;
    this.#polling = false;
    const packets = plain.map((payloads) => sessions.seal(this.#contact, payloads, this.#now()));
    for (const { content } of items) release(content);
    return packets;
  }

  /** One bundle of `items` and what is owed; undefined: there is nothing of either. */
  #take(items: readonly OutboxItem[]): Outgoing | undefined {
    this.#overtaken = onlyContentOf(items);
    const size = items.reduce((sum, { content }) => sum + content.length, 0);
    const letters = this.#owed.filter(({ kind }) => kind === 'letter_ack');
    const packets = this.#packets(items);
    if (packets.length === 0) return undefined;
    const sequences = items.map(({ sequence }) => sequence);
    for (const sequence of sequences) this.#flying.add(sequence);
    // Bundles may overtake each other, by no more packets than any replay window forgives; and only
    // within one content, so that messages arrive in the order in which they were queued.
    const isLarge = size >= BUNDLE_CONTENT_MAX / 2 && packets.length <= OVERTAKING_MAX;
    const isFull = isLarge && this.#overtaken !== undefined;
    // Nobody has to answer a poll or an acknowledgement.
    const confirms = this.#deps.sessions.currentIndex(this.#contact);
    const expectsProgress = items.length > 0;
    return { packets, sequences, letters, isFull, expectsProgress, confirms };
  }

  /** The exchange has ended: what it did not get acknowledged may go again. */
  #land({ sequences }: Outgoing): void {
    for (const sequence of sequences) this.#flying.delete(sequence);
  }

  /** The first that is neither acknowledged nor under way. */
  #free(): bigint {
    let free = this.#next;
    while (this.#flying.has(free) || this.#marked.has(free)) free += 1n;
    return free;
  }

  #pending(bytes: number): readonly OutboxItem[] {
    const from = this.#free();
    const room = Number(this.#next - from) + IN_FLIGHT_MAX;
    if (room <= 0 || (this.#end !== undefined && from >= this.#end)) return [];
    const items =
      this.#fresh.take(from) ?? this.#deps.store.outbox.pending(this.#contact, from, room, bytes);
    if (items.length === 0) this.#end = from;
    const end = this.#next + BigInt(IN_FLIGHT_MAX);
    return items.filter(
      ({ sequence }) =>
        sequence < end && !this.#marked.has(sequence) && !this.#flying.has(sequence),
    );
  }

  #meetAgain(): Outgoing | undefined {
    const contact = this.#deps.contacts.get(this.#contact);
    if (contact?.publicKey === undefined) return undefined;
    const packets = this.#startReunion();
    return packets.length === 0 ? undefined : { ...NO_MESSAGES, packets, expectsProgress: true };
  }

  #startReunion(): readonly Uint8Array[] {
    this.#deps.carryOut(this.#deps.reunions.start(this.#contact, this.#now()));
    return this.#urgent.splice(0);
  }

  #isAcknowledged(sequence: bigint): boolean {
    return sequence < this.#next || this.#marked.has(sequence);
  }

  #settle(): void {
    this.#waiters.settle((sequence) => this.#isAcknowledged(sequence));
  }

  async #flushLater(): Promise<void> {
    const { clock } = this.#deps;
    this.#flushing = new AbortController();
    const { signal } = this.#flushing;
    for (let pause = FLUSH_AFTER_MS; this.#due; ) {
      await clock.sleep(pause, signal);
      if (signal.aborted) break;
      try {
        this.#remove();
        this.#deps.changed(this.#contact);
        pause = FLUSH_AFTER_MS;
      } catch (error) {
        this.#notFlushed(error);
        pause = Math.min(2 * pause, FLUSH_PAUSE_MAX_MS);
      }
    }
    this.#flushing = undefined;
  }

  /** A full disk must not keep anybody from looking, nor from being sent what is there. */
  #flushNow(): void {
    try {
      this.#remove();
    } catch (error) {
      this.#notFlushed(error);
    }
  }

  /** Nobody waits for the disk here: what a power failure brings back is sent again, no more. */
  #remove(): void {
    if (!this.#due) return;
    const { store } = this.#deps;
    store.transactionInOrder(() =>
      store.outbox.remove(this.#contact, this.#next, [...this.#marked]),
    );
    this.#due = false;
  }

  /** No loss: a row that stays is sent again and recognised. */
  #notFlushed(error: unknown): void {
    if (error instanceof StoreError) this.lastError = error;
    else if (!this.#stopped) throw error;
  }

  #now(): number {
    return this.#deps.clock.monotonic_ms();
  }
}

function isReplaced(owed: Payload, by: Payload): boolean {
  if (owed.kind === 'time') return by.kind === 'time';
  if (owed.kind === 'letter_ack' && by.kind === 'letter_ack') {
    return owed.epoch === by.epoch && owed.sequence === by.sequence;
  }
  return owed.kind === 'ack' && by.kind === 'ack' && owed.epoch === by.epoch;
}

/** The sequences that an ACK's bitmap marks, PROTOCOL §8.3. */
function sequencesOf({ next, bitmap }: AckPayload): readonly bigint[] {
  const sequences: bigint[] = [];
  for (const [place, byte] of bitmap.entries()) {
    for (let bit = 0; bit < 8; bit += 1) {
      if (((byte >> bit) & 1) === 1) sequences.push(next + BigInt(1 + 8 * place + bit));
    }
  }
  return sequences;
}
