/**
 * From a prediction and a noise level to a context: which histogram a sample belongs to, and where
 * in it. Integers only.
 *
 * Histograms are of d, the distance from the prediction rounded *away* from the nearer half: each
 * prediction is turned so that its fraction is at most one half, which makes all of them alike.
 * Near black, and turned near white, a context of its own knows how far d may go down, so no step
 * ever leaves the range, and no map of exceptions is needed.
 */

/** Predictions and errors are counted in sixteenths of a sample step. */
export const UNIT = 16;
/** Noise is counted in these parts of a step. */
export const NOISE_UNIT = 1600;

export const LEVELS = 20;
/** Widest window: d from -24 to 25. */
export const BINS = 50;
export const ORIGIN = 24;

/** Predictions at, near, and far from a whole step have histograms of their own. */
export const KINDS = 3;
const KIND_OF = Uint8Array.of(0, 0, 0, 1, 1, 1, 2, 2, 2);
/** Contexts away from black and white, kind by kind; then five a level, by the room left. */
const CLIPS = 5;
export const CONTEXTS = LEVELS * (KINDS + CLIPS);

/** Upper bounds of the noise levels: 0.45 × 1.25^k steps, times 1600. */
const THRESHOLDS = Int32Array.of(
  ...[720, 900, 1125, 1406, 1758, 2197, 2747, 3433, 4292, 5364],
  ...[6706, 8382, 10478, 13097, 16371, 20464, 25580, 31975, 39969],
);

/** How far below 0 d may be at each level; above it one more. */
const REACH = Int32Array.from({ length: LEVELS }, (_, level) => {
  const scale = level === 0 ? 648 : ((THRESHOLDS[level - 1] as number) * 9) / 8;
  return Math.min(ORIGIN, Math.floor(scale / 320) + 3);
});

/** By the number of a noise's leading zero bits: the lowest level it can be in. */
const LEVEL_FROM = Uint8Array.from(
  { length: 33 },
  (_, zeros) => THRESHOLDS.filter((threshold) => threshold < 2 ** (31 - zeros)).length,
);

/** @param noise in 1/1600 steps. */
export function levelOf(noise: number): number {
  // Beyond 2^32 the bits wrap around: then it is looked for from further down.
  let level = LEVEL_FROM[Math.clz32(noise)] as number;
  while (level < LEVELS - 1 && noise > (THRESHOLDS[level] as number)) level++;
  return level;
}

/** The bins of a context: its window. */
export function windowOf(context: number): { readonly lowest: number; readonly highest: number } {
  const level = context % LEVELS;
  const clip = Math.floor(context / LEVELS) - KINDS;
  const reach = REACH[level] as number;
  const down = clip < 0 ? reach : Math.min(clip, reach);
  return { lowest: ORIGIN - down, highest: ORIGIN + 1 + reach };
}

/** Where a sample stands. One object serves a whole layer: it is overwritten by every `locate`. */
export class Place {
  context = 0;
  /** The sample value at d = 0. */
  base = 0;
  /** 1, or -1 where the histogram is turned. */
  direction = 1;

  /** @param mean in sixteenths, within 0 … 16 × max. */
  locate(mean: number, level: number, max: number): void {
    const reach = REACH[level] as number;
    const below = mean >> 4;
    const above = (mean + UNIT - 1) >> 4;
    const fraction = mean & (UNIT - 1);
    if (below <= reach) {
      this.#set(level + LEVELS * (KINDS + Math.min(below, CLIPS - 1)), below, 1);
    } else if (max - above <= reach) {
      this.#set(level + LEVELS * (KINDS + Math.min(max - above, CLIPS - 1)), above, -1);
    } else if (fraction > UNIT / 2) {
      this.#set(level + LEVELS * (KIND_OF[UNIT - fraction] as number), above, -1);
    } else {
      this.#set(level + LEVELS * (KIND_OF[fraction] as number), below, 1);
    }
  }

  #set(context: number, base: number, direction: number): void {
    this.context = context;
    this.base = base;
    this.direction = direction;
  }
}
