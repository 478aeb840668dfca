/** From PNG's filtered, perhaps interlaced rows to planes of samples, PNG §7 to §9. */
import { malformed } from './png-chunks.ts';

/** One image, or one of the seven passes of an interlaced one. */
interface Pass {
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** Adam7, PNG §8.2: first column and row of each pass, and the steps between its samples. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function passesOf({ width, height, interlaced }: Layout): readonly Pass[] {
  const steps = interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const);
  return steps
    .map(([x0, y0, dx, dy]) => ({
      ...{ x0, y0, dx, dy },
      width: Math.ceil((width - x0) / dx),
      height: Math.ceil((height - y0) / dy),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/** Bytes of all rows with their filter bytes: what IDAT must inflate to, exactly. */
export function filteredSize(layout: Layout): number {
  const pixelSize = (layout.channels * layout.depth) / 8;
  return passesOf(layout).reduce(
    (sum, { width, height }) => sum + height * (1 + width * pixelSize),
    0,
  );
}

/**
 * Undoes the filters in place and deals the samples out. Nothing is made for a row: of the largest
 * picture of one column there are 64 million. @throws {StegoError} `malformed`.
 */
export function unfilter(filtered: Uint8Array, layout: Layout): Uint16Array[] {
  const { width, height, channels } = layout;
  const planes = Array.from({ length: channels }, () => new Uint16Array(width * height));
  const pixelSize = (channels * layout.depth) / 8;
  let at = 1;
  for (const pass of passesOf(layout)) {
    const rowSize = pass.width * pixelSize;
    for (let y = 0; y < pass.height; y++) {
      unfilterRow(filtered, at, rowSize, pixelSize, y === 0);
      dealRow(filtered, at, planes, pass, y, layout);
      at += 1 + rowSize;
    }
  }
  return planes;
}

/**
 * PNG §9.2, of the row at `at`, behind its filter byte. The row above is unfiltered already; above
 * the first all is zero.
 */
function unfilterRow(
  bytes: Uint8Array,
  at: number,
  size: number,
  step: number,
  isFirst: boolean,
): void {
  const above = at - 1 - size;
  const filter = bytes[at - 1] as number;
  switch (filter) {
    case 0:
      return;
    case 1:
      addLeft(bytes, at, size, step);
      return;
    case 2:
      if (isFirst) return;
      for (let i = 0; i < size; i++) add(bytes, at + i, bytes[above + i] as number);
      return;
    case 3:
      for (let i = 0; i < size; i++) {
        const left = i < step ? 0 : (bytes[at + i - step] as number);
        const up = isFirst ? 0 : (bytes[above + i] as number);
        add(bytes, at + i, (left + up) >> 1);
      }
      return;
    case 4:
      // Of zeros and the sample to the left, that one is always the nearest.
      if (isFirst) addLeft(bytes, at, size, step);
      else addPaeth(bytes, at, size, step);
      return;
    default:
      throw malformed(`filter type ${filter} does not exist`);
  }
}

function add(bytes: Uint8Array, at: number, predicted: number): void {
  bytes[at] = (bytes[at] as number) + predicted;
}

function addLeft(bytes: Uint8Array, at: number, size: number, step: number): void {
  for (let i = step; i < size; i++) add(bytes, at + i, bytes[at + i - step] as number);
}

function addPaeth(bytes: Uint8Array, at: number, size: number, step: number): void {
  const above = at - 1 - size;
  // Left of the first pixel all is zero, and the predictor is the sample above.
  for (let i = 0; i < step; i++) add(bytes, at + i, bytes[above + i] as number);
  for (let i = step; i < size; i++) {
    const left = bytes[at + i - step] as number;
    const up = bytes[above + i] as number;
    const corner = bytes[above + i - step] as number;
    const toLeft = Math.abs(up - corner);
    const toUp = Math.abs(left - corner);
    const toCorner = Math.abs(left + up - 2 * corner);
    const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    add(bytes, at + i, nearest);
  }
}

function dealRow(
  bytes: Uint8Array,
  at: number,
  planes: readonly Uint16Array[],
  { x0, y0, dx, dy, width }: Pass,
  y: number,
  layout: Layout,
): void {
  const start = (y0 + y * dy) * layout.width + x0;
  const step = planes.length;
  for (let channel = 0; channel < step; channel++) {
    const plane = planes[channel] as Uint16Array;
    if (layout.depth === 8) {
      for (let x = 0; x < width; x++)
        plane[start + x * dx] = bytes[at + x * step + channel] as number;
    } else {
      for (let x = 0; x < width; x++) {
        const high = at + 2 * (x * step + channel);
        plane[start + x * dx] = ((bytes[high] as number) << 8) | (bytes[high + 1] as number);
      }
    }
  }
}
