/** A picture in memory: planes of samples, and what PNG calls its colour type. */

export type Colour = 'gray' | 'gray-alpha' | 'rgb' | 'rgba';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Bits a sample; no sample exceeds 2^depth - 1. */
  readonly depth: 8 | 16;
  readonly colour: Colour;
  /** One plane a channel, row by row, alpha last. */
  readonly planes: readonly Uint16Array[];
}

export const CHANNELS: Readonly<Record<Colour, number>> = {
  gray: 1,
  'gray-alpha': 2,
  rgb: 3,
  rgba: 4,
};

/** The planes that may carry: all but alpha. */
export function carryingPlanes({ colour, planes }: Picture): readonly Uint16Array[] {
  return colour === 'gray' || colour === 'rgb' ? planes : planes.slice(0, -1);
}

/** The same picture in planes of its own. */
export function copyOf(picture: Picture): Picture {
  return { ...picture, planes: picture.planes.map((plane) => plane.slice()) };
}

/**
 * The samples as one byte string: row by row, channels interleaved, 16-bit samples big-endian.
 * It is what PNG §9 filters, and what a picture's SHA-256 is taken of.
 */
export function sampleBytes(picture: Picture): Uint8Array {
  return pixelBytes(picture, 0, picture.width * picture.height);
}

/** The same of the pixels from `from` up to `to`, counted row by row. */
export function pixelBytes({ depth, planes }: Picture, from: number, to: number): Uint8Array {
  const step = planes.length;
  const out = new Uint8Array((to - from) * step * (depth / 8));
  planes.forEach((plane, channel) => {
    if (depth === 8) {
      for (let i = from, o = channel; i < to; i++, o += step) out[o] = plane[i] as number;
      return;
    }
    for (let i = from, o = 2 * channel; i < to; i++, o += 2 * step) {
      out[o] = (plane[i] as number) >> 8;
      out[o + 1] = plane[i] as number;
    }
  });
  return out;
}

/** Peak signal-to-noise ratio over the carrying planes, in dB; Infinity for equal pictures. */
export function psnr_dB(a: Picture, b: Picture): number {
  let squares = 0;
  let count = 0;
  const others = carryingPlanes(b);
  for (const [index, plane] of carryingPlanes(a).entries()) {
    const other = others[index];
    for (let i = 0; i < plane.length; i++) {
      const difference = (plane[i] as number) - (other?.[i] as number);
      squares += difference * difference;
    }
    count += plane.length;
  }
  const peak = 2 ** a.depth - 1;
  return 10 * Math.log10((peak * peak * count) / squares);
}
