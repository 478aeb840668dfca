/**
 * Takes in what authenticated packets brought: one transaction for all of a bundle, and only then
 * something to acknowledge (PROTOCOL §8.2: commit, then acknowledge).
 */
import { StoreError } from '../failures.ts';
import {
  CONTENT_TYPE,
  decodeFileHead,
  decodeNotice,
  decodeText,
  encodeNotice,
  FILE_HEAD_SIZE_MAX,
  type NoticeReason,
  type Payload,
  RemoteProtocolError,
  SequenceWindow,
} from '../protocol/index.ts';
import { systemCode } from '../reasons.ts';
import type { Carrier, Clock, ContactId, Envelope, MessageId, Received, Store } from './ports.ts';
import { readingsOf } from './take-readings.ts';
import type { WindowKind, Windows } from './windows.ts';

/** What one fresh, authenticated packet of a contact held. */
export interface Arrival {
  readonly contact: ContactId;
  readonly carrier: Carrier;
  readonly verified: boolean;
  readonly payloads: readonly Payload[];
}

/** An epoch that something arrived of: what is to be acknowledged. */
export interface Taken {
  readonly contact: ContactId;
  readonly kind: WindowKind;
  readonly epoch: bigint;
  /** Sequences of letters, which are acknowledged one by one. */
  readonly sequences: readonly bigint[];
  /** How many payloads had not been seen before. */
  readonly fresh: number;
  /** How many messages became visible. */
  readonly messages: number;
  /** How many packs of readings there were. */
  readonly readings: number;
  /** The last sequence of the notices that this has queued for the contact, if it has. */
  readonly notice: bigint | undefined;
}

export interface IntakeLimits {
  /** The largest content that is kept, in bytes. */
  readonly contentSizeMax: number;
  /** Unfinished contents of one contact together, in bytes. */
  readonly partBytesMax: number;
}

type Slice = Extract<Payload, { readonly kind: 'part' }>;

export class Intake {
  readonly #store: Store;
  readonly #windows: Windows;
  readonly #clock: Clock;
  readonly #limits: IntakeLimits;
  /** Of the arrival that is being taken. */
  #notice: bigint | undefined;

  constructor(store: Store, windows: Windows, clock: Clock, limits: IntakeLimits) {
    this.#store = store;
    this.#windows = windows;
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * Everything durable, or nothing. @throws {StoreError} and then the sender will send again.
   * @param also belongs to the same transaction.
   */
  take(
    arrivals: readonly Arrival[],
    also: (taken: readonly Taken[]) => void = () => {},
  ): readonly Taken[] {
    return this.together(() => {
      const taken = arrivals.flatMap((arrival) => this.#takeOne(arrival));
      this.#windows.save();
      also(taken);
      return taken;
    });
  }

  /** Whatever `work` takes, in one transaction: if it fails, nothing of it was taken. */
  together<T>(work: () => T): T {
    try {
      return this.#store.transaction(work);
    } catch (error) {
      this.#windows.forget();
      throw error;
    }
  }

  /** A person has seen these: from now on they may be removed. @throws {StoreError} */
  open(envelopes: readonly Envelope[]): void {
    this.together(() => {
      this.#windows.saveToldBy(envelopes);
      const rows = envelopes.map(({ row }) => row);
      this.#store.inbox.open(rows, this.#clock.now());
    });
  }

  /** What says that it was taken, PROTOCOL §8.3 and §9. Only after `take` has returned. */
  acknowledgements({ contact, kind, epoch, sequences }: Taken): readonly Payload[] {
    if (kind === 'letter') {
      return sequences.map((sequence) => ({ kind: 'letter_ack', epoch, sequence }));
    }
    const window = this.#windows.look(contact, kind, epoch);
    if (!(window instanceof SequenceWindow)) return [];
    return [{ kind: 'ack', epoch, next: window.next, bitmap: window.bitmap() }];
  }

  #takeOne({ contact, carrier, verified, payloads }: Arrival): readonly Taken[] {
    const outbox = payloads.find((payload) => payload.kind === 'outbox');
    if (outbox === undefined) return [];
    const kind = carrier === 'session' ? 'outbox' : 'letter';
    const { epoch, lowest } = outbox;
    const window = this.#windows.open(contact, kind, epoch);
    const isRaised = window instanceof SequenceWindow && window.raise(lowest);
    const sequences: bigint[] = [];
    let [fresh, messages, readings, told] = [0, 0, 0, 0];
    this.#notice = undefined;
    for (const payload of payloads) {
      if (payload.kind !== 'message' && payload.kind !== 'part') continue;
      const verdict = window.add(payload.sequence);
      if (verdict === 'too_far') continue;
      sequences.push(payload.sequence);
      if (verdict === 'repeat') continue;
      fresh += 1;
      const id = { epoch, sequence: payload.sequence };
      const received = { contact, id, carrier, verified, at: this.#clock.now() };
      const visible =
        payload.kind === 'message'
          ? this.#keepWhole(received, payload.content, payloads)
          : this.#keepSlice(received, payload);
      if (visible) messages += 1;
      if (visible && payload.kind === 'message') told += 1;
      if (payload.kind === 'message' && payload.content[0] === CONTENT_TYPE.readings) readings += 1;
    }
    const isTold = kind === 'outbox' && told === fresh && !isRaised;
    this.#windows.changed(contact, kind, epoch, isTold ? told : undefined);
    const notice = this.#notice;
    return [{ contact, kind, epoch, sequences, fresh, messages, readings, notice }];
  }

  /** Returns whether there is a message more to look at. */
  #keepWhole(received: Received, content: Uint8Array, payloads: readonly Payload[]): boolean {
    if (content[0] === CONTENT_TYPE.readings)
      return this.#keepReadings(received, content, payloads);
    const reason = this.#judge(content, content.length);
    if (reason !== undefined) return this.#refuse(received, received.id, reason, content[0]);
    this.#store.inbox.add(received, content);
    return true;
  }

  /** Readings are kept as rows for `/sensor`; nobody opens them as messages. */
  #keepReadings(received: Received, content: Uint8Array, payloads: readonly Payload[]): false {
    try {
      this.#store.readings.add(readingsOf(content, received, payloads));
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      return this.#refuse(received, received.id, 'not_understood', content[0]);
    }
    return false;
  }

