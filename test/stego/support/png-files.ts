/** Builds PNG files that encoders never write: every filter, interlaced, and broken ones. */
import { crc32, deflateSync } from 'node:zlib';
import { concat } from '../../../src/bytes.ts';

export const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export function chunk(type: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const named = concat(new TextEncoder().encode(type), data);
  return concat(uint32(data.length), named, uint32(crc32(named)));
}

export function uint32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
}

export interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly type: number;
  readonly interlace?: number;
}

export function header({ width, height, depth, type, interlace = 0 }: Header): Uint8Array {
  const rest = Uint8Array.of(depth, type, 0, 0, interlace);
  return chunk('IHDR', concat(uint32(width), uint32(height), rest));
}

/** A whole file around rows that are filtered already. */
export function file(head: Header, rows: Uint8Array): Uint8Array {
  return concat(SIGNATURE, header(head), chunk('IDAT', deflateSync(rows)), chunk('IEND'));
}

/** `sample(x, y, byte)` gives the bytes of each pixel; `filters` are used row by row, in turn. */
export function filteredRows(
  { width, height, interlace = 0 }: Header,
  pixelSize: number,
  sample: (x: number, y: number, byte: number) => number,
  filters: readonly number[],
): Uint8Array {
  const passes =
    interlace === 0
      ? [[0, 0, 1, 1]]
      : [
          [0, 0, 8, 8],
          [4, 0, 8, 8],
          [0, 4, 4, 8],
          [2, 0, 4, 4],
          [0, 2, 2, 4],
          [1, 0, 2, 2],
          [0, 1, 1, 2],
        ];
  const rows: number[] = [];
  let turn = 0;
  for (const [x0 = 0, y0 = 0, dx = 1, dy = 1] of passes) {
    for (let y = y0; y < height && x0 < width; y += dy) {
      const filter = filters[turn++ % filters.length] ?? 0;
      rows.push(filter);
      const at = (x: number, row: number, byte: number) =>
        x < x0 || row < y0 ? 0 : sample(x, row, byte) & 255;
      for (let x = x0; x < width; x += dx) {
        for (let byte = 0; byte < pixelSize; byte++) {
          const [left, up, corner] = [
            at(x - dx, y, byte),
            at(x, y - dy, byte),
            at(x - dx, y - dy, byte),
          ];
          rows.push((at(x, y, byte) - predictor(filter, left, up, corner)) & 255);
        }
      }
    }
  }
  return Uint8Array.from(rows);
}

function predictor(filter: number, left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const nearest = [left, up, corner].reduce((best, candidate) =>
    Math.abs(estimate - candidate) < Math.abs(estimate - best) ? candidate : best,
  );
  return [0, left, up, (left + up) >> 1, nearest][filter] ?? 0;
}
