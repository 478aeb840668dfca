/** Packets and their headers, PROTOCOL §4. What is inside is sealed by others. */
import type { Bytes } from '../bytes.ts';
import { HASH_SIZE, KEY_SIZE, type PublicKey, TAG_SIZE } from '../crypto/index.ts';
import { RemoteProtocolError } from './errors.ts';
import { Reader, Writer } from './fields.ts';
import { assertCanonical } from './public-key.ts';

export const PACKET_SIZE_MAX = 65_535;
export const TRANSPORT_HEADER_SIZE = 16;
export const GATE_SIZE = 16;
export const ECHO_SIZE = 8;
/** r_A and r_B. */
export const RANDOM_SIZE = 16;
/** Plaintext is padded to a multiple of this. */
export const BLOCK_SIZE = 16;

const TYPES = {
  XX1: 1,
  XX2: 2,
  XX3: 3,
  PSK1: 4,
  PSK2: 5,
  PSK3: 6,
  KK1: 7,
  KK2: 8,
  LETTER: 9,
  TRANSPORT: 10,
  STATUS: 11,
} as const;

export type PacketType = keyof typeof TYPES;

/** s, r_A, and their tags. */
const CLOSING_SIZE = KEY_SIZE + TAG_SIZE + RANDOM_SIZE + TAG_SIZE;

/** Of what follows the header: the least, the most, and in which steps. */
const SIZES = {
  XX1: introductionAnd(KEY_SIZE + HASH_SIZE),
  XX2: introductionAnd(KEY_SIZE + KEY_SIZE + TAG_SIZE + RANDOM_SIZE + TAG_SIZE),
  XX3: [CLOSING_SIZE, CLOSING_SIZE, 1],
  PSK1: introductionAnd(KEY_SIZE + HASH_SIZE + TAG_SIZE),
  PSK2: introductionAnd(KEY_SIZE + KEY_SIZE + TAG_SIZE + RANDOM_SIZE + TAG_SIZE),
  PSK3: [CLOSING_SIZE, CLOSING_SIZE, 1],
  KK1: introductionAnd(KEY_SIZE + TAG_SIZE + GATE_SIZE),
  KK2: introductionAnd(KEY_SIZE + TAG_SIZE),
  LETTER: [KEY_SIZE + BLOCK_SIZE + TAG_SIZE, PACKET_SIZE_MAX - 8, BLOCK_SIZE],
  TRANSPORT: [BLOCK_SIZE + TAG_SIZE, PACKET_SIZE_MAX - TRANSPORT_HEADER_SIZE, BLOCK_SIZE],
} as const satisfies Partial<Record<PacketType, SizeRange>>;

type SizeRange = readonly [number, number, number];

/** An introduction has two texts, of up to 64 and 255 bytes. */
function introductionAnd(others: number): SizeRange {
  return [12 + others, 12 + 64 + 255 + others, 1];
}

const NAMES = new Map<number, PacketType>(
  Object.entries(TYPES).map(([name, code]) => [code, name as PacketType]),
);

const STATUS_CODES = { stale: 1, unknown: 2, busy: 3, refused: 4 } as const;

export type StatusCode = keyof typeof STATUS_CODES;

const STATUS_NAMES = new Map<number, StatusCode>(
  Object.entries(STATUS_CODES).map(([name, code]) => [code, name as StatusCode]),
);

/** First of a meeting. */
export interface OpeningPacket {
  readonly type: 'XX1' | 'PSK1';
  readonly noise: Uint8Array;
}

/** Later in a handshake. `index` is the receiver's own. */
export interface AnswerPacket {
  readonly type: 'XX2' | 'XX3' | 'PSK2' | 'PSK3' | 'KK2';
  readonly index: number;
  readonly noise: Uint8Array;
}

export interface ReunionPacket {
  readonly type: 'KK1';
  readonly hint: number;
  readonly noise: Uint8Array;
  readonly gate: Bytes<16>;
  /** All bytes before the gate: what it authenticates. */
  readonly gated: Uint8Array;
}

export interface LetterPacket {
  readonly type: 'LETTER';
  readonly hint: number;
  readonly noise: Uint8Array;
}

export interface TransportPacket {
  readonly type: 'TRANSPORT';
  readonly index: number;
  readonly counter: bigint;
  /** The associated data. */
  readonly header: Bytes<16>;
  readonly ciphertext: Uint8Array;
}

export interface StatusPacket {
  readonly type: 'STATUS';
  readonly code: StatusCode;
  readonly echo: Bytes<8>;
}

export type Packet =
  | OpeningPacket
  | AnswerPacket
  | ReunionPacket
  | LetterPacket
  | TransportPacket
  | StatusPacket;