  /** The first slice decides for all: it holds the content's type and head. But a text is read whole. */
  #keepSlice(received: Received, { index, count, slice }: Slice): boolean {
    const { inbox } = this.#store;
    // At least: all but the last are alike, and that one is no larger.
    const isLast = index === count - 1;
    const size = isLast ? slice.length * count : slice.length * (count - 1) + 1;
    const first = received.id.sequence - BigInt(index);
    const head = index === 0 ? this.#judge(slice, size) : undefined;
    const reason = head ?? (size > this.#limits.contentSizeMax ? 'too_large' : undefined);
    if (reason !== undefined) {
      inbox.dropParts(received.contact, { epoch: received.id.epoch, sequence: first });
      if (index > 0) return false;
      return this.#refuse(
        received,
        { epoch: received.id.epoch, sequence: first },
        reason,
        slice[0],
      );
    }
    // Parts that were acknowledged must not be lost, so it is the new one that has to wait.
    if (inbox.partBytes(received.contact) + slice.length > this.#limits.partBytesMax) {
      throw new StoreError('full', 'too many unfinished messages of one contact: it has to wait');
    }
    let understood = true;
    const isUnderstood = (whole: Iterable<Uint8Array>) => {
      understood = isWellEncoded(whole);
      return understood;
    };
    try {
      if (inbox.addPart(received, { index, count }, slice, isUnderstood)) return true;
      const id = { epoch: received.id.epoch, sequence: first };
      return understood ? false : this.#refuse(received, id, 'not_understood', CONTENT_TYPE.text);
    } catch (error) {
      // PROTOCOL §8.4: a count that contradicts an earlier one. The slice is taken off the line.
      if (error instanceof StoreError && error.failure === 'conflict') return false;
      throw error;
    }
  }

  /** Tells the sender by a message of our own; a notice itself is never answered. */
  #refuse(
    { contact, carrier }: Received,
    { epoch, sequence }: MessageId,
    reason: NoticeReason,
    contentType: number | undefined,
  ): false {
    if (contentType !== CONTENT_TYPE.notice && carrier === 'session') {
      const notice = encodeNotice({ epoch, sequence, reason });
      this.#notice = this.#store.outbox.append(contact, notice, this.#clock.now());
    }
    return false;
  }

  /** Why a content cannot be kept. `start` is all of it, or its first slice. */
  #judge(start: Uint8Array, size: number): NoticeReason | undefined {
    if (size > this.#limits.contentSizeMax) return 'too_large';
    return wellFormed(start, start.length === size) ? undefined : 'not_understood';
  }
}

/** Of a content in slices, which can be larger than memory: whether a text is UTF-8 to its end. */
function isWellEncoded(slices: Iterable<Uint8Array>): boolean {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [isText, isFirst] = [false, true];
  try {
    for (const slice of slices) {
      if (isFirst) isText = slice[0] === CONTENT_TYPE.text;
      if (!isText) return true;
      // With its type, 0x01, which is UTF-8 as well.
      decoder.decode(slice, { stream: true });
      isFirst = false;
    }
    decoder.decode();
    return true;
  } catch (error) {
    if (systemCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return false;
    throw error;
  }
}

/** What is shown later must not fail then, so it is decoded once now. */
function wellFormed(start: Uint8Array, whole: boolean): boolean {
  try {
    switch (start[0]) {
      case CONTENT_TYPE.text:
        if (whole) decodeText(start);
        return true;
      case CONTENT_TYPE.file:
        decodeFileHead(start.subarray(0, FILE_HEAD_SIZE_MAX));
        return true;
      case CONTENT_TYPE.notice:
        decodeNotice(start);
        return true;
      default:
        return false;
    }
  } catch (error) {
    if (error instanceof RemoteProtocolError) return false;
    throw error;
  }
}
