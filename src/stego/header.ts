/**
 * The 63 bits that whoever restores must know first: docs/STEGO.md §4.
 *
 * They are syndromes of least significant bits on the picture's outermost ring: each block of
 * 2^k - 1 samples tells k bits and changes at most one sample. Which samples make up the blocks,
 * and a mask over the bits, come from the key. A changed sample in a frame of one colour would be
 * seen by anybody, so the blocks are drawn from where the ring is rough, if it is rough enough.
 */
import { Keystream } from './chacha20.ts';
import { carryingPlanes, type Picture } from './picture.ts';
import { decodePrice, encodePrice, PRICE_CODES } from './price.ts';

export const HEADER_BITS = 63;
/** Of profile integer. */
export const STARTS = 1024;
/** Of fast and max. */
export const [STEPS, EASINGS] = [64, 128];
const INTEGER = 2;
const ONE_LAYER = 1 << 27;

export interface Header {
  readonly profile: number;
  /** Lowest bits of each sample that take no part. */
  readonly shift: number;
  /** Of fast and max one of those that `encodePrice` knows. */
  readonly price: number;
  /** Whether only the last layer of each plane carries: enough for short messages. */
  readonly oneLayer: boolean;
  /** Where the last layer was left: in 1024ths, of fast and max in 64ths. */
  readonly start: number;
  /** How much cheaper the last layers were, in 512ths of the price; of integer 0. */
  readonly easing: number;
  readonly state: number;
}

/** Least significant bits are bits 0 to 6 of byte 0 first; bit 63 is zero. */
export type HeaderBits = Uint8Array;

export function encodeHeader({ profile, shift, oneLayer, state, ...header }: Header): HeaderBits {
  const bits = new Uint8Array(8);
  const view = new DataView(bits.buffer);
  view.setUint32(0, state, true);
  const { price, start, easing } = header;
  const prices =
    profile === INTEGER
      ? price | (start << 12)
      : encodePrice(price) | (easing << 9) | (start << 16);
  const rest = profile | (shift << 2) | (prices << 5) | (oneLayer ? ONE_LAYER : 0);
  view.setUint32(4, rest, true);
  return bits;
}

/** Undefined if no embedding writes such bits: most wrong keys end here. */
export function decodeHeader(bits: HeaderBits): Header | undefined {
  const view = new DataView(bits.buffer, bits.byteOffset, bits.length);
  const state = view.getUint32(0, true);
  const rest = view.getUint32(4, true);
  const profile = rest & 3;
  const isShifted = profile === INTEGER;
  const isOurs = rest >>> 28 === 0 && profile < 3 && state >= 0x10000;
  const code = (rest >>> 5) & 0x1ff;
  if (!isOurs || (!isShifted && code >= PRICE_CODES)) return undefined;
  return {
    profile,
    shift: (rest >>> 2) & 7,
    price: isShifted ? (rest >>> 5) & 0xfff : decodePrice(code),
    start: isShifted ? (rest >>> 17) & 0x3ff : (rest >>> 21) & 0x3f,
    easing: isShifted ? 0 : (rest >>> 14) & 0x7f,
    oneLayer: (rest & ONE_LAYER) !== 0,
    state,
  };
}

/** The ring of one picture under one key. It changes the picture's planes in place. */
export class HeaderRing {
  readonly #planes: readonly Uint16Array[];
  readonly #mask: HeaderBits;
  /** Bits a block, and for each sample of each block its plane and index. */
  readonly #order: number;
  readonly #where: Uint32Array;
  readonly #planeSize: number;

  /** Whether a picture of these dimensions has enough ring for a header, and an inside. */
  static fits({ width, height, planes }: { width: number; height: number; planes: number }) {
    return width >= 3 && height >= 3 && orderFor(ringSize(width, height) * planes) > 0;
  }

  constructor(picture: Picture, key: Uint8Array) {
    this.#planes = carryingPlanes(picture);
    this.#mask = new Keystream(key, 'header').bytes(0, 8);
    this.#mask[7] = (this.#mask[7] as number) & 0x7f;
    this.#planeSize = picture.width * picture.height;
    const places = placesOf(picture);
    this.#order = orderFor(places.length);
    this.#where = drawn(places, samplesFor(this.#order), new Keystream(key, 'place'));
  }

