/**
 * Covers that belong to nobody: the Shepp–Logan head phantom, as a computed tomograph would show
 * it, with the noise of a sensor. Shepp and Logan, IEEE Trans. Nucl. Sci. 21(3), 1974; contrasts
 * as in P. Toft's thesis, so that the eye sees something.
 */
import type { Picture } from './picture.ts';

/** Value, half axes, centre, and angle in degrees of each ellipse; the picture is -1 … 1. */
const ELLIPSES = [
  [1, 0.69, 0.92, 0, 0, 0],
  [-0.8, 0.6624, 0.874, 0, -0.0184, 0],
  [-0.2, 0.11, 0.31, 0.22, 0, -18],
  [-0.2, 0.16, 0.41, -0.22, 0, 18],
  [0.1, 0.21, 0.25, 0, 0.35, 0],
  [0.1, 0.046, 0.046, 0, 0.1, 0],
  [0.1, 0.046, 0.046, 0, -0.1, 0],
  [0.1, 0.046, 0.023, -0.08, -0.605, 0],
  [0.1, 0.023, 0.023, 0, -0.606, 0],
  [0.1, 0.023, 0.046, 0.06, -0.605, 0],
] as const;

export interface PhantomOptions {
  /** Width and height in pixels. */
  readonly size: number;
  readonly depth: 8 | 16;
  /** The same seed gives the same noise, and another seed another cover. */
  readonly seed: number;
  /** Told with each row what share is done. */
  readonly onProgress?: (share: number) => void;
}

/** Brightness of air and of the brightest bone, as parts of the range. */
const DARKEST = 0.05;
const BRIGHTEST = 0.9;
/** Noise of the dark and of the light, in parts of the range; light's grows with its root. */
const DARK_NOISE = { 8: 0.002, 16: 0.0001 };
const LIGHT_NOISE = { 8: 0.006, 16: 0.0003 };

export function phantom({ size, depth, seed, onProgress }: PhantomOptions): Picture {
  const max = 2 ** depth - 1;
  const random = gauss(seed);
  const plane = new Uint16Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const value = density((2 * x + 1) / size - 1, 1 - (2 * y + 1) / size);
      const light = DARKEST + (BRIGHTEST - DARKEST) * Math.min(1, Math.max(0, value));
      const noise = (DARK_NOISE[depth] + LIGHT_NOISE[depth] * Math.sqrt(light)) * random();
      plane[y * size + x] = Math.min(max, Math.max(0, Math.round((light + noise) * max)));
    }
    onProgress?.((y + 1) / size);
  }
  return { width: size, height: size, depth, colour: 'gray', planes: [plane] };
}

const SHAPES = ELLIPSES.map(([value, a, b, x, y, degrees]) => {
  const angle = (degrees * Math.PI) / 180;
  return { value, a, b, x, y, cos: Math.cos(angle), sin: Math.sin(angle) };
});

function density(x: number, y: number): number {
  let sum = 0;
  for (const shape of SHAPES) {
    const [dx, dy] = [x - shape.x, y - shape.y];
    const along = (dx * shape.cos + dy * shape.sin) / shape.a;
    const across = (dy * shape.cos - dx * shape.sin) / shape.b;
    if (along * along + across * across <= 1) sum += shape.value;
  }
  return sum;
}

/** Nearly normal, by a sum of uniforms; deviation 1. */
function gauss(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}
