/** One layer of profile integer, as docs/STEGO.md §5, §7 and §12 say it. */
import { integerPrior } from '../../../src/stego/prior.ts';
import {
  around,
  type Errors,
  levelOf,
  noiseOf,
  type Plane,
  rhombus,
  rowsOf,
  turned,
} from './oracle-samples.ts';

interface Carriers {
  /** Infinite where there is none. */
  readonly down: number;
  readonly up: number;
}

class Group {
  readonly counts: number[];
  seen = 0;
  due = 0;
  carriers: Carriers = { down: Number.NEGATIVE_INFINITY, up: Number.POSITIVE_INFINITY };

  constructor(index: number) {
    const { parts, whole } = integerPrior();
    const own = Array.from(parts.subarray(50 * index, 50 * index + 50));
    this.counts = own.map((part) => Math.floor((part * 300 * 16) / whole));
  }

  #count(from: number, to: number): number {
    return this.counts.slice(from + 24, to + 25).reduce((sum, count) => sum + count, 0);
  }

  /** Tries every pair of carriers, and every single one, in the order in which equals win. */
  choose(price: number): void {
    const worth = (d: number, beyond: number) => {
      const count = this.#count(d, d);
      return count * 65536 - (Math.floor(count / 2) + beyond) * price;
    };
    const ups = new Map([[Number.POSITIVE_INFINITY, 0]]);
    const downs = new Map([[Number.NEGATIVE_INFINITY, 0]]);
    for (let d = -23; d <= 24; d++) {
      ups.set(d, worth(d, this.#count(d + 1, 25)));
      downs.set(d, worth(d, this.#count(-24, d - 1)));
    }
    let best = 0;
    this.carriers = { down: Number.NEGATIVE_INFINITY, up: Number.POSITIVE_INFINITY };
    const judge = (down: number, up: number) => {
      const value = (downs.get(down) ?? 0) + (ups.get(up) ?? 0);
      if (value <= best) return;
      best = value;
      this.carriers = { down, up };
    };
    for (let greater = -23; greater <= 24; greater++) {
      for (const down of downs.keys()) if (down < greater) judge(down, greater);
      judge(greater, Number.POSITIVE_INFINITY);
    }
    this.due = this.seen + 32 + Math.floor(this.seen / 8);
  }
}

export interface Visit {
  readonly at: number;
  readonly direction: number;
  /** Steps of what is there, counted, from its base. */
  readonly d: number;
  readonly carriers: Carriers;
}

const countedAs = (sample: number, max: number) =>
  sample <= 1 ? 0 : sample >= max - 1 ? max : sample;

/** Walks a layer's first `end` samples; `restore` makes of a sample what the cover had there. */
function walk(plane: Plane, price: number, end: number, restore: (visit: Visit) => void) {
  const groups = Array.from({ length: 60 }, (_, index) => new Group(index));
  const errors: Errors = new Map();
  let index = 0;
  for (const { y, columns } of rowsOf(plane)) {
    for (const x of columns) {
      if (index++ >= end) return;
      const sample = around(plane, y, x);
      const counted = () => countedAs(sample(0, 0), plane.max);
      const mean = rhombus(sample);
      const { base, direction, f } = turned(mean);
      if (base >= 3 && base <= plane.max - 3) {
        const which = 3 * levelOf(noiseOf(sample, errors, y, x)) + Math.floor(f / 4);
        const group = groups[which] as Group;
        if (group.seen >= group.due) group.choose(price);
        const d = (counted() - base) * direction;
        const { carriers } = group;
        restore({ at: y * plane.width + x, direction, d, carriers });
        const bin = 24 + Math.min(25, Math.max(-24, (counted() - base) * direction));
        for (const [offset, weight] of [[0, 16] as const, [-3, 5] as const, [3, 5] as const]) {
          const counts = groups[which + offset]?.counts;
          if (counts !== undefined) counts[bin] = (counts[bin] ?? 0) + weight;
        }
        group.seen += 1;
      }
      errors.set(`${y} ${x}`, Math.abs(16 * counted() - mean));
    }
  }
}

/** Restores the first `end` samples of a layer; returns its bits. */
export function restoreShift(plane: Plane, price: number, end: number): number[] {
  const bits: number[] = [];
  const flagged: number[] = [];
  walk(plane, price, end, ({ at, direction, d, carriers: { down, up } }) => {
    const sample = plane.samples[at] ?? 0;
    if (d > down && d < up) return;
    if (sample === 0 || sample === plane.max) {
      flagged.push(at);
      return;
    }
    const [carrier, sign] = d >= up ? [up, 1] : [down, -1];
    if (d === carrier) bits.push(0);
    else {
      if (d === carrier + sign) bits.push(1);
      plane.samples[at] = sample - sign * direction;
    }
  });
  const flags = bits.splice(Math.max(0, bits.length - flagged.length));
  flagged.forEach((at, i) => {
    if (flags[i] === 1) plane.samples[at] = plane.samples[at] === 0 ? 1 : plane.max - 1;
  });
  return bits;
}

/**
 * Writes a layer; the first multiple of `step`, but 0, after which `enough` bits fit, ends it.
 * Returns that end. `nextBit` gives the body.
 */
export function writeShift(
  plane: Plane,
  price: number,
  { step, enough }: { readonly step: number; readonly enough: number },
  nextBit: () => number,
): number {
  const visits: (Visit | undefined)[] = [];
  const order = rowsOf(plane).flatMap(({ y, columns }) => columns.map((x) => y * plane.width + x));
  const byPlace = new Map<number, Visit>();
  walk(plane, price, order.length, (visit) => byPlace.set(visit.at, visit));
  const takes = ({ d, carriers }: Visit) => d <= carriers.down || d >= carriers.up;
  const isEnd = (at: number) => countedAs(plane.samples[at] ?? 0, plane.max) !== plane.samples[at];
  const isNearEnd = (at: number) => isEnd(at) || [0, plane.max].includes(plane.samples[at] ?? 0);
  const carries = ({ d, carriers, at }: Visit) =>
    (d === carriers.down || d === carriers.up) && !isNearEnd(at);
  let [bits, flags] = [0, 0];
  for (const [index, at] of order.entries()) {
    if (index > 0 && index % step === 0 && bits - flags >= enough) break;
    const visit = byPlace.get(at);
    visits.push(visit);
    if (visit === undefined || !takes(visit)) continue;
    if (carries(visit)) bits += 1;
    if (isNearEnd(at)) flags += 1;
  }
  const acting = visits.filter((visit) => visit !== undefined).filter(takes);
  const tail = acting.filter(({ at }) => isNearEnd(at)).map(({ at }) => (isEnd(at) ? 1 : 0));
  let used = 0;
  for (const visit of acting) {
    const { at, d, direction, carriers } = visit;
    const sign = (d >= carriers.up ? 1 : -1) * direction;
    const bit = !carries(visit) || (used++ < bits - flags ? nextBit() : (tail.shift() ?? 0)) === 1;
    const isThere = isNearEnd(at) && !isEnd(at);
    if (bit && !isThere) plane.samples[at] = (plane.samples[at] ?? 0) + sign;
  }
  return visits.length;
}
