/**
 * What an attacker would look with: RS analysis (Fridrich, Goljan, Du 2001), sample pairs
 * (Dumitrescu, Wu, Wang 2003), and second-order SPAM features (Pevný, Bas, Fridrich 2010), which
 * ensemble.ts judges.
 */

/** 8-bit gray. */
export interface Gray {
  readonly width: number;
  readonly height: number;
  readonly plane: Uint16Array;
}

/** Part of the samples that seem to carry a replaced bit, by RS analysis. */
export function rsRate({ width, height, plane }: Gray): number {
  const flipped = plane.map((sample) => sample ^ 1);
  const [rest, all] = [rsCounts(plane, width, height), rsCounts(flipped, width, height)];
  const [d0, dn0] = [rest.positive, rest.negative];
  const [d1, dn1] = [all.positive, all.negative];
  const z = smallerRoot(2 * (d1 + d0), dn0 - dn1 - d1 - 3 * d0, d0 - dn0);
  return z / (z - 0.5);
}

/** Regular less singular groups of four, under the mask 0110 and under its negative. */
function rsCounts(plane: Uint16Array, width: number, height: number) {
  let [positive, negative] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x + 3 < width; x += 4) {
      const at = y * width + x;
      const [a, b, c, d] = [plane[at], plane[at + 1], plane[at + 2], plane[at + 3]] as number[];
      const rough = (p = 0, q = 0) =>
        Math.abs((a ?? 0) - p) + Math.abs(p - q) + Math.abs(q - (d ?? 0));
      const before = rough(b, c);
      positive += Math.sign(rough((b ?? 0) ^ 1, (c ?? 0) ^ 1) - before);
      negative += Math.sign(rough(shifted(b), shifted(c)) - before);
    }
  }
  return { positive, negative };
}

/** The flip between 2i - 1 and 2i. */
function shifted(sample = 0): number {
  return ((sample + 1) ^ 1) - 1;
}

/** Part of the samples that seem to carry a replaced bit, by sample pairs. */
export function pairsRate({ width, height, plane }: Gray): number {
  let [x, y, close, equal, count] = [0, 0, 0, 0, 0];
  const look = (u = 0, v = 0) => {
    count++;
    if (u === v) equal++;
    else if (v % 2 === 0 ? u < v : u > v) x++;
    else {
      y++;
      if (u >> 1 === v >> 1) close++;
    }
  };
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      if (column + 1 < width) look(plane[at], plane[at + 1]);
      if (row + 1 < height) look(plane[at], plane[at + width]);
    }
  }
  return smallerRoot((close + equal) / 2, 2 * x - count, y - x);
}

/** Of a z² + b z + c, the root nearer to zero; where there is none, the vertex. */
function smallerRoot(a: number, b: number, c: number): number {
  if (Math.abs(a) < 1e-9) return b === 0 ? 0 : -c / b;
  const root = Math.sqrt(Math.max(0, b * b - 4 * a * c));
  const roots = [(-b + root) / (2 * a), (-b - root) / (2 * a)] as const;
  return Math.abs(roots[0]) < Math.abs(roots[1]) ? roots[0] : roots[1];
}

const T = 3;
const SIDE = 2 * T + 1;
const CUBE = SIDE ** 3;
const FEATURES = 2 * CUBE;
const DIRECTIONS = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, -1],
  [1, -1],
  [-1, 1],
] as const;

/** How a difference follows on two others, straight and diagonal: 686 probabilities. */
export function spam(picture: Gray): Float64Array {
  const features = new Float64Array(FEATURES);
  DIRECTIONS.forEach((direction, index) => {
    const counts = transitions(picture, direction);
    const offset = index < 4 ? 0 : CUBE;
    for (let pair = 0; pair < SIDE * SIDE; pair++) {
      const row = counts.subarray(pair * SIDE, (pair + 1) * SIDE);
      const total = row.reduce((sum, n) => sum + n, 0);
      if (total === 0) continue;
      row.forEach((n, i) => {
        const at = offset + pair * SIDE + i;
        features[at] = (features[at] ?? 0) + n / total / 4;
      });
    }
  });
  return features;
}

function transitions({ width, height, plane }: Gray, [dy, dx]: readonly [number, number]) {
  const counts = new Float64Array(CUBE);
  const step = dy * width + dx;
  const fits = (at: number, size: number) => at >= 0 && at < size;
  for (let y = 0; y < height; y++) {
    if (!fits(y + 3 * dy, height)) continue;
    for (let x = 0; x < width; x++) {
      if (!fits(x + 3 * dx, width)) continue;
      const at = y * width + x;
      const of = (i: number) =>
        (plane[at + i * step] as number) - (plane[at + (i + 1) * step] as number);
      const [a, b, c] = [of(0), of(1), of(2)];
      if (Math.max(a, b, c) > T || Math.min(a, b, c) < -T) continue;
      const cell = ((a + T) * SIDE + b + T) * SIDE + c + T;
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  return counts;
}

/** Part of the pairs (cover, stego) that a score puts in the right order; ties count a half. */
export function areaUnderCurve(covers: readonly number[], stegos: readonly number[]): number {
  let sum = 0;
  for (const cover of covers) {
    for (const stego of stegos) sum += stego > cover ? 1 : stego === cover ? 0.5 : 0;
  }
  return sum / (covers.length * stegos.length);
}
