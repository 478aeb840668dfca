/**
 * The door: PNG files in and out. Everything that comes from outside is checked here, before
 * memory is spent on it, because pngjs may hang, crash or hand out stale memory on hostile files.
 * pngjs writes, and is this decoder's oracle in the tests.
 */
import { constants, inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { concat, release } from '../bytes.ts';
import { StegoError } from './errors.ts';
import { CHANNELS, type Colour, type Picture, sampleBytes } from './picture.ts';
import {
  type Chunk,
  type Container,
  isSafeToKeep,
  malformed,
  readContainer,
  spliceChunks,
} from './png-chunks.ts';
import { filteredSize, type Layout, unfilter } from './png-samples.ts';

/** Samples over all channels; 64 megapixels of gray. */
export const SAMPLES_MAX = 64 * 1024 * 1024;

/** Zlib wants some room, also for one sample. */
const PIECE_MIN = 1024;

/** Samples on which every way of writing is tried: the whole picture, or so much of a larger one. */
const SAMPLES_TRIED = 512 * 1024;
/** A larger one is tried in so many bands, one of each part of its height, none wider than this. */
const [BANDS, BAND_WIDTH] = [4, 4096];
/** From here on the last percent of size would take minutes, where much repeats. */
const SAMPLES_HUGE = 16 * 1024 * 1024;
const [LEVEL, LEVEL_OF_HUGE] = [9, 7];

export interface PngFile {
  readonly picture: Picture;
  /** Ancillary chunks that stay true in a stego image; they are copied byte for byte. */
  readonly before: readonly Chunk[];
  readonly after: readonly Chunk[];
  /** Names, each once, of chunks that no program may copy without knowing them, PNG §14.2. */
  readonly dropped: readonly string[];
}

const COLOURS: Readonly<Record<number, Colour>> = {
  0: 'gray',
  2: 'rgb',
  4: 'gray-alpha',
  6: 'rgba',
};
const COLOUR_TYPES = { gray: 0, rgb: 2, 'gray-alpha': 4, rgba: 6 } as const;

/** @throws {StegoError} `malformed`, `unsupported` or `too_large`. */
export function decodePng(file: Uint8Array, samplesMax = SAMPLES_MAX): PngFile {
  const container = readContainer(file);
  const { colour, ...layout } = readHeader(container.header, samplesMax);
  const filtered = inflate(container, filteredSize(layout));
  const planes = unfilter(filtered, layout);
  release(filtered);
  const { width, height, depth } = layout;
  const chunks = [...container.before, ...container.after];
  const dropped = chunks.filter((chunk) => !isSafeToKeep(chunk)).map(({ type }) => type);
  return {
    picture: { width, height, depth, colour, planes },
    before: container.before.filter(isSafeToKeep).map(copyOfChunk),
    after: container.after.filter(isSafeToKeep).map(copyOfChunk),
    dropped: [...new Set(dropped)],
  };
}

/** Without the file around it, which may be large. */
function copyOfChunk({ type, data }: Chunk): Chunk {
  return { type, data: data.slice() };
}

function readHeader(header: Uint8Array, samplesMax: number): Layout & { readonly colour: Colour } {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, type, compression, filter, interlace] = header.subarray(8);
  if (width === 0 || height === 0) throw malformed('it has no pixels');
  if (compression !== 0 || filter !== 0 || interlace === undefined || interlace > 1) {
    throw malformed('unknown compression, filter or interlace method');
  }
  if (type === 3) throw unsupported('a palette', 'convert it to RGB (magick IN.png PNG24:OUT.png)');
  const colour = COLOURS[type ?? -1];
  if (colour === undefined) throw malformed(`colour type ${type} does not exist`);
  if (type === 0 && (depth === 1 || depth === 2 || depth === 4)) {
    throw unsupported(
      `${depth}-bit samples`,
      // With -depth 8 alone it writes as few bits again as the values need.
      'convert it to 8 bit (magick IN.png -define png:bit-depth=8 OUT.png)',
    );
  }
  if (depth !== 8 && depth !== 16) throw malformed(`${depth}-bit ${colour} does not exist`);
  const channels = CHANNELS[colour];
  if (width * height * channels > samplesMax) {
    const each = channels === 1 ? '' : ` of ${channels} samples`;
    const size = `${width} × ${height} pixels${each}`;
    throw new StegoError(
      'too_large',
      `the picture has ${size}; the limit is ${samplesMax} samples`,
    );
  }
  return { width, height, depth, channels, interlaced: interlace === 1, colour };
}

function unsupported(what: string, cure: string): StegoError {
  return new StegoError('unsupported', `cannot use this PNG: it has ${what}; ${cure}`);
}

/** Inflates to exactly `size` bytes, and never allocates much more. */
function inflate({ imageData }: Container, size: number): Uint8Array {
  const stream = imageData.length === 1 ? (imageData[0] as Uint8Array) : concat(...imageData);
  let result: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
  try {
    // In one piece: thousands of small ones would stand in memory beside what is made of them.
    const options = { chunkSize: Math.max(PIECE_MIN, size), maxOutputLength: size, info: true };
    result = inflateSync(stream, options) as unknown as typeof result;
  } catch (cause) {
    throw malformed('its image data does not inflate to its dimensions', cause);
  }
  if (result.buffer.length !== size) throw malformed('its image data is too short');
  if (result.engine.bytesWritten !== stream.length) throw malformed('bytes follow its image data');
  if (imageData.length > 1) release(stream);
  return result.buffer;
}

