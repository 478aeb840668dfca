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

/** Undoes the filters in place and deals the samples out. @throws {StegoError} `malformed`. */
export function unfilter(filtered: Uint8Array, layout: Layout): Uint16Array[] {
  const { width, height, channels } = layout;
  const planes = Array.from({ length: channels }, () => new Uint16Array(width * height));
  const pixelSize = (channels * layout.depth) / 8;
  let offset = 0;
  for (const pass of passesOf(layout)) {
    const rowSize = pass.width * pixelSize;
    let above: Uint8Array = new Uint8Array(rowSize);
    for (let y = 0; y < pass.height; y++) {
      const row = filtered.subarray(offset + 1, offset + 1 + rowSize);
      unfilterRow(filtered[offset] as number, row, above, pixelSize);
      dealRow(row, planes, pass, y, layout);
      above = row;
      offset += 1 + rowSize;
    }
  }
  return planes;
}

/** PNG §9.2. `above` is the row above, already unfiltered; zeros above the first. */
function unfilterRow(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = step; i < row.length; i++)
        row[i] = (row[i] as number) + (row[i - step] as number);
      return;
    case 2:
      for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + (above[i] as number);
      return;
    case 3:
      for (let i = 0; i < row.length; i++) {
        const left = i < step ? 0 : (row[i - step] as number);
        row[i] = (row[i] as number) + ((left + (above[i] as number)) >> 1);
      }
      return;
    case 4:
      unfilterPaeth(row, above, step);
      return;
    default:
      throw malformed(`filter type ${filter} does not exist`);
  }
}

function unfilterPaeth(row: Uint8Array, above: Uint8Array, step: number): void {
  // Left of the first pixel all is zero, and the predictor is the sample above.
  for (let i = 0; i < step; i++) row[i] = (row[i] as number) + (above[i] as number);
  for (let i = step; i < row.length; i++) {
    const left = row[i - step] as number;
    const up = above[i] as number;
    const corner = above[i - step] as number;
    const toLeft = Math.abs(up - corner);
    const toUp = Math.abs(left - corner);
    const toCorner = Math.abs(left + up - 2 * corner);
    const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    row[i] = (row[i] as number) + nearest;
  }
}

function dealRow(
  row: Uint8Array,
  planes: readonly Uint16Array[],
  { x0, y0, dx, dy, width }: Pass,
  y: number,
  layout: Layout,
): void {
  const start = (y0 + y * dy) * layout.width + x0;
  const step = planes.length;
  planes.forEach((plane, channel) => {
    if (layout.depth === 8) {
      for (let x = 0; x < width; x++) plane[start + x * dx] = row[x * step + channel] as number;
      return;
    }
    for (let x = 0; x < width; x++) {
      const at = 2 * (x * step + channel);
      plane[start + x * dx] = ((row[at] as number) << 8) | (row[at + 1] as number);
    }
  });
}