  /** The bits as they stand, mask removed. */
  read(): HeaderBits {
    const bits = this.#mask.slice();
    for (let block = 0; block * this.#order < HEADER_BITS; block++) {
      toggle(bits, block * this.#order, this.#syndrome(block));
    }
    return bits;
  }

  /** Makes the ring say `bits`, by at most one step of one sample a block. */
  write(bits: HeaderBits): void {
    const difference = this.read();
    for (let i = 0; i < 8; i++) difference[i] = (difference[i] as number) ^ (bits[i] as number);
    for (let block = 0; block * this.#order < HEADER_BITS; block++) {
      const first = block * this.#order;
      let which = 0;
      for (let i = 0; i < this.#order && first + i < HEADER_BITS; i++) {
        which |= (((difference[(first + i) >> 3] as number) >> ((first + i) & 7)) & 1) << i;
      }
      if (which > 0) this.#flip(block * blockSize(this.#order) + which - 1);
    }
  }

  #syndrome(block: number): number {
    const size = blockSize(this.#order);
    let syndrome = 0;
    for (let i = 0; i < size; i++) {
      const where = this.#where[block * size + i] as number;
      const plane = this.#planes[Math.floor(where / this.#planeSize)] as Uint16Array;
      if ((plane[where % this.#planeSize] as number) & 1) syndrome ^= i + 1;
    }
    return syndrome;
  }

  #flip(index: number): void {
    const where = this.#where[index] as number;
    const plane = this.#planes[Math.floor(where / this.#planeSize)] as Uint16Array;
    plane[where % this.#planeSize] = (plane[where % this.#planeSize] as number) ^ 1;
  }
}

/**
 * Whether the picture's frame is so even that the header has to stand where it can be seen; then
 * `unchangingBytes` are those of other such pictures, too.
 */
export function hasPlainFrame(picture: Picture): boolean {
  return roughOf(picture).length < HEADER_BITS;
}

/**
 * What hiding never changes, however often: dimensions, and the ring without its lowest bits. It
 * tells pictures apart, and is the same for a cover and all stego images made of it.
 */
export function unchangingBytes(picture: Picture): Uint8Array {
  const { width, height, depth } = picture;
  const planes = carryingPlanes(picture);
  const ring = ringOf(width, height, planes.length);
  const bytes = new Uint8Array(16 + 2 * ring.length);
  const view = new DataView(bytes.buffer);
  [width, height, depth, planes.length].forEach((value, i) => {
    view.setUint32(4 * i, value);
  });
  ring.forEach((where, i) => {
    const plane = planes[Math.floor(where / (width * height))] as Uint16Array;
    view.setUint16(16 + 2 * i, (plane[where % (width * height)] as number) >> 1);
  });
  return bytes;
}

/** Flips the bits of `value` in `bits`, from bit `first` on; what lies beyond bit 62 is ignored. */
function toggle(bits: HeaderBits, first: number, value: number): void {
  for (let i = first; value >> (i - first) > 0 && i < HEADER_BITS; i++) {
    bits[i >> 3] = (bits[i >> 3] as number) ^ (((value >> (i - first)) & 1) << (i & 7));
  }
}

function blockSize(order: number): number {
  return 2 ** order - 1;
}

function samplesFor(order: number): number {
  return Math.ceil(HEADER_BITS / order) * blockSize(order);
}

/** The most bits a block, 1 to 7, for which the ring suffices; 0 if it never does. */
function orderFor(ringLength: number): number {
  let order = 7;
  while (order > 0 && samplesFor(order) > ringLength) order--;
  return order;
}

function ringSize(width: number, height: number): number {
  return width * height - Math.max(0, width - 2) * Math.max(0, height - 2);
}

/** Hears of each of the outermost samples by its index: plane after plane, each row by row. */
function alongRing(
  width: number,
  height: number,
  planes: number,
  hear: (where: number) => void,
): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let y = 0; y < height; y++) {
      const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
      for (let x = 0; x < width; x += step) hear((plane * height + y) * width + x);
    }
  }
}

function ringOf(width: number, height: number, planes: number): Uint32Array {
  const ring = new Uint32Array(ringSize(width, height) * planes);
  let count = 0;
  alongRing(width, height, planes, (where) => {
    ring[count++] = where;
  });
  return ring;
}

/**
 * Of pictures that many keys are tried on: where they are narrow, nearly all is ring. Nothing that
 * is written, to the ring or to the inside, makes other places of them.
 */
const knownPlaces = new WeakMap<Picture, Uint32Array>();

/** Where a header may stand: where the ring is rough; all of it if that is too little. */
function placesOf(picture: Picture): Uint32Array {
  let places = knownPlaces.get(picture) ?? roughOf(picture);
  if (places.length < HEADER_BITS) {
    places = ringOf(picture.width, picture.height, carryingPlanes(picture).length);
  }
  knownPlaces.set(picture, places);
  return places;
}

/** Those of the ring that differ from a neighbour on it, and are neither black nor white. */
function roughOf(picture: Picture): Uint32Array {
  const { width, height, depth } = picture;
  const planes = carryingPlanes(picture);
  const white = (2 ** depth - 1) >> 1;
  const rough = new Uint32Array(ringSize(width, height) * planes.length);
  let count = 0;
  alongRing(width, height, planes.length, (where) => {
    const plane = planes[Math.floor(where / (width * height))] as Uint16Array;
    const at = where % (width * height);
    const upper = (plane[at] as number) >> 1;
    if (upper === 0 || upper === white) return;
    if (differsOnRing(plane, at, width, height)) rough[count++] = where;
  });
  return rough.slice(0, count);
}

/** From one of the two of a plane's ring that touch it, without their lowest bits. */
function differsOnRing(plane: Uint16Array, at: number, width: number, height: number): boolean {
  const [x, y] = [at % width, Math.floor(at / width)];
  const upper = (plane[at] as number) >> 1;
  const differs = (other: number) => (plane[other] as number) >> 1 !== upper;
  if (y === 0 || y === height - 1) {
    if ((x > 0 && differs(at - 1)) || (x < width - 1 && differs(at + 1))) return true;
  }
  if (x !== 0 && x !== width - 1) return false;
  return (y > 0 && differs(at - width)) || (y < height - 1 && differs(at + width));
}

/** The first `count` of a Fisher–Yates shuffle. */
function drawn(places: Uint32Array, count: number, random: Keystream): Uint32Array {
  const moved = new Map<number, number>();
  const now = (index: number) => moved.get(index) ?? (places[index] as number);
  return Uint32Array.from({ length: count }, (_, i) => {
    const other = i + random.below(places.length - i, i);
    const place = now(other);
    moved.set(other, now(i));
    return place;
  });
}
