/**
 * The last layer of every plane has a price of its own. What is around its samples is as it will
 * be, so whoever embeds knows what is left for it, and can try what comes of a price before a
 * sample is changed: of several prices the one counts that holds the rest with the fewest changes.
 */
import { type Field, type Layer, layerSize } from './field.ts';
import { EASINGS, STEPS } from './header.ts';
import { type Tape, tryLayer, type Until, WHOLE, writeLayer } from './layer.ts';
import type { Prior } from './model.ts';
import { PRICE_MAX, ratioOf } from './price.ts';
import type { Rans } from './rans.ts';

/** What the header says of the last layers. */
export interface End {
  /** Where the very last one was left, in steps. */
  readonly start: number;
  /** How much cheaper a change was in them. */
  readonly easing: number;
}

/** The easing that changes nothing, in 512ths of the price; below it changes are dearer. */
const NO_EASING = 32;

export function easedPrice(price: number, easing: number): number {
  return Math.min(PRICE_MAX, Math.floor((price * (512 + NO_EASING - easing)) / 512));
}

/** Samples of the last layer from one possible end to the next. */
export function stepOf(field: Field, layer: Layer): number {
  return Math.max(1, Math.ceil(layerSize(field, layer) / STEPS));
}

/** The last layer of all planes, as it was read. */
export interface Last {
  readonly fields: readonly Field[];
  readonly layer: Layer;
  readonly tapes: readonly Tape[];
  readonly prior: Prior;
  readonly price: number;
  /** Whether nothing is left to write. */
  readonly isDone: (rans: Rans) => boolean;
  readonly onTry: () => void;
}

/** Writes the last layers: all but the very last one to their ends. */
export function writeLast(last: Last, rans: Rans): End {
  const { fields, layer, tapes, prior, price } = last;
  // Price 0 cannot be eased.
  const easing = price === 0 ? NO_EASING : bestEasing((easing) => attempt(last, rans, easing));
  const coding = { prior, ratio: ratioOf(easedPrice(price, easing)) };
  let start = 0;
  for (const [plane, field] of fields.entries()) {
    const until = untilOf(last, plane, rans);
    start = writeLayer(field, layer, tapes[plane] as Tape, coding, rans, until) / until.step;
  }
  return { start, easing };
}

function untilOf({ fields, layer, isDone }: Last, plane: number, rans: Rans): Until {
  if (plane < fields.length - 1) return WHOLE;
  return { step: stepOf(fields[plane] as Field, layer), isDone: () => isDone(rans) };
}

interface Attempt {
  /** Logarithm of what the layers hold over what they have to; below 0 it is too little. */
  readonly excess: number;
  readonly changes: number;
}

/** Counts what would come of an easing; neither samples nor the coder change. */
function attempt(last: Last, original: Rans, easing: number): Attempt {
  const rans = original.copy();
  const coding = { prior: last.prior, ratio: ratioOf(easedPrice(last.price, easing)) };
  // One word more: the state is as good as that even where the stack is empty already.
  const wanted = rans.stack.size + 1;
  let [held, changes] = [1, 0];
  for (const [plane, tape] of last.tapes.entries()) {
    const before = rans.stack.size;
    const written = tryLayer(tape, coding, rans, untilOf(last, plane, rans));
    const size = tape.bins.length;
    held += ((before - rans.stack.size) * size) / Math.max(1, size - written.index);
    changes += written.changes;
    last.onTry();
  }
  const excess = Math.log(Math.max(1, held) / wanted);
  return { excess: last.isDone(rans) ? Math.max(0, excess) : Math.min(-1e-9, excess), changes };
}

/** About how much more a layer holds with each easing, as a logarithm. */
const GROWTH = 1 / 80;
/** So often the next easing is guessed from it; then what is left between is halved. */
const GUESSES = 4;
/** How many are tried at least, always: so that time goes by size alone. */
const TRIES = 8;
/** From the least easing that holds all, in this order: what holds is chance, within one or two. */
const BESIDE = [1, -2, 2, -3, 3, 4, 5];

/** Of those tried the easing with the fewest changes that holds all that is left; the last if none. */
export function bestEasing(attempt: (easing: number) => Attempt): number {
  const changesAt = new Map<number, number>();
  let [short, enough] = [-1, EASINGS];
  const look = (easing: number) => {
    const { excess, changes } = attempt(easing);
    changesAt.set(easing, excess < 0 ? Number.POSITIVE_INFINITY : changes);
    if (excess < 0) short = Math.max(short, easing);
    else enough = Math.min(enough, easing);
    return Math.round(easing - excess / GROWTH);
  };
  for (let guess = NO_EASING; enough - short > 1; ) {
    const between = Math.min(enough - 1, Math.max(short + 1, guess));
    guess = look(changesAt.size < GUESSES ? between : (short + enough) >> 1);
  }
  const least = enough;
  for (const easing of BESIDE.map((step) => least + step)) {
    if (changesAt.size >= TRIES) break;
    if (easing >= 0 && easing < EASINGS && !changesAt.has(easing)) look(easing);
  }
  const [best] = [...changesAt].sort(([, a], [, b]) => a - b);
  return best !== undefined && best[1] < Number.POSITIVE_INFINITY ? best[0] : EASINGS - 1;
}
