/** Puts what is queued for a contact into as few packets as it takes, PROTOCOL §8. Pure. */
import {
  BUNDLE_SIZE_MAX,
  contentSizeMax,
  OUTBOX_SIZE,
  type Payload,
  payloadRoom,
  payloadSize,
  sliceSizeMax,
} from '../protocol/index.ts';
import type { OutboxItem } from './ports.ts';

/** Items that may be unacknowledged at once, PROTOCOL §8.2. */
export const IN_FLIGHT_MAX = 1_024;

/** Room for content in one bundle, with what headers, padding and tags add left out. */
export const BUNDLE_CONTENT_MAX = BUNDLE_SIZE_MAX - 64 * 1024;

/** How a content has to be cut for a contact that takes packets of `maxFrame` bytes. */
export function cutting(maxFrame: number): { readonly whole: number; readonly slice: number } {
  return { whole: contentSizeMax(maxFrame), slice: sliceSizeMax(maxFrame) };
}

/** OUTBOX's body: whose numbering the sequences are. */
export interface Numbering {
  readonly epoch: bigint;
  readonly lowest: bigint;
}

/**
 * The payloads of each packet, in order. `first` (acknowledgements) goes into the first packet;
 * without anything at all the result is empty.
 */
export function pack(
  first: readonly Payload[],
  numbering: Numbering,
  items: readonly OutboxItem[],
  maxFrame: number,
): readonly (readonly Payload[])[] {
  const room = payloadRoom(maxFrame);
  const packets: Payload[][] = [];
  let current: Payload[] = [...first];
  let used = first.reduce((sum, payload) => sum + payloadSize(payload), 0);
  let numbered = false;
  for (const item of items) {
    const payload = payloadOf(item);
    const size = payloadSize(payload) + (numbered ? 0 : OUTBOX_SIZE);
    if (used + size > room && current.length > 0) {
      packets.push(current);
      current = [];
      used = 0;
      numbered = false;
    }
    if (!numbered) {
      current.push({ kind: 'outbox', ...numbering });
      used += OUTBOX_SIZE;
      numbered = true;
    }
    current.push(payload);
    used += payloadSize(payload);
  }
  if (current.length > 0) packets.push(current);
  return packets;
}

export function payloadOf({ sequence, part, content }: OutboxItem): Payload {
  return part === undefined
    ? { kind: 'message', sequence, content }
    : { kind: 'part', sequence, ...part, slice: content };
}

/** Of a part: the sequence of the first one of its content. */
export function contentOf({ sequence, part }: OutboxItem): bigint | undefined {
  return part === undefined ? undefined : sequence - BigInt(part.index);
}

/** If all are parts of one content, which. */
export function onlyContentOf(items: readonly OutboxItem[]): bigint | undefined {
  const [first] = items;
  const content = first === undefined ? undefined : contentOf(first);
  return items.every((item) => contentOf(item) === content) ? content : undefined;
}
