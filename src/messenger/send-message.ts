/** `send_msg`: a message is durable in the outbox before its sender hears of success. */
import { concat, release } from '../bytes.ts';
import type { NextStep } from '../next-step.ts';
import { CAPABILITY, encodeFileHead, encodeText, LETTER_FILE_SIZE_MAX } from '../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import {
  type LetterResult,
  type SendMessageRequest,
  type SendMessageResult,
  UseCaseError,
} from './api.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import type { GroupCommit } from './group-commit.ts';
import type { PinnedContact } from './image-keys.ts';
import type { Letters } from './letters.ts';
import { messageIdText } from './message-id.ts';
import { cutting } from './packing.ts';
import type { Clock, Store } from './ports.ts';
import { slices } from './slices.ts';

export interface SendMessageDeps {
  readonly store: Store;
  readonly contacts: Contacts;
  readonly announcer: Announcer;
  readonly deliveries: Deliveries;
  readonly letters: Letters;
  readonly commits: GroupCommit;
  readonly clock: Clock;
  /** `verified`: nothing is sent to a contact that nobody compared. */
  readonly trust: 'tofu' | 'verified';
  /** In bytes. */
  readonly contentSizeMax: number;
}

/** @throws {UseCaseError} @throws {StoreError} */
export async function sendMessage(
  deps: SendMessageDeps,
  request: SendMessageRequest,
): Promise<SendMessageResult> {
  const { deliveries, store } = deps;
  const contact = addressee(deps, request.to);
  const sequence = await queue(deps, contact, request.content);
  // Before the wait, in which the contact may be removed.
  const id = messageIdText({ epoch: store.outbox.epoch(contact.id), sequence: sequence.first });
  const waiting = deliveries.of(contact.id).acknowledgement(sequence.first, sequence.last);
  deliveries.wake(contact.id);
  const delivered = await within(deps.clock, request.wait_ms ?? 0, waiting.promise);
  waiting.cancel();
  return { to: contact.name, id, trust: contact.verified ? 'verified' : 'tofu', delivered };
}

/** @throws {UseCaseError} `too_large` and what `sendMessage` throws. */
export async function writeLetter(
  deps: SendMessageDeps,
  request: Omit<SendMessageRequest, 'wait_ms'>,
): Promise<LetterResult> {
  const contact = addressee(deps, request.to);
  const content = await contentBytes(request.content, LETTER_FILE_SIZE_MAX);
  const { id, count, bundle } = deps.letters.write(contact, content, 'letters');
  const noted = { contact: contact.id, id, count, carrier: 'file', at: deps.clock.now() } as const;
  deps.store.sent.add({ ...noted, size: content.length, start: content });
  return { to: contact.name, id: messageIdText(id), letter: bundle };
}

/** As PROTOCOL §8.1 encodes it, whole. @throws {UseCaseError} `too_large` */
export async function contentBytes(
  content: SendMessageRequest['content'],
  sizeMax: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(content)) {
    parts.push(Uint8Array.from(chunk));
    size += chunk.length;
    if (size > sizeMax) throw tooLarge(sizeMax);
  }
  return concat(...parts);
}

/** Who it is for, if anything may be sent there. @throws {UseCaseError} */
export function addressee(
  { contacts, announcer, trust }: SendMessageDeps,
  to: string | undefined,
): PinnedContact {
  const contact = contacts.named(to);
  const { name, publicKey, verified } = contact;
  if (publicKey === undefined) {
    const next = { do: 'meet', to: name } as const;
    throw new UseCaseError('not_paired', `not paired with ${name} yet`, { next });
  }
  if (trust === 'verified' && !verified) {
    // No code outlives a restart.
    const hasCode = announcer.comparable(contact.id) !== undefined;
    const next: NextStep = hasCode
      ? { do: 'compare_first' }
      : { do: 'meet', to: name, again: true };
    throw new UseCaseError('not_verified', `nobody has compared keys with ${name}`, { next });
  }
  return { ...contact, publicKey };
}

interface Queued {
  readonly first: bigint;
  readonly last: bigint;
}

async function queue(
  deps: SendMessageDeps,
  contact: PinnedContact,
  content: SendMessageRequest['content'],
): Promise<Queued> {
  const { whole, slice } = cutting(contact.maxFrame);
  if (content.type === 'text') {
    const encoded = encodeText(content.text);
    if (encoded.length <= whole) return queueWhole(deps, contact, encoded);
  }
  return queueSlices(deps, contact, slices(chunksOf(content), slice), whole);
}

async function queueWhole(deps: SendMessageDeps, { id }: PinnedContact, content: Uint8Array) {
  const { store, commits, deliveries, clock } = deps;
  const sequence = await commits.commit(() => store.outbox.append(id, content, clock.now()));
  deliveries.of(id).queued(sequence, content);
  return { first: sequence, last: sequence };
}

async function queueSlices(
  deps: SendMessageDeps,
  contact: PinnedContact,
  cut: AsyncIterable<Uint8Array>,
  whole: number,
): Promise<Queued> {
  const { store, clock, contentSizeMax, deliveries } = deps;
  const staged = store.outbox.stage(contact.id, clock.now());
  let [count, size] = [0, 0];
  let only: Uint8Array | undefined;
  try {
    for await (const slice of cut) {
      count += 1;
      size += slice.length;
      if (size > contentSizeMax) throw tooLarge(contentSizeMax);
      if (count === 2) assertTakesParts(contact);
      only = count === 1 ? slice : undefined;
      staged.append(slice);
    }
    if (only !== undefined && only.length <= whole) {
      staged.discard();
      return await queueWhole(deps, contact, only);
    }
    const first = staged.queue();
    const last = first + BigInt(count - 1);
    deliveries.of(contact.id).queued(last);
    return { first, last };
  } catch (error) {
    staged.discard();
    throw error;
  }
}

function assertTakesParts({ name, capabilities }: PinnedContact): void {
  if ((capabilities & CAPABILITY.parts) !== 0) return;
  throw new UseCaseError('unsupported', `${name} takes only short messages: send less at once`);
}

function tooLarge(contentSizeMax: number): UseCaseError {
  const limit = Math.floor(contentSizeMax / 1024 / 1024);
  return new UseCaseError('too_large', `a message holds at most ${limit} MiB: cut it, or raise it`);
}

async function* chunksOf(content: SendMessageRequest['content']): AsyncIterable<Uint8Array> {
  if (content.type === 'text') {
    yield encodeText(content.text);
    return;
  }
  yield encodeFileHead(content);
  for await (const chunk of content.bytes) {
    yield chunk;
    // Whoever asks for the next one has copied this one.
    release(chunk);
  }
}

/** Whether `promise` resolved with true within `ms`. */
export async function within(
  clock: Clock,
  ms: number,
  promise: Promise<boolean>,
): Promise<boolean> {
  if (ms <= 0) return false;
  const { promise: tooLate, resolve } = Promise.withResolvers<false>();
  const cancel = clock.after(ms, () => resolve(false));
  const result = await Promise.race([promise, tooLate]);
  cancel();
  return result;
}
