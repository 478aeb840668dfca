/**
 * A second implementation of docs/STEGO.md, both ways, as slow and plain as the page: it shares with
 * the engine the trained numbers and what a picture is, and nothing else.
 */
import { createCipheriv } from 'node:crypto';
import type { Picture } from '../../../src/stego/picture.ts';
import { type CodedName, restoreCoded, writeCoded } from './oracle-coded.ts';
import { LAYERS, type Plane, rowsOf } from './oracle-samples.ts';
import { restoreShift, writeShift } from './oracle-shift.ts';
import { Twin } from './twin.ts';

const NAMES = ['fast', 'max', 'integer'] as const;

/** What whoever embeds may choose; all else follows. */
export interface Choice {
  readonly profile: (typeof NAMES)[number];
  readonly shift: number;
  readonly price: number;
  readonly oneLayer: boolean;
  /** What the last layers' price is lower by; profile integer has none. */
  readonly easing: number;
}

export interface Read extends Choice {
  readonly start: number;
  readonly state: number;
}

function streamOf(key: Uint8Array, purpose: string, size: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.write(purpose, 4, 'latin1');
  return createCipheriv('chacha20', key, nonce).update(Buffer.alloc(size));
}

const coloursOf = ({ colour, planes }: Picture) =>
  colour === 'gray' || colour === 'rgb' ? planes : planes.slice(0, -1);

/** The samples of every block, as plane and index. */
function blocksOf(picture: Picture, key: Uint8Array) {
  const { width, height, depth } = picture;
  const isOn = (x: number, y: number) =>
    x >= 0 &&
    y >= 0 &&
    x < width &&
    y < height &&
    (x % (width - 1) === 0 || y % (height - 1) === 0);
  const whole = coloursOf(picture).flatMap((_, plane) =>
    Array.from({ length: width * height }, (_, at) => ({ plane, at })).filter(({ at }) =>
      isOn(at % width, Math.floor(at / width)),
    ),
  );
  const rough = whole.filter(({ plane, at }) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    const even = (x: number, y: number) => (coloursOf(picture)[plane]?.[y * width + x] ?? 0) & ~1;
    if ([0, 2 ** depth - 2].includes(even(x, y))) return false;
    const around = [[-1, 0] as const, [1, 0] as const, [0, -1] as const, [0, 1] as const];
    return around.some(([dx, dy]) => isOn(x + dx, y + dy) && even(x + dx, y + dy) !== even(x, y));
  });
  const ring = rough.length < 63 ? whole : rough;
  let k = 7;
  while (Math.ceil(63 / k) * (2 ** k - 1) > ring.length) k--;
  const count = Math.ceil(63 / k) * (2 ** k - 1);
  const random = streamOf(key, 'place', 8 * count);
  for (let i = 0; i < count; i++) {
    const high = (random.readUInt32LE(8 * i) >>> 11) * 2 ** 32 + random.readUInt32LE(8 * i + 4);
    const other = i + Math.floor((high * (ring.length - i)) / 2 ** 53);
    [ring[i], ring[other]] = [ring[other], ring[i]] as [(typeof ring)[0], (typeof ring)[0]];
  }
  const blocks = Array.from({ length: Math.ceil(63 / k) }, (_, b) =>
    ring.slice(b * (2 ** k - 1), (b + 1) * (2 ** k - 1)),
  );
  return { k, blocks };
}

function readRing(picture: Picture, key: Uint8Array): bigint {
  const { k, blocks } = blocksOf(picture, key);
  let bits = 0n;
  for (const [b, block] of blocks.entries()) {
    const says = block.reduce((sum, { plane, at }, i) => {
      return (coloursOf(picture)[plane]?.[at] ?? 0) % 2 === 1 ? sum ^ (i + 1) : sum;
    }, 0);
    bits |= BigInt(says) << BigInt(k * b);
  }
  const mask = streamOf(key, 'header', 8).readBigUInt64LE();
  return (bits ^ mask) % 2n ** 63n;
}

function writeRing(picture: Picture, key: Uint8Array, bits: bigint): void {
  const { k, blocks } = blocksOf(picture, key);
  const difference = readRing(picture, key) ^ bits;
  for (const [b, block] of blocks.entries()) {
    const which = Number((difference >> BigInt(k * b)) % 2n ** BigInt(k));
    const one = which === 0 ? undefined : block[which - 1];
    const plane = one && coloursOf(picture)[one.plane];
    if (plane !== undefined && one !== undefined) plane[one.at] = (plane[one.at] ?? 0) ^ 1;
  }
}

