/**
 * Frames on a serial line, docs/SERIAL.md §2:
 *
 *     00 | COBS( header 4 | payload 0…512 | CRC-32 4 ) | 00
 *     header: version 4 bits, type 4 bits | more 1 bit, channel 7 bits | seq | ack
 *
 * Pure: bytes in, bytes out. A line may drop, repeat or flip bytes, and begin anywhere.
 */
import { concat } from '../bytes.ts';

export const VERSION = 1;
export const PAYLOAD_SIZE_MAX = 512;
const HEADER_SIZE = 4;
const CRC_SIZE = 4;
const BODY_SIZE_MAX = HEADER_SIZE + PAYLOAD_SIZE_MAX + CRC_SIZE;
/** Between two zeros: COBS adds one byte, and one more for every 254. */
export const CODED_SIZE_MAX = BODY_SIZE_MAX + Math.ceil(BODY_SIZE_MAX / 254);

const TYPES = { hello: 1, data: 2, ack: 3, log: 4 } as const;
const CHANNELS = { link: 0, packets: 1, verbs: 2, log: 3 } as const;
const MORE = 0x80;

export type FrameType = keyof typeof TYPES;
export type Channel = keyof typeof CHANNELS;

export interface Frame {
  readonly type: FrameType;
  readonly channel: Channel;
  /** Another frame of the same record follows. */
  readonly more: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly payload: Uint8Array;
}

/**
 * Why bytes between two zeros are no frame. All but `foreign` are the line's fault and say nothing
 * about keys; `foreign` is whole, but of another version, type or channel.
 */
export type Noise = 'cobs' | 'crc' | 'size' | 'foreign';

export type ReaderEvent =
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'noise'; readonly noise: Noise }
  /** What came before the first zero: a boot log. Show it, never parse it. */
  | { readonly kind: 'text'; readonly text: Uint8Array };

/** One frame with both its zeros. @throws {RangeError} if the payload is too large. */
export function encodeFrame(frame: Frame): Uint8Array {
  if (frame.payload.length > PAYLOAD_SIZE_MAX) {
    throw new RangeError(
      `payload must be ≤ ${PAYLOAD_SIZE_MAX} bytes, got ${frame.payload.length}`,
    );
  }
  const header = Uint8Array.of(
    (VERSION << 4) | TYPES[frame.type],
    (frame.more ? MORE : 0) | CHANNELS[frame.channel],
    frame.seq,
    frame.ack,
  );
  const body = concat(header, frame.payload);
  const crc = new Uint8Array(CRC_SIZE);
  new DataView(crc.buffer).setUint32(0, crc32(body));
  return concat(Uint8Array.of(0), cobsEncode(concat(body, crc)), Uint8Array.of(0));
}

/** What stands between two zeros; a string says what is wrong with it. */
export function decodeFrame(coded: Uint8Array): Frame | Noise {
  const body = cobsDecode(coded);
  if (body === undefined) return 'cobs';
  if (body.length < HEADER_SIZE + CRC_SIZE || body.length > BODY_SIZE_MAX) return 'size';
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const end = body.length - CRC_SIZE;
  if (crc32(body.subarray(0, end)) !== view.getUint32(end)) return 'crc';
  const type = nameOf(TYPES, view.getUint8(0) & 0x0f);
  const channel = nameOf(CHANNELS, view.getUint8(1) & ~MORE);
  if (view.getUint8(0) >> 4 !== VERSION || type === undefined || channel === undefined) {
    return 'foreign';
  }
  const more = (view.getUint8(1) & MORE) !== 0;
  const payload = body.subarray(HEADER_SIZE, end);
  return { type, channel, more, seq: view.getUint8(2), ack: view.getUint8(3), payload };
}

/** Cuts a stream of bytes into frames. Holds at most one frame, whatever the line says. */
export class FrameReader {
  #state: 'text' | 'frame' | 'overlong' = 'text';
  readonly #coded = new Uint8Array(CODED_SIZE_MAX);
  #size = 0;

  read(bytes: Uint8Array): ReaderEvent[] {
    const events: ReaderEvent[] = [];
    let rest = bytes;
    while (rest.length > 0) {
      const zero = rest.indexOf(0);
      this.#take(zero < 0 ? rest : rest.subarray(0, zero), events);
      if (zero < 0) break;
      this.#endFrame(events);
      rest = rest.subarray(zero + 1);
    }
    return events;
  }

  #take(run: Uint8Array, events: ReaderEvent[]): void {
    if (run.length === 0) return;
    if (this.#state === 'text') {
      events.push({ kind: 'text', text: run.slice() });
      return;
    }
    if (this.#size + run.length > CODED_SIZE_MAX) this.#state = 'overlong';
    if (this.#state === 'overlong') return;
    this.#coded.set(run, this.#size);
    this.#size += run.length;
  }

  #endFrame(events: ReaderEvent[]): void {
    const { state, size } = { state: this.#state, size: this.#size };
    this.#state = 'frame';
    this.#size = 0;
    if (state === 'overlong') events.push({ kind: 'noise', noise: 'size' });
    // Nothing between two zeros: one frame's end and the next one's start.
    if (state !== 'frame' || size === 0) return;
    const frame = decodeFrame(this.#coded.subarray(0, size));
    if (typeof frame === 'string') events.push({ kind: 'noise', noise: frame });
    else events.push({ kind: 'frame', frame });
  }
}

/** Consistent overhead byte stuffing: the same bytes without a zero among them. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const coded = new Uint8Array(bytes.length + 1 + Math.floor(bytes.length / 254));
  let code = 0;
  let size = 1;
  for (const byte of bytes) {
    // A full run of 254 stands for no zero; the next byte opens a new one.
    if (size - code === 255) {
      coded[code] = 255;
      code = size++;
    }
    if (byte === 0) {
      coded[code] = size - code;
      code = size++;
    } else {
      coded[size++] = byte;
    }
  }
  coded[code] = size - code;
  return coded.subarray(0, size);
}

/** `undefined` if a run points past the end; bytes hold no zero here. */
export function cobsDecode(coded: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(coded.length);
  let size = 0;
  for (let at = 0; at < coded.length; ) {
    const code = coded[at] ?? 0;
    const run = coded.subarray(at + 1, at + code);
    at += code;
    if (code === 0 || at > coded.length) return undefined;
    bytes.set(run, size);
    size += run.length;
    if (code < 255 && at < coded.length) bytes[size++] = 0;
  }
  return bytes.subarray(0, size);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0);
  return crc;
});

/** CRC-32 of IEEE 802.3: finds what a line breaks, proves nothing against who means it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

function nameOf<Name extends string>(table: Readonly<Record<Name, number>>, code: number) {
  return (Object.keys(table) as Name[]).find((name) => table[name] === code);
}
