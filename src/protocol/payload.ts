/** Payloads, PROTOCOL §8: what a transport packet or a letter protects; several share one. */
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { Reader, type Writer } from './fields.ts';

/** The sender's epoch, and the lowest sequence that is not yet acknowledged. */
export interface OutboxPayload {
  readonly kind: 'outbox';
  readonly epoch: bigint;
  readonly lowest: bigint;
}

export interface MessagePayload {
  readonly kind: 'message';
  readonly sequence: bigint;
  /** §8.1. Judged apart: what is wrong in it does not make the packet malformed. */
  readonly content: Uint8Array;
}

/** One slice of a content that does not fit into a packet, §8.4. */
export interface PartPayload {
  readonly kind: 'part';
  readonly sequence: bigint;
  readonly index: number;
  readonly count: number;
  readonly slice: Uint8Array;
}

/** Everything below `next`, and what the bitmap marks, is received, §8.3. */
export interface AckPayload {
  readonly kind: 'ack';
  readonly epoch: bigint;
  readonly next: bigint;
  /** Bit i, least significant first, of byte j is sequence `next + 1 + 8j + i`. */
  readonly bitmap: Uint8Array;
}

export interface TimePayload {
  readonly kind: 'time';
  readonly event: 'now' | 'synchronised';
  /** 0: not known. */
  readonly unixTime_ms: bigint;
  readonly uptime_ms: bigint;
}

export interface LetterAckPayload {
  readonly kind: 'letter_ack';
  readonly epoch: bigint;
  readonly sequence: bigint;
}

export type Payload =
  | OutboxPayload
  | MessagePayload
  | PartPayload
  | AckPayload
  | TimePayload
  | LetterAckPayload;

export const BITMAP_SIZE_MAX = 128;
/** Every slice but a content's last has at least this size. */
export const SLICE_SIZE_MIN = 256;

const KINDS = { outbox: 1, message: 2, part: 3, ack: 4, time: 5, letter_ack: 6 } as const;
const NAMES = new Map<number, Payload['kind']>(
  Object.entries(KINDS).map(([name, code]) => [code, name as Payload['kind']]),
);
const EVENTS = ['now', 'synchronised'] as const;

const HEAD_SIZE = 3;
const BODY_SIZE_MAX = 65_535;

/** Bytes that a payload takes up in a plaintext. */
export function payloadSize(payload: Payload): number {
  return HEAD_SIZE + bodySize(payload);
}

/** What OUTBOX takes up, and what MESSAGE and PART do beside their content. */
export const OUTBOX_SIZE = HEAD_SIZE + 16;
export const MESSAGE_OVERHEAD = HEAD_SIZE + 8;
export const PART_OVERHEAD = HEAD_SIZE + 16;

/** @throws {LocalProtocolError} if what comes out would be malformed. */
export function writePayloads(writer: Writer, payloads: readonly Payload[]): void {
  assertOrder(payloads, () => new LocalProtocolError('OUTBOX must stand first, once'));
  for (const payload of payloads) {
    const size = bodySize(payload);
    if (!isValid(payload) || size > BODY_SIZE_MAX) {
      throw new LocalProtocolError(`${payload.kind} payload is out of bounds`);
    }
    writer.u8(KINDS[payload.kind]).u16(size);
    writeBody(writer, payload);
  }
}

/** Views into `plaintext`. @throws {RemoteProtocolError} `malformed`: then none of it counts. */
export function decodePayloads(plaintext: Uint8Array): readonly Payload[] {
  const reader = new Reader(plaintext);
  const payloads: Payload[] = [];
  while (reader.left > 0) {
    const kind = NAMES.get(reader.u8());
    if (kind === undefined) throw new RemoteProtocolError('malformed');
    const size = reader.u16();
    const after = reader.left - size;
    const payload = readBody(kind, reader, size);
    if (reader.left !== after || !isValid(payload)) throw new RemoteProtocolError('malformed');
    payloads.push(payload);
  }
  assertOrder(payloads, () => new RemoteProtocolError('malformed'));
  return payloads;
}

function bodySize(payload: Payload): number {
  switch (payload.kind) {
    case 'message':
      return 8 + payload.content.length;
    case 'part':
      return 16 + payload.slice.length;
    case 'ack':
      return 17 + payload.bitmap.length;
    case 'time':
      return 17;
    default:
      return 16;
  }
}

function writeBody(writer: Writer, payload: Payload): void {
  switch (payload.kind) {
    case 'outbox':
      writer.u64(payload.epoch).u64(payload.lowest);
      return;
    case 'message':
      writer.u64(payload.sequence).bytes(payload.content);
      return;
    case 'part':
      writer.u64(payload.sequence).u32(payload.index).u32(payload.count).bytes(payload.slice);
      return;
    case 'ack':
      writer.u64(payload.epoch).u64(payload.next);
      writer.u8(payload.bitmap.length).bytes(payload.bitmap);
      return;
    case 'time':
      writer.u8(EVENTS.indexOf(payload.event)).u64(payload.unixTime_ms).u64(payload.uptime_ms);
      return;
    case 'letter_ack':
      writer.u64(payload.epoch).u64(payload.sequence);
  }
}

/** Reads on, at worst into the next payload: the caller sees by what is left that it was so. */
function readBody(kind: Payload['kind'], reader: Reader, size: number): Payload {
  switch (kind) {
    case 'outbox':
      return { kind, epoch: reader.u64(), lowest: reader.u64() };
    case 'message':
      return { kind, sequence: reader.u64(), content: reader.bytes(size - 8) };
    case 'part': {
      const [sequence, index, count] = [reader.u64(), reader.u32(), reader.u32()];
      return { kind, sequence, index, count, slice: reader.bytes(size - 16) };
    }
    case 'ack': {
      const [epoch, next] = [reader.u64(), reader.u64()];
      return { kind, epoch, next, bitmap: reader.bytes(reader.u8()) };
    }
    case 'time': {
      const event = EVENTS[reader.u8()];
      if (event === undefined) throw new RemoteProtocolError('malformed');
      return { kind, event, unixTime_ms: reader.u64(), uptime_ms: reader.u64() };
    }
    case 'letter_ack':
      return { kind, epoch: reader.u64(), sequence: reader.u64() };
  }
}

function isValid(payload: Payload): boolean {
  switch (payload.kind) {
    case 'part': {
      const { sequence, index, count, slice } = payload;
      const isLast = index === count - 1;
      const hasSize = slice.length >= (isLast ? 1 : SLICE_SIZE_MIN);
      return index < count && BigInt(index) <= sequence && hasSize;
    }
    case 'ack':
      return payload.bitmap.length <= BITMAP_SIZE_MAX && payload.bitmap.at(-1) !== 0;
    default:
      return true;
  }
}

/** OUTBOX must stand before the first MESSAGE or PART, once. */
function assertOrder(payloads: readonly Payload[], error: () => Error): void {
  let told = false;
  for (const { kind } of payloads) {
    if (kind === 'outbox' ? told : !told && (kind === 'message' || kind === 'part')) throw error();
    if (kind === 'outbox') told = true;
  }
}
