/**
 * The PNG container: signature and chunks, W3C PNG (Third Edition) §5. Strict: every CRC is
 * checked, the order of chunks too, and nothing may follow IEND.
 */
import { crc32 } from 'node:zlib';
import { concat } from '../bytes.ts';
import { StegoError } from './errors.ts';

export interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

export interface Container {
  readonly header: Uint8Array;
  /** Chunks other than IHDR, IDAT and IEND, in their order. */
  readonly before: readonly Chunk[];
  readonly after: readonly Chunk[];
  /** The contents of the IDAT chunks; together one zlib stream. */
  readonly imageData: readonly Uint8Array[];
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const HEADER_SIZE = 13;
const CHUNK_OVERHEAD = 12;
/**
 * Each takes some 400 bytes of memory, and a file of 32 MiB could have millions. The largest picture
 * in pieces of 8 KiB, as most programs write them, has 16,384.
 */
const CHUNKS_MAX = 65_536;
/** Where IHDR tells the colour type, and the bit of it without which all is gray. */
const [COLOUR_TYPE, COLOURED] = [9, 2];

/** @throws {StegoError} `malformed`, `unsupported` or `too_large`. */
export function readContainer(file: Uint8Array): Container {
  if (file.length < SIGNATURE.length || SIGNATURE.some((byte, i) => file[i] !== byte)) {
    throw malformed('this is not a PNG file');
  }
  const before: Chunk[] = [];
  const after: Chunk[] = [];
  const imageData: Uint8Array[] = [];
  let offset = SIGNATURE.length;
  const header = readChunk(file, offset);
  if (header.type !== 'IHDR' || header.data.length !== HEADER_SIZE) {
    throw malformed('the file does not start with IHDR');
  }
  offset += HEADER_SIZE + CHUNK_OVERHEAD;
  for (let count = 1; ; count++) {
    if (count > CHUNKS_MAX) throw tooManyChunks();
    const chunk = readChunk(file, offset);
    offset += chunk.data.length + CHUNK_OVERHEAD;
    if (chunk.type === 'IEND') {
      if (chunk.data.length > 0) throw malformed('IEND is not empty');
      break;
    }
    checkOrder(chunk, before, after, imageData.length > 0);
    if (chunk.type === 'IDAT') imageData.push(chunk.data);
    else (imageData.length === 0 ? before : after).push(chunk);
  }
  if (imageData.length === 0) throw malformed('the file has no IDAT');
  const isGray = ((header.data[COLOUR_TYPE] ?? 0) & COLOURED) === 0;
  if (isGray && before.some(({ type }) => type === 'PLTE')) {
    throw malformed('a gray picture has no palette (PLTE)');
  }
  if (offset !== file.length) throw malformed(`${file.length - offset} bytes follow IEND`);
  return { header: header.data, before, after, imageData };
}

function tooManyChunks(): StegoError {
  const words = `the file has more than ${CHUNKS_MAX} chunks; another program would write it with fewer`;
  return new StegoError('too_large', words);
}

function readChunk(file: Uint8Array, offset: number): Chunk {
  if (file.length - offset < CHUNK_OVERHEAD) throw malformed('the file ends within a chunk');
  const view = new DataView(file.buffer, file.byteOffset + offset, file.length - offset);
  const size = view.getUint32(0);
  if (size > view.byteLength - CHUNK_OVERHEAD) throw malformed('the file ends within a chunk');
  const type = String.fromCharCode(...file.subarray(offset + 4, offset + 8));
  if (!/^[A-Za-z]{4}$/.test(type)) throw malformed('a chunk has no proper name');
  if (view.getUint32(8 + size) !== crc32(file.subarray(offset + 4, offset + 8 + size))) {
    throw malformed(`the CRC of chunk ${type} is wrong`);
  }
  return { type, data: file.subarray(offset + 8, offset + 8 + size) };
}

/** Chunks that change what the samples mean, or add samples beside them. */
const REFUSED: Readonly<Record<string, string>> = {
  tRNS:
    'it has a transparent colour (tRNS), which hiding would break; save it with an alpha channel ' +
    '(magick IN.png PNG32:OUT.png, of 16 bits PNG64:OUT.png)',
  acTL: 'it is animated; save one frame as a plain PNG',
};

function checkOrder(
  { type }: Chunk,
  before: readonly Chunk[],
  after: readonly Chunk[],
  inImage: boolean,
): void {
  const reason = REFUSED[type];
  if (reason !== undefined) throw new StegoError('unsupported', `cannot use this PNG: ${reason}`);
  if (type === 'IDAT') {
    if (after.length > 0) throw malformed('IDAT chunks are not consecutive');
    return;
  }
  if (type === 'PLTE') {
    const repeated = before.some((chunk) => chunk.type === 'PLTE');
    if (repeated || inImage) throw malformed('PLTE is out of place');
    return;
  }
  if (/^[A-Z]/.test(type)) throw malformed(`unknown critical chunk ${type}`);
}

/**
 * Chunks of the specification and of its registered extensions that count as unsafe to copy, but
 * stay as true when samples change by a step.
 */
const KNOWN = /^(cHRM|gAMA|iCCP|sBIT|sRGB|cICP|mDCV|cLLI|bKGD|hIST|sPLT|tIME|PLTE|pCAL|sCAL|sTER)$/;

/** Whether `chunk` stays true when samples change by a step, PNG §14.2. */
export function isSafeToKeep({ type }: Chunk): boolean {
  return KNOWN.test(type) || /[a-z]$/.test(type);
}

/** Puts chunks around the IDAT of `file`, which must hold nothing but IHDR, IDAT and IEND. */
export function spliceChunks(
  file: Uint8Array,
  before: readonly Chunk[],
  after: readonly Chunk[],
): Uint8Array {
  const headerEnd = SIGNATURE.length + HEADER_SIZE + CHUNK_OVERHEAD;
  const imageEnd = file.length - CHUNK_OVERHEAD;
  return concat(
    file.subarray(0, headerEnd),
    ...before.map(encodeChunk),
    file.subarray(headerEnd, imageEnd),
    ...after.map(encodeChunk),
    file.subarray(imageEnd),
  );
}

/** One chunk with size and CRC, PNG §5.3. */
function encodeChunk({ type, data }: Chunk): Uint8Array {
  const out = new Uint8Array(data.length + CHUNK_OVERHEAD);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

export function malformed(reason: string, cause?: unknown): StegoError {
  return new StegoError('malformed', `cannot read this PNG: ${reason}`, { cause });
}
