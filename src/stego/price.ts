/**
 * The price λ: how many bits a changed sample must bring. One number steers a whole embedding; it
 * travels as m with λ = m² / 2^20, fine where pictures are full and coarse where they are not.
 */

export const PRICE_MAX = 4095;

/** Prices that fast and max can tell in 9 bits: all below 128, then 64 to each doubling. */
export const PRICE_CODES = 448;

/** The code of the price of fast and max that is next to this one. */
export function encodePrice(price: number): number {
  const octave = Math.max(0, 25 - Math.clz32(price));
  return Math.min(PRICE_CODES - 1, 64 * octave + Math.round(price / 2 ** octave));
}

export function decodePrice(code: number): number {
  return code < 128 ? code : (64 + (code & 63)) << ((code >> 6) - 1);
}

/** FACTORS[i] = 2^(2^(i - 20)): by square roots and squares, so it is the same on every machine. */
const FACTORS = new Float64Array(24);
FACTORS[20] = 2;
for (let i = 19; i >= 0; i--) FACTORS[i] = Math.sqrt(FACTORS[i + 1] as number);
for (let i = 21; i < 24; i++) FACTORS[i] = (FACTORS[i - 1] as number) * (FACTORS[i - 1] as number);

/** 2^λ, the factor that neighbouring bins may differ by. */
export function ratioOf(price: number): number {
  const square = price * price;
  let ratio = 1;
  for (let i = 0; i < 24; i++) if ((square >>> i) & 1) ratio *= FACTORS[i] as number;
  return ratio;
}

/**
 * The highest price at which `bitsAt` still gives `needed` bits, or one lower by this part of it at
 * most; or undefined if even price 0 does not. `bitsAt` must fall with the price, at least nearly.
 */
export function findPrice(
  bitsAt: (price: number) => number,
  needed: number,
  tolerance = 1 / 256,
): number | undefined {
  // Where the logarithm of the bits would meet the wanted one, if it fell in a straight line.
  const wanted = Math.log(needed);
  let low = { price: 0, excess: Number.POSITIVE_INFINITY };
  let high = { price: PRICE_MAX, excess: Number.NEGATIVE_INFINITY };
  let price = 1024;
  for (let probes = 1; high.price - low.price > Math.max(1, low.price * tolerance); probes++) {
    const excess = Math.log(Math.max(1, bitsAt(price))) - wanted;
    if (excess >= 0) low = { price, excess };
    else high = { price, excess };
    // Straight lines creep where bits fall off a cliff; halving never does.
    price = probes % 3 === 0 ? (low.price + high.price) >> 1 : between(low, high);
  }
  if (low.price > 0 || bitsAt(0) >= needed) return low.price;
  return undefined;
}

interface Probe {
  readonly price: number;
  readonly excess: number;
}

function between(low: Probe, high: Probe): number {
  const width = high.price - low.price;
  const straight = low.price + (width * low.excess) / (low.excess - high.excess);
  // A little towards the nearer end, so that the bracket shrinks from both sides.
  const guess = Number.isFinite(straight)
    ? straight + width * (straight - low.price < width / 2 ? 0.02 : -0.02)
    : low.price + (Number.isFinite(low.excess) ? 0.25 : 0.6) * width;
  return Math.min(high.price - 1, Math.max(low.price + 1, Math.round(guess)));
}
