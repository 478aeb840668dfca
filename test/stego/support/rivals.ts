/** What other methods would do to the samples. Only changes count here: nothing is read back. */
import { randomOf } from './pictures.ts';
import type { Gray } from './steganalysis.ts';

export type Hide = (cover: Gray, bits: number, seed: number) => Gray;

/** Random bits in the least significant bits of random samples. */
export const replaceLowestBits: Hide = (cover, bits, seed) => {
  const random = randomOf(seed);
  const plane = cover.plane.slice();
  const order = shuffled(plane.length, random);
  for (const at of order.slice(0, bits)) {
    plane[at] = ((plane[at] as number) & ~1) | (random() < 0.5 ? 1 : 0);
  }
  return { ...cover, plane };
};

/** Ni, Shi, Ansari, Su 2006: the fullest value carries, all up to an empty one move; repeated. */
export const shiftValues: Hide = (cover, bits, seed) => {
  const random = randomOf(seed);
  const plane = cover.plane.slice();
  for (let left = bits, pass = 0; left > 0 && pass < 64; pass++) {
    const counts = new Float64Array(256);
    for (const sample of plane) counts[sample] = (counts[sample] ?? 0) + 1;
    const peak = counts.indexOf(Math.max(...counts));
    const empty = nearestRarest(counts, peak);
    const step = Math.sign(empty - peak);
    for (let i = 0; i < plane.length; i++) {
      const sample = plane[i] as number;
      if (sample === peak) {
        if (left-- > 0 && random() < 0.5) plane[i] = sample + step;
      } else if ((sample - peak) * step > 0 && (empty - sample) * step > 0)
        plane[i] = sample + step;
    }
  }
  return { ...cover, plane };
};

function nearestRarest(counts: Float64Array, peak: number): number {
  const least = Math.min(...counts);
  let best = peak < 128 ? 255 : 0;
  for (let value = 0; value < 256; value++) {
    const isNearer = Math.abs(value - peak) < Math.abs(best - peak) || counts[best] !== least;
    if (value !== peak && counts[value] === least && isNearer) best = value;
  }
  return best;
}

/** Sachnev et al. 2009: rhombus prediction errors, smoothest first, expanded within thresholds. */
export const expandErrors: Hide = (cover, bits, seed) => {
  const random = randomOf(seed);
  const plane = cover.plane.slice();
  for (const parity of [0, 1]) expandLayer({ ...cover, plane }, parity, bits / 2, random);
  return { ...cover, plane };
};

function expandLayer(
  { width, height, plane }: Gray,
  parity: number,
  bits: number,
  random: () => number,
) {
  const cells: { at: number; error: number; spread: number }[] = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1 + ((y + 1 + parity) & 1); x < width - 1; x += 2) {
      const at = y * width + x;
      const four = [at - width, at - 1, at + width, at + 1].map((i) => plane[i] as number);
      const sum = four.reduce((a, b) => a + b, 0);
      const steps = four.map((v, i) => Math.abs(v - (four[(i + 1) % 4] as number)));
      const centre = steps.reduce((a, b) => a + b, 0) / 4;
      const spread = steps.reduce((a, b) => a + (b - centre) ** 2, 0);
      cells.push({ at, error: (plane[at] as number) - Math.floor(sum / 4), spread });
    }
  }
  cells.sort((a, b) => a.spread - b.spread);
  const carries = (low: number, high: number) =>
    cells.filter(({ error }) => error >= low && error <= high).length;
  let [low, high] = [0, 0];
  while (carries(low, high) < bits && high < 16) {
    if (-low < high) low--;
    else high++;
  }
  let left = bits;
  for (const { at, error } of cells) {
    if (left <= 0) break;
    const isInside = error >= low && error <= high;
    const by = isInside ? error + (random() < 0.5 ? 1 : 0) : error > high ? high + 1 : low;
    const sample = (plane[at] as number) + by;
    if (sample < 0 || sample > 255) continue;
    plane[at] = sample;
    if (isInside) left--;
  }
}

function shuffled(size: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    const kept = order[i] as number;
    order[i] = order[other] as number;
    order[other] = kept;
  }
  return order;
}