/** Views into `packet`. @throws {RemoteProtocolError} `malformed` */
export function decodePacket(packet: Uint8Array): Packet {
  const reader = new Reader(packet);
  const type = NAMES.get(reader.u8());
  if (type === undefined) throw new RemoteProtocolError('malformed');
  if (type === 'STATUS') return decodeStatus(reader);
  if (reader.u8() !== 0 || reader.u16() !== 0) throw new RemoteProtocolError('malformed');
  switch (type) {
    case 'XX1':
    case 'PSK1':
      return { type, noise: restOf(type, reader) };
    case 'KK1':
      return decodeReunion(reader, packet);
    case 'LETTER':
      return { type, hint: reader.u32(), noise: restOf(type, reader) };
    case 'TRANSPORT':
      return decodeTransport(reader, packet);
    default:
      return { type, index: reader.u32(), noise: restOf(type, reader) };
  }
}

/**
 * The key that every handshake message but the third begins with.
 * @throws {RemoteProtocolError} `malformed`
 */
export function ephemeralOf({ noise }: { readonly noise: Uint8Array }): PublicKey {
  const key = new Reader(noise).bytes(KEY_SIZE);
  assertCanonical(key);
  return key;
}

/** Header and Noise message. For KK1 the gate is still to follow; XX1 and PSK1 have no index. */
export function encodeHandshake(type: OpeningPacket['type'], noise: Uint8Array): Uint8Array;
export function encodeHandshake(
  type: (AnswerPacket | ReunionPacket | LetterPacket)['type'],
  noise: Uint8Array,
  index: number,
): Uint8Array;
export function encodeHandshake(type: PacketType, noise: Uint8Array, index?: number): Uint8Array {
  const writer = new Writer((index === undefined ? 4 : 8) + noise.length);
  writer.u8(TYPES[type]).u8(0).u16(0);
  if (index !== undefined) writer.u32(index);
  return writer.bytes(noise).done();
}

export function encodeTransportHeader(index: number, counter: bigint): Bytes<16> {
  const writer = new Writer(TRANSPORT_HEADER_SIZE).u8(TYPES.TRANSPORT).u8(0).u16(0);
  return writer.u32(index).u64(counter).done() as Bytes<16>;
}

export function encodeStatus(code: StatusCode, echo: Bytes<8>): Uint8Array {
  const writer = new Writer(4 + ECHO_SIZE).u8(TYPES.STATUS).u8(STATUS_CODES[code]);
  return writer.u16(0).bytes(echo).done();
}

/** What the pattern of a packet type puts into its prologue, PROTOCOL §2. */
export function prologueOf(type: 'XX1' | 'PSK1' | 'KK1' | 'LETTER'): Uint8Array {
  return new Writer(8).bytes(SOTTO).u8(1).u8(1).u8(TYPES[type]).done();
}

const SOTTO = new TextEncoder().encode('sotto');

function decodeStatus(reader: Reader): StatusPacket {
  const code = STATUS_NAMES.get(reader.u8());
  if (code === undefined || reader.u16() !== 0) throw new RemoteProtocolError('malformed');
  const echo = reader.bytes(ECHO_SIZE);
  reader.end();
  return { type: 'STATUS', code, echo };
}

function decodeReunion(reader: Reader, packet: Uint8Array): ReunionPacket {
  const hint = reader.u32();
  const body = new Reader(restOf('KK1', reader));
  const noise = body.bytes(body.left - GATE_SIZE);
  const gate = body.bytes(GATE_SIZE);
  return { type: 'KK1', hint, noise, gate, gated: packet.subarray(0, -GATE_SIZE) };
}

function decodeTransport(reader: Reader, packet: Uint8Array): TransportPacket {
  const [index, counter] = [reader.u32(), reader.u64()];
  const ciphertext = restOf('TRANSPORT', reader);
  // Noise §5.1 reserves the last nonce.
  if (counter === 2n ** 64n - 1n) throw new RemoteProtocolError('malformed');
  const header = packet.subarray(0, TRANSPORT_HEADER_SIZE) as Bytes<16>;
  return { type: 'TRANSPORT', index, counter, header, ciphertext };
}

/** What follows the header, if its size is one that the type can have. */
function restOf(type: keyof typeof SIZES, reader: Reader): Uint8Array {
  const [sizeMin, sizeMax, step] = SIZES[type];
  const size = reader.left;
  if (size < sizeMin || size > sizeMax || (size - sizeMin) % step !== 0) {
    throw new RemoteProtocolError('malformed');
  }
  return reader.rest();
}
