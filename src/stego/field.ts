/**
 * One plane with a margin around it, so that no neighbour ever needs a bounds check.
 *
 * The outermost ring of samples carries the header, whose bits are least significant bits. The
 * field shows the ring without those bits, so both ends see the same field whatever they hold.
 */

export const MARGIN = 2;

export interface Field {
  readonly width: number;
  readonly height: number;
  /** Samples from one row to the next. */
  readonly stride: number;
  readonly samples: Uint16Array;
  /** The largest value a sample may have. */
  readonly max: number;
  readonly onRows: OnRows | undefined;
}

/** Hears, while a picture is worked on, how many rows were done since. */
export type OnRows = (count: number) => void;

/** @param shift lowest bits that take no part; `plane` keeps them. */
export function fieldOf(
  plane: Uint16Array,
  width: number,
  height: number,
  depth: number,
  shift: number,
  onRows?: OnRows,
): Field {
  const stride = width + 2 * MARGIN;
  const samples = new Uint16Array(stride * (height + 2 * MARGIN));
  for (let y = -MARGIN; y < height + MARGIN; y++) {
    const row = clamp(y, height) * width;
    const onRing = y <= 0 || y >= height - 1;
    const start = (y + MARGIN) * stride + MARGIN;
    for (let x = -MARGIN; x < width + MARGIN; x++) {
      const sample = plane[row + clamp(x, width)] as number;
      const ring = onRing || x <= 0 || x >= width - 1;
      samples[start + x] = (ring ? sample & ~1 : sample) >> shift;
    }
  }
  return { width, height, stride, samples, max: (2 ** depth - 1) >> shift, onRows };
}

function clamp(value: number, size: number): number {
  return value < 0 ? 0 : value < size ? value : size - 1;
}

/** Writes the interior back into `plane`, and leaves its ring and its lowest bits alone. */
export function storeInterior(field: Field, plane: Uint16Array, shift: number): void {
  const low = (1 << shift) - 1;
  for (let y = 1; y < field.height - 1; y++) {
    const row = y * field.width;
    const start = (y + MARGIN) * field.stride + MARGIN;
    for (let x = 1; x < field.width - 1; x++) {
      const kept = (plane[row + x] as number) & low;
      plane[row + x] = ((field.samples[start + x] as number) << shift) | kept;
    }
  }
}

/**
 * Which samples a layer visits: of every `step`th row from `top` on every second one. Rows of a
 * layer of a chessboard are shifted against each other, those of a quarter are not.
 */
export interface Layer {
  readonly top: number;
  readonly step: number;
  readonly shifted: 0 | 1;
  /** Columns with x - y · shifted of this parity. */
  readonly parity: 0 | 1;
}

/** Each sample's four nearest are of the other layer: x + y even, then odd. */
export const HALVES: readonly Layer[] = [
  { top: 1, step: 1, shifted: 1, parity: 0 },
  { top: 1, step: 1, shifted: 1, parity: 1 },
];

/** All eight around are of other layers: by rows and columns. The first is never the smaller. */
export const QUARTERS: readonly Layer[] = [
  { top: 1, step: 2, shifted: 0, parity: 1 },
  { top: 2, step: 2, shifted: 0, parity: 0 },
  { top: 2, step: 2, shifted: 0, parity: 1 },
  { top: 1, step: 2, shifted: 0, parity: 0 },
];

/** Samples of a layer. */
export function layerSize({ width, height }: Pick<Field, 'width' | 'height'>, layer: Layer) {
  let count = 0;
  for (let y = layer.top; y < height - 1; y += layer.step) {
    count += Math.max(0, Math.ceil((width - 1 - firstColumn(y, layer)) / 2));
  }
  return count;
}

/** The first column of a layer in row `y`: 1 or 2. */
export function firstColumn(y: number, { shifted, parity }: Layer): number {
  return 1 + ((y * shifted + parity + 1) & 1);
}