/** How pngjs may write: filter type and zlib strategy. Text on a screen likes none, scans the last. */
const WAYS = [
  [4, constants.Z_RLE],
  [2, constants.Z_RLE],
  [0, constants.Z_DEFAULT_STRATEGY],
  [4, constants.Z_DEFAULT_STRATEGY],
] as const;
type Way = (typeof WAYS)[number];

/** A picture as the encoder takes it; it needs no planes any more. */
export interface Rows extends Pick<Picture, 'width' | 'height' | 'depth' | 'colour'> {
  /** Channels interleaved; 16-bit samples in this machine's order: pngjs swaps them itself. */
  readonly bytes: Uint8Array;
}

export function rowsOf(picture: Picture): Rows {
  const { width, height, depth, colour, planes } = picture;
  const shape = { width, height, depth, colour };
  if (depth === 8) return { ...shape, bytes: sampleBytes(picture) };
  const out = new Uint16Array(width * height * planes.length);
  planes.forEach((plane, channel) => {
    for (let i = 0, o = channel; i < plane.length; i++, o += planes.length) {
      out[o] = plane[i] as number;
    }
  });
  return { ...shape, bytes: new Uint8Array(out.buffer) };
}

type Kept = Pick<PngFile, 'before' | 'after'>;

/** Writes `picture` with the chunks of `kept` around it. Never interlaced. */
export function encodePng(picture: Picture, kept: Kept): Uint8Array {
  return encodeRows(rowsOf(picture), kept);
}

/** As `encodePng`, for callers that let the planes of a large picture go before. */
export function encodeRows(rows: Rows, kept: Kept): Uint8Array {
  const bands = bandsOf(rows);
  const tried = WAYS.map((way) => ({ way, file: write(bands ?? rows, way) }));
  const best = tried.reduce((a, b) => (b.file.length < a.file.length ? b : a));
  const file = bands === undefined ? best.file : write(rows, best.way);
  return spliceChunks(file, kept.before, kept.after);
}

/** What stands for a large picture when ways are tried; undefined for one that is no larger. */
function bandsOf(rows: Rows): Rows | undefined {
  const { width, height, depth, colour, bytes } = rows;
  const pixelSize = (CHANNELS[colour] * depth) / 8;
  if (width * height * CHANNELS[colour] <= SAMPLES_TRIED) return undefined;
  const bandWidth = Math.min(width, BAND_WIDTH);
  const most = Math.floor(SAMPLES_TRIED / (BANDS * bandWidth * CHANNELS[colour]));
  const bandHeight = Math.max(1, Math.min(most, Math.floor(height / BANDS)));
  const [rowSize, bandRow] = [width * pixelSize, bandWidth * pixelSize];
  const left = ((width - bandWidth) >> 1) * pixelSize;
  const out = new Uint8Array(BANDS * bandHeight * bandRow);
  for (let band = 0; band < BANDS; band++) {
    const from = Math.floor((band * height) / BANDS);
    const to = Math.floor(((band + 1) * height) / BANDS);
    const top = busiest(bytes.subarray(from * rowSize, to * rowSize), rowSize, bandHeight);
    for (let y = 0; y < bandHeight; y++) {
      const start = (from + top + y) * rowSize + left;
      out.set(bytes.subarray(start, start + bandRow), (band * bandHeight + y) * bandRow);
    }
  }
  return { width: bandWidth, height: BANDS * bandHeight, depth, colour, bytes: out };
}

/**
 * The first row of those `count` in which most bytes differ from the one above: there is what a
 * file's size comes from, and on a page much else is empty.
 */
function busiest(bytes: Uint8Array, rowSize: number, count: number): number {
  let [best, most] = [0, -1];
  for (let top = 0; (top + count) * rowSize <= bytes.length; top += count) {
    let changes = 0;
    for (let at = (top + 1) * rowSize; at < (top + count) * rowSize; at++) {
      if (bytes[at] !== bytes[at - rowSize]) changes += 1;
    }
    if (changes > most) [best, most] = [top, changes];
  }
  return best;
}

function write(rows: Rows, way: Way): Uint8Array {
  const { width, height, depth, colour, bytes } = rows;
  const isHuge = bytes.length > SAMPLES_HUGE * (depth / 8);
  const image = new PNG();
  Object.assign(image, { width, height, data: bytes });
  return PNG.sync.write(image, {
    colorType: COLOUR_TYPES[colour],
    inputColorType: COLOUR_TYPES[colour],
    inputHasAlpha: colour === 'gray-alpha' || colour === 'rgba',
    bitDepth: depth,
    filterType: way[0],
    deflateLevel: isHuge ? LEVEL_OF_HUGE : LEVEL,
    deflateStrategy: way[1],
    deflateChunkSize: Math.max(PIECE_MIN, bytes.length),
  });
}
