/** Bytes that look like others, but are not. */
import type { Random } from '../test/support/random.ts';

const STRANGE = [0, 1, 2, 0x10, 0x20, 0x7f, 0x80, 0xff];
const STEPS_MAX = 6;
const SIZE_MAX = 16 * 1024;

type Step = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const flip: Step = (bytes, random) => {
  const at = random.below(bytes.length);
  return with_(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
};

const strange: Step = (bytes, random) =>
  with_(bytes, random.below(bytes.length), random.pick(STRANGE) ?? 0);

const count: Step = (bytes, random) => {
  const at = random.below(bytes.length);
  return with_(bytes, at, (bytes[at] ?? 0) + 1 + random.below(16) - 8);
};

const length: Step = (bytes, random) => {
  const at = random.below(bytes.length);
  const size = [2, 4, 8][random.below(3)] ?? 2;
  const value = random.pick([0, 1, 0xff, 0x7f, bytes.length & 0xff]) ?? 0;
  return bytes.map((byte, index) => (index >= at && index < at + size ? value : byte));
};

const cut: Step = (bytes, random) => {
  const from = random.below(bytes.length);
  const to = from + 1 + random.below(Math.min(32, bytes.length));
  return join(bytes.subarray(0, from), bytes.subarray(to));
};

const insert: Step = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  const more = random.bytes(1 + random.below(8));
  return join(bytes.subarray(0, at), more, bytes.subarray(at));
};

const repeat: Step = (bytes, random) => {
  const from = random.below(bytes.length);
  const part = bytes.subarray(from, from + 1 + random.below(64));
  const times = 1 + random.below(4);
  return join(bytes.subarray(0, from), ...Array(times).fill(part), bytes.subarray(from));
};

const splice: Step = (bytes, random, others) => {
  const other = random.pick(others) ?? bytes;
  const at = random.below(bytes.length + 1);
  return join(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
};

const STEPS: readonly Step[] = [flip, flip, strange, count, length, cut, insert, repeat, splice];

/** One to a few steps away from `bytes`; at most 16 KiB. `others` are there to be spliced in. */
export function mutate(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array {
  let mutant = bytes;
  for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps -= 1) {
    if (mutant.length === 0) mutant = random.bytes(1 + random.below(16));
    mutant = (random.pick(STEPS) ?? flip)(mutant, random, others);
  }
  return mutant.slice(0, SIZE_MAX);
}

function with_(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = value & 0xff;
  return changed;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