function headerOf(bits: bigint): Read {
  const field = (first: bigint, size: bigint) => Number((bits >> first) % 2n ** size);
  const profile = NAMES[Number((bits >> 32n) % 4n)] ?? 'fast';
  const common = {
    profile,
    state: field(0n, 32n),
    shift: field(34n, 3n),
    oneLayer: field(59n, 1n) === 1,
  };
  if (profile === 'integer') {
    return { ...common, price: field(37n, 12n), start: field(49n, 10n), easing: 0 };
  }
  const price = PRICES[field(37n, 9n)] ?? Number.NaN;
  return { ...common, price, easing: field(46n, 7n), start: field(53n, 6n) };
}

/** Those that fast and max can tell. */
const PRICES = Array.from({ length: 128 }, (_, price) => price);
for (let price = 128, step = 2; PRICES.length < 448; price += step) {
  if (price === 128 * step) step *= 2;
  PRICES.push(price);
}

function bitsOf({ state, profile, shift, price, start, easing, oneLayer }: Read): bigint {
  const steering =
    profile === 'integer'
      ? [[price, 37n] as const, [start, 49n] as const]
      : [[PRICES.indexOf(price), 37n] as const, [easing, 46n] as const, [start, 53n] as const];
  return [
    [state, 0n] as const,
    [NAMES.indexOf(profile), 32n] as const,
    [shift, 34n] as const,
    ...steering,
    [oneLayer ? 1 : 0, 59n] as const,
  ].reduce((bits, [value, at]) => bits | (BigInt(value) << at), 0n);
}

/** What a stego image says of itself. */
export const lookAt = (stego: Picture, key: Uint8Array): Read => headerOf(readRing(stego, key));

interface Layer extends Plane {
  /** Index of its colour. */
  readonly colour: number;
}

/** In the order of embedding: integer goes colour by colour, the others layer by layer. */
function layersOf(picture: Picture, { shift, oneLayer, profile }: Choice): Layer[] {
  const { width, height, depth } = picture;
  const max = Math.floor((2 ** depth - 1) / 2 ** shift);
  const colours = coloursOf(picture).map((plane) =>
    Array.from(plane, (sample, at) => {
      const [x, y] = [at % width, Math.floor(at / width)];
      const isRing = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      return Math.floor((isRing ? sample - (sample % 2) : sample) / 2 ** shift);
    }),
  );
  const layers = LAYERS[profile].slice(oneLayer ? -1 : 0);
  const layer = (has: Plane['has'], colour: number) => {
    return { width, height, max, samples: colours[colour] ?? [], has, colour };
  };
  const all = layers.map((has) => colours.map((_, colour) => layer(has, colour)));
  return profile === 'integer'
    ? colours.flatMap((_, c) => all.flatMap((l) => l[c] ?? []))
    : all.flat();
}

function putBack(picture: Picture, layers: readonly Layer[], shift: number): void {
  for (const plane of layers) {
    const target = coloursOf(picture)[plane.colour];
    for (const { y, columns } of rowsOf(plane)) {
      for (const x of columns) {
        const at = y * plane.width + x;
        const kept = (target?.[at] ?? 0) % 2 ** shift;
        if (target !== undefined) target[at] = (plane.samples[at] ?? 0) * 2 ** shift + kept;
      }
    }
  }
}

const copied = (picture: Picture) => ({ ...picture, planes: picture.planes.map((p) => p.slice()) });
const sizeOf = (layer: Plane) =>
  rowsOf(layer).reduce((sum, { columns }) => sum + columns.length, 0);
const stepOf = (last: Plane, { profile }: Choice) =>
  Math.max(1, Math.ceil(sizeOf(last) / (profile === 'integer' ? 1024 : 64)));
/** The last layers of all colours may be cheaper, or a little dearer. */
const priceOf = (layer: Plane, layers: readonly Plane[], { price, easing }: Choice) =>
  layer.has === layers.at(-1)?.has
    ? Math.min(4095, Math.floor((price * (544 - easing)) / 512))
    : price;
const ratioOf = (price: number) => {
  let ratio = 1;
  // Products of roots of 2, from the smallest: 2^(2^-20) to 2^(2^3).
  const roots = [8, 4, 2, 1].map((exponent) => 2 ** exponent);
  while (roots.length < 24) roots.push(Math.sqrt(roots.at(-1) ?? 1));
  roots.reverse().forEach((root, i) => {
    if (Math.floor((price * price) / 2 ** i) % 2 === 1) ratio *= root;
  });
  return ratio;
};

/** Undefined if the body has no end. */
function openBody(masked: readonly number[], key: Uint8Array) {
  const mask = streamOf(key, 'body', masked.length);
  const plain = masked.map((byte, i) => byte ^ (mask[i] ?? 0));
  while (plain.at(-1) === 0) plain.pop();
  if (plain.pop() !== 0x80 || plain.length < 8) return undefined;
  const ring = Buffer.from(plain.slice(0, 8)).readBigUInt64LE();
  return { ring, payload: Uint8Array.from(plain.slice(8)) };
}

