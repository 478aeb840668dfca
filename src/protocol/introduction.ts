/** What the handshakes of PROTOCOL §4.1 carry beside keys. */
import type { Bytes } from '../bytes.ts';
import { HASH_SIZE, type Hash } from '../crypto/index.ts';
import { isAddress } from './address.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { encodeStr8, Reader, Writer } from './fields.ts';
import { RANDOM_SIZE } from './packet.ts';

/** Bits of `capabilities`. What the other side has no bit for must not be sent to it. */
export const CAPABILITY = { parts: 1, letters: 2, pictures: 4, readings: 8, time: 16 } as const;

export const NAME_SIZE_MAX = 64;
export const FRAME_SIZE_MIN = 512;
export const FRAME_SIZE_MAX = 65_535;

export interface Introduction {
  /** By which the other side is to name this handshake and its session; not 0. */
  readonly index: number;
  readonly capabilities: number;
  /** The largest packet its sender takes. */
  readonly maxFrame: number;
  /** A hint. */
  readonly name: string;
  /** A hint; undefined: cannot be called. */
  readonly address: string | undefined;
}

/** Payload of XX1 and PSK1. */
export interface Opening {
  readonly introduction: Introduction;
  readonly commit: Hash;
}

/** Payload of XX2 and PSK2; `random` is r_B. */
export interface Answer {
  readonly introduction: Introduction;
  readonly random: Bytes<16>;
}

/** Payload of KK1 and KK2. @throws {LocalProtocolError} if a value is out of its bounds. */
export function encodeIntroduction(introduction: Introduction): Uint8Array {
  const { index, capabilities, maxFrame } = introduction;
  if (!isValid(introduction)) throw new LocalProtocolError('introduction is out of bounds');
  const name = encodeStr8(introduction.name);
  const address = encodeStr8(introduction.address ?? '');
  const writer = new Writer(10 + name.length + address.length);
  writer.u32(index).u32(capabilities).u16(maxFrame);
  return writer.bytes(name).bytes(address).done();
}

/** @throws {RemoteProtocolError} `malformed` */
export function decodeIntroduction(payload: Uint8Array): Introduction {
  const reader = new Reader(payload);
  const introduction = readIntroduction(reader);
  reader.end();
  return introduction;
}

export function encodeOpening({ introduction, commit }: Opening): Uint8Array {
  const head = encodeIntroduction(introduction);
  return new Writer(head.length + HASH_SIZE).bytes(head).bytes(commit).done();
}

/** @throws {RemoteProtocolError} `malformed` */
export function decodeOpening(payload: Uint8Array): Opening {
  const reader = new Reader(payload);
  const introduction = readIntroduction(reader);
  const commit = reader.bytes(HASH_SIZE) as Hash;
  reader.end();
  return { introduction, commit };
}

export function encodeAnswer({ introduction, random }: Answer): Uint8Array {
  const head = encodeIntroduction(introduction);
  return new Writer(head.length + RANDOM_SIZE).bytes(head).bytes(random).done();
}

/** @throws {RemoteProtocolError} `malformed` */
export function decodeAnswer(payload: Uint8Array): Answer {
  const reader = new Reader(payload);
  const introduction = readIntroduction(reader);
  const random = reader.bytes(RANDOM_SIZE);
  reader.end();
  return { introduction, random };
}

/** Payload of XX3 and PSK3: r_A and nothing else. @throws {RemoteProtocolError} `malformed` */
export function decodeClosing(payload: Uint8Array): Bytes<16> {
  const reader = new Reader(payload);
  const random = reader.bytes(RANDOM_SIZE);
  reader.end();
  return random;
}

function readIntroduction(reader: Reader): Introduction {
  const [index, capabilities, maxFrame] = [reader.u32(), reader.u32(), reader.u16()];
  const [name, address] = [reader.str8(), reader.str8()];
  const introduction = {
    index,
    capabilities,
    maxFrame,
    name,
    address: address === '' ? undefined : address,
  };
  if (!isValid(introduction)) throw new RemoteProtocolError('malformed');
  return introduction;
}

function isValid({ index, maxFrame, name, address }: Introduction): boolean {
  return (
    index !== 0 &&
    maxFrame >= FRAME_SIZE_MIN &&
    maxFrame <= FRAME_SIZE_MAX &&
    isName(name) &&
    (address === undefined || isAddress(address))
  );
}

/** At most 64 bytes of UTF-8 without control characters; may be empty. */
export function isName(text: string): boolean {
  return !/\p{Cc}/u.test(text) && new TextEncoder().encode(text).length <= NAME_SIZE_MAX;
}
