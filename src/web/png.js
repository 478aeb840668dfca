/**
 * The samples of a PNG as they stand in it. The browser's own decoder gives 8 bits of each, so that
 * what is changed in the last of 16 would not be seen. For pictures that the peer has read before:
 * what it refuses does not come here.
 */

const SIGNATURE_SIZE = 8;
/** Of a chunk besides its data: its length, its name, its checksum. */
const CHUNK_SIZE = 12;
/** By PNG's colour type: samples of a pixel, and how many of them are not alpha. */
const CHANNELS = { 0: [1, 1], 2: [3, 3], 4: [2, 1], 6: [4, 3] };
/** First column and row of each pass, and the steps from there, PNG §8.2. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
/** After so many rows the page may draw, or hear a key. */
const ROWS_AT_ONCE = 128;

/** @returns { depth, samples }: gray, or red, green and blue of every pixel, row by row. */
export async function samplesOf(blob) {
  const { header, data } = chunksOf(new Uint8Array(await blob.arrayBuffer()));
  const { depth, width, height, colours } = header;
  const inflated = new Blob(data).stream().pipeThrough(new DecompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const length = width * height * colours;
  const samples = depth === 16 ? new Uint16Array(length) : new Uint8Array(length);
  let at = 0;
  for (const pass of header.isInterlaced ? PASSES : [[0, 0, 1, 1]]) {
    at = await readPass(bytes, at, header, pass, samples);
  }
  return { depth, samples };
}

function chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = [];
  let header;
  for (let at = SIGNATURE_SIZE; at + CHUNK_SIZE <= bytes.length; ) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === 'IHDR') header = headerOf(view, at + 8);
    if (name === 'IDAT') data.push(bytes.subarray(at + 8, at + 8 + size));
    at += CHUNK_SIZE + size;
  }
  return { header, data };
}

function headerOf(view, at) {
  const depth = view.getUint8(at + 8);
  const [channels, colours] = CHANNELS[view.getUint8(at + 9)];
  return {
    width: view.getUint32(at),
    height: view.getUint32(at + 4),
    depth,
    channels,
    colours,
    pixelSize: (channels * depth) / 8,
    isInterlaced: view.getUint8(at + 12) === 1,
  };
}

/** @returns where the next pass begins in `bytes`. */
async function readPass(bytes, from, header, [x0, y0, dx, dy], samples) {
  const { width, height, pixelSize } = header;
  const columns = Math.ceil((width - x0) / dx);
  const rows = Math.ceil((height - y0) / dy);
  if (columns <= 0 || rows <= 0) return from;
  const size = columns * pixelSize;
  let above = new Uint8Array(size);
  for (let row = 0; row < rows; row += 1) {
    if (row % ROWS_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
    const at = from + row * (size + 1);
    const line = bytes.subarray(at + 1, at + 1 + size);
    unfilter(bytes[at], line, above, pixelSize);
    place(line, header, (y0 + row * dy) * width + x0, dx, samples);
    above = line;
  }
  return from + rows * (size + 1);
}

/** PNG §9, in place. */
function unfilter(filter, line, above, pixelSize) {
  for (let at = 0; filter > 0 && at < line.length; at += 1) {
    const left = at < pixelSize ? 0 : line[at - pixelSize];
    const corner = at < pixelSize ? 0 : above[at - pixelSize];
    if (filter === 1) line[at] += left;
    else if (filter === 2) line[at] += above[at];
    else if (filter === 3) line[at] += (left + above[at]) >> 1;
    else line[at] += paeth(left, above[at], corner);
  }
}

function paeth(left, above, corner) {
  const a = Math.abs(above - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + above - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

/** @param pixel where the line's first one goes; the next is `step` further. */
function place(line, { depth, channels, colours, pixelSize }, pixel, step, samples) {
  for (let at = 0, to = pixel * colours; at < line.length; at += pixelSize, to += step * colours) {
    for (let channel = 0; channel < colours; channel += 1) {
      const from = at + (channel * pixelSize) / channels;
      samples[to + channel] = depth === 16 ? (line[from] << 8) | line[from + 1] : line[from];
    }
  }
}