export function extractSlowly(stego: Picture, key: Uint8Array) {
  const cover = copied(stego);
  const read = lookAt(stego, key);
  const layers = layersOf(stego, read);
  const last = layers.at(-1) as Plane;
  const step = stepOf(last, read);
  const bytes =
    read.profile === 'integer'
      ? bytesFromShift(layers, read, step)
      : bytesFromCoder(layers, read.profile, read, step);
  const body = bytes && openBody(bytes, key);
  if (body === undefined) return undefined;
  putBack(cover, layers, read.shift);
  writeRing(cover, key, body.ring);
  return { payload: body.payload, cover };
}

function bytesFromCoder(layers: readonly Plane[], name: CodedName, read: Read, step: number) {
  const coder = new Twin([]);
  coder.state = BigInt(read.state);
  for (const layer of [...layers].reverse()) {
    const from = layer === layers.at(-1) ? read.start * step : 0;
    restoreCoded(layer, name, ratioOf(priceOf(layer, layers, read)), coder, from);
  }
  if (coder.state !== 2n ** 16n || coder.borrowed > 0) return undefined;
  return coder.words.reverse().flatMap((word) => [word % 256, Math.floor(word / 256)]);
}

function bytesFromShift(layers: readonly Plane[], { price, start }: Read, step: number) {
  const bits = [...layers].reverse().map((layer) => {
    const end = layer === layers.at(-1) ? (start + 1) * step : Number.POSITIVE_INFINITY;
    return restoreShift(layer, Math.floor((price * price) / 16), end);
  });
  const all = bits.reverse().flat();
  return Array.from({ length: Math.floor(all.length / 8) }, (_, i) =>
    all.slice(8 * i, 8 * i + 8).reduce((byte, bit, k) => byte + bit * 2 ** k, 0),
  );
}

/** Undefined if it does not fit at that price. */
export function embedSlowly(cover: Picture, payload: Uint8Array, key: Uint8Array, choice: Choice) {
  const stego = copied(cover);
  const ring = Buffer.alloc(8);
  ring.writeBigUInt64LE(readRing(cover, key));
  const plain = [...ring, ...payload, 0x80];
  const mask = streamOf(key, 'body', plain.length + 4096);
  const byteAt = (i: number) => (plain[i] ?? 0) ^ (mask[i] ?? 0);
  const layers = layersOf(cover, choice);
  const step = stepOf(layers.at(-1) as Plane, choice);
  const end =
    choice.profile === 'integer'
      ? shiftInto(layers, choice, { step, size: plain.length, byteAt })
      : codeInto(layers, choice.profile, choice, { step, size: plain.length, byteAt });
  if (end === undefined) return undefined;
  putBack(stego, layers, choice.shift);
  writeRing(stego, key, bitsOf({ ...choice, ...end }));
  return stego;
}

interface Feed {
  readonly step: number;
  /** Bytes of the body, and what they and those behind them are. */
  readonly size: number;
  readonly byteAt: (index: number) => number;
}

function codeInto(
  layers: readonly Plane[],
  name: CodedName,
  choice: Choice,
  { step, size, byteAt }: Feed,
) {
  const wordAt = (i: number) => byteAt(2 * i) + 256 * byteAt(2 * i + 1);
  const count = Math.ceil(size / 2);
  const words = Array.from({ length: count }, (_, i) => wordAt(count - 1 - i));
  const coder = new Twin(words, (index) => wordAt(count + index));
  let stopped = 0;
  for (const layer of layers) {
    const isLast = layer === layers.at(-1);
    const isDone = (index: number) => isLast && index % step === 0 && coder.words.length === 0;
    stopped = writeCoded(layer, name, ratioOf(priceOf(layer, layers, choice)), coder, isDone);
  }
  if (coder.words.length > 0) return undefined;
  return { start: stopped / step, state: Number(coder.state) };
}

function shiftInto(layers: readonly Plane[], { price }: Choice, { step, size, byteAt }: Feed) {
  let [taken, end] = [0, 0];
  const nextBit = () => {
    const bit = Math.floor(byteAt(Math.floor(taken / 8)) / 2 ** (taken % 8)) % 2;
    taken += 1;
    return bit;
  };
  for (const layer of layers) {
    const isLast = layer === layers.at(-1);
    const until = { step: isLast ? step : Number.POSITIVE_INFINITY, enough: 8 * size - taken };
    end = writeShift(layer, Math.floor((price * price) / 16), until, nextBit);
  }
  if (taken < 8 * size) return undefined;
  return { start: Math.max(0, Math.ceil(end / step) - 1), state: 65536 };
}
