/** Reads test/vectors/histogram-shift.json. */
import { readFileSync } from 'node:fs';
import type { Picture } from '../../../src/stego/picture.ts';

interface Stored {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly key: string;
  readonly payload: string;
  readonly cover: string;
  readonly stego: string;
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

export function histogramVectors() {
  const url = new URL('../../vectors/histogram-shift.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { readonly cases: readonly Stored[] };
  return cases.map((stored) => ({
    name: stored.name,
    key: hex(stored.key),
    payload: hex(stored.payload),
    cover: picture(stored, hex(stored.cover)),
    stego: picture(stored, hex(stored.stego)),
  }));
}

function picture({ width, height, depth }: Stored, bytes: Uint8Array): Picture {
  const plane = new Uint16Array(width * height);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < plane.length; i++) {
    plane[i] = depth === 8 ? view.getUint8(i) : view.getUint16(2 * i);
  }
  return { width, height, depth, colour: 'gray', planes: [plane] };
}
