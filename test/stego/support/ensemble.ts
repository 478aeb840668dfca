/**
 * The ensemble classifier of Kodovský, Fridrich, Holub 2012: Fisher's linear discriminants, each on
 * random features and on pictures drawn with replacement, vote. How many features each sees is
 * chosen by what they say of the pictures that they were not drawn, so nothing is tuned by hand.
 */
import { randomOf } from './pictures.ts';

/** Covers and stego images of the same pictures, as features. */
export interface Pairs {
  readonly covers: readonly Float64Array[];
  readonly stegos: readonly Float64Array[];
}

const LEARNERS = 41;
const SUBSPACES = [10, 25, 50, 100, 200] as const;
/** Keeps a system solvable, and is too small to hide the quiet directions in which stego differs. */
const RIDGE = 1e-8;

interface Learner {
  readonly own: Int32Array;
  readonly weights: Float64Array;
  readonly border: number;
}

/** Votes: above zero they say stego. */
export type Judge = (features: Float64Array) => number;

export function train(pairs: Pairs, seed: number): Judge {
  const scaled = scaledFeatures(pairs);
  let best: { readonly wrong: number; readonly learners: readonly Learner[] } | undefined;
  for (const size of SUBSPACES) {
    if (size > scaled.useful.length || size > pairs.covers.length) continue;
    const grown = grow(scaled, size, randomOf(seed));
    if (best === undefined || grown.wrong < best.wrong) best = grown;
  }
  const learners = best?.learners ?? [];
  return (features) => votes(learners, features);
}

function votes(learners: readonly Learner[], features: Float64Array): number {
  return learners.reduce((sum, one) => sum + Math.sign(score(one, features) - one.border), 0);
}

function score({ own, weights }: Omit<Learner, 'border'>, features: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < own.length; i++) {
    sum += (weights[i] as number) * (features[own[i] as number] as number);
  }
  return sum;
}

interface Scaled extends Pairs {
  /** Features that hiding changes at all, and by how much they vary. */
  readonly useful: Int32Array;
  readonly spread: Float64Array;
}

function scaledFeatures({ covers, stegos }: Pairs): Scaled {
  const size = covers[0]?.length ?? 0;
  const spread = new Float64Array(size);
  for (let f = 0; f < size; f++) {
    const mean = covers.reduce((sum, of) => sum + (of[f] as number), 0) / covers.length;
    const square = covers.reduce((sum, of) => sum + ((of[f] as number) - mean) ** 2, 0);
    spread[f] = Math.sqrt(square / covers.length);
  }
  const useful = Int32Array.from(
    Array.from({ length: size }, (_, f) => f).filter(
      (f) => (spread[f] as number) > 0 && stegos.some((of, n) => of[f] !== covers[n]?.[f]),
    ),
  );
  return { covers, stegos, useful, spread };
}

/** Learners on `size` features each, and how often those not shown a picture are wrong about it. */
function grow(data: Scaled, size: number, random: () => number) {
  const { covers, stegos } = data;
  const about = { cover: new Int32Array(covers.length), stego: new Int32Array(covers.length) };
  const learners: Learner[] = [];
  while (learners.length < LEARNERS) {
    const drawn = Int32Array.from(covers, () => Math.floor(random() * covers.length));
    const learner = discriminant(data, chosen(data.useful, size, random), drawn);
    learners.push(learner);
    const shown = new Set(drawn);
    for (let n = 0; n < covers.length; n++) {
      if (shown.has(n)) continue;
      const vote = (of: Float64Array) => Math.sign(score(learner, of) - learner.border);
      about.cover[n] = (about.cover[n] as number) + vote(covers[n] as Float64Array);
      about.stego[n] = (about.stego[n] as number) + vote(stegos[n] as Float64Array);
    }
  }
  const half = (isWrong: boolean, isTie: boolean) => (isTie ? 0.5 : isWrong ? 1 : 0);
  let wrong = 0;
  about.cover.forEach((vote) => {
    wrong += half(vote > 0, vote === 0);
  });
  about.stego.forEach((vote) => {
    wrong += half(vote < 0, vote === 0);
  });
  return { learners, wrong };
}

function chosen(from: Int32Array, count: number, random: () => number): Int32Array {
  const pool = from.slice();
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random() * (pool.length - i));
    const kept = pool[i] as number;
    pool[i] = pool[other] as number;
    pool[other] = kept;
  }
  return pool.slice(0, count);
}

function discriminant(data: Scaled, own: Int32Array, drawn: Int32Array): Learner {
  const size = own.length;
  const classes = [data.covers, data.stegos].map((of) => {
    const rows = Array.from(drawn, (n) =>
      Float64Array.from(own, (f) => (of[n]?.[f] as number) / (data.spread[f] as number)),
    );
    const centre = Float64Array.from(
      own,
      (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length,
    );
    return { rows, centre };
  });
  const scatter = Array.from({ length: size }, () => new Float64Array(size));
  for (const { rows, centre } of classes) for (const row of rows) addSquare(scatter, row, centre);
  const [low, high] = classes.map(({ centre }) => centre) as [Float64Array, Float64Array];
  const weights = solved(
    scatter,
    high.map((value, i) => value - (low[i] as number)),
  ).map((weight, i) => weight / (data.spread[own[i] as number] as number));
  const of = (list: readonly Float64Array[]) =>
    Array.from(drawn, (n) => score({ own, weights }, list[n] as Float64Array));
  return { own, weights, border: bestBorder(of(data.covers), of(data.stegos)) };
}

function addSquare(scatter: readonly Float64Array[], row: Float64Array, centre: Float64Array) {
  const away = row.map((value, i) => value - (centre[i] as number));
  for (let i = 0; i < away.length; i++) {
    const [into, factor] = [scatter[i] as Float64Array, away[i] as number];
    for (let j = 0; j <= i; j++) into[j] = (into[j] as number) + factor * (away[j] as number);
  }
}

/** Cholesky's method, in place; only the lower half of the matrix is there. */
function solved(rows: readonly Float64Array[], right: Float64Array): Float64Array {
  const size = rows.length;
  const at = (i: number, j: number) => (rows[i] as Float64Array)[j] as number;
  const mean = rows.reduce((sum, row, i) => sum + (row[i] as number), 0) / size;
  for (let i = 0; i < size; i++) {
    const row = rows[i] as Float64Array;
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j) + (i === j ? RIDGE * mean : 0);
      const other = rows[j] as Float64Array;
      for (let k = 0; k < j; k++) sum -= (row[k] as number) * (other[k] as number);
      row[j] = i === j ? Math.sqrt(Math.max(sum, RIDGE * mean)) : sum / at(j, j);
    }
  }
  const x = right.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - at(i, k) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i] = (x[i] as number) - at(k, i) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  return x;
}

/** The score with the fewest wrong answers on either side. */
function bestBorder(covers: readonly number[], stegos: readonly number[]): number {
  const all = [
    ...covers.map((value) => ({ value, step: -1 })),
    ...stegos.map((value) => ({ value, step: 1 })),
  ].sort((a, b) => a.value - b.value);
  let [wrong, least, border] = [covers.length, covers.length, (all[0]?.value ?? 0) - 1];
  all.forEach(({ value, step }, i) => {
    wrong += step;
    if (wrong < least) [least, border] = [wrong, (value + (all[i + 1]?.value ?? value)) / 2];
  });
  return border;
}
