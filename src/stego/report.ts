/**
 * One picture for a person: the cover, the stego image, where samples changed; below, how often
 * each value and each prediction error occurs in both. What differs, differs visibly.
 */
import { CHANNELS, carryingPlanes, type Picture, psnr_dB } from './picture.ts';
import { GLYPH_HEIGHT, hasDot } from './report-text.ts';

/** Width and height of each of the six panels, and the gap between them. */
const PANEL = 320;
const GAP = 16;
const WIDTH = 3 * PANEL + 4 * GAP;
/** Dots of the line of text below are squares of so many pixels. */
const DOT = 2;
const HEIGHT = 2 * PANEL + 4 * GAP + GLYPH_HEIGHT * DOT;

type Rgb = readonly [number, number, number];
const PAPER: Rgb = [250, 250, 248];
const UNCHANGED: Rgb = [32, 34, 38];
const UP: Rgb = [255, 196, 64];
const DOWN: Rgb = [96, 176, 255];
const COVER_BAR: Rgb = [150, 156, 164];
const STEGO_LINE: Rgb = [196, 40, 60];

/** Bins of a histogram on either side of zero, or from black to white. */
const BARS = 128;

/**
 * Top: cover, stego image, changes (yellow up, blue down, each as large as a pixel can be seen).
 * Bottom: values, prediction errors from -16 to 16, and the same errors where they are rare;
 * the cover in gray bars, the stego image as a red line. Below: PSNR and changed samples.
 */
export function reportPicture(cover: Picture, stego: Picture): Picture {
  const canvas = new Canvas();
  canvas.panel(0, 0, view(cover));
  canvas.panel(1, 0, view(stego));
  canvas.panel(2, 0, changes(cover, stego));
  const [values, errors] = [valueHistogram, errorHistogram].map((of) => [of(cover), of(stego)]);
  canvas.panel(0, 1, chart(values as [Float64Array, Float64Array], 1));
  canvas.panel(1, 1, chart(errors as [Float64Array, Float64Array], 1));
  canvas.panel(2, 1, chart(errors as [Float64Array, Float64Array], 20));
  canvas.text(GAP, 2 * PANEL + 3 * GAP, figuresOf(cover, stego));
  return canvas.picture();
}

function figuresOf(cover: Picture, stego: Picture): string {
  const others = carryingPlanes(stego);
  let [changed, samples] = [0, 0];
  for (const [i, plane] of carryingPlanes(cover).entries()) {
    samples += plane.length;
    for (const [at, sample] of plane.entries()) if (sample !== others[i]?.[at]) changed += 1;
  }
  const likeness = changed === 0 ? 'NO CHANGE' : `PSNR ${psnr_dB(cover, stego).toFixed(2)} dB`;
  return `${likeness}   ${changed} OF ${samples} SAMPLES CHANGED`;
}

/** The colour of a panel's point; x and y from 0 to 1, y downwards. */
type Painter = (x: number, y: number) => Rgb;

class Canvas {
  readonly #planes = [0, 1, 2].map((i) => new Uint16Array(WIDTH * HEIGHT).fill(PAPER[i] ?? 0));

  panel(column: number, row: number, paint: Painter): void {
    const [left, top] = [GAP + column * (PANEL + GAP), GAP + row * (PANEL + GAP)];
    for (let y = 0; y < PANEL; y++) {
      for (let x = 0; x < PANEL; x++) {
        const colour = paint(x / PANEL, y / PANEL);
        const at = (top + y) * WIDTH + left + x;
        this.#planes.forEach((plane, i) => {
          plane[at] = colour[i] ?? 0;
        });
      }
    }
  }

  text(left: number, top: number, text: string): void {
    for (let y = 0; y < GLYPH_HEIGHT * DOT; y++) {
      for (let x = left; x < WIDTH - GAP; x++) {
        if (!hasDot(text, Math.floor((x - left) / DOT), Math.floor(y / DOT))) continue;
        this.#planes.forEach((plane, i) => {
          plane[(top + y) * WIDTH + x] = UNCHANGED[i] ?? 0;
        });
      }
    }
  }

  picture(): Picture {
    return { width: WIDTH, height: HEIGHT, depth: 8, colour: 'rgb', planes: this.#planes };
  }
}

/** Where a point of a panel lies in a picture that keeps its proportions; -1 beside it. */
function indexAt({ width, height }: Picture, x: number, y: number): number {
  const side = Math.max(width, height);
  const column = Math.floor(x * side - (side - width) / 2);
  const row = Math.floor(y * side - (side - height) / 2);
  const inside = column >= 0 && column < width && row >= 0 && row < height;
  return inside ? row * width + column : -1;
}

/** 16-bit pictures often use little of their range: the brightest sample is shown as white. */
function view(picture: Picture): Painter {
  const planes = carryingPlanes(picture);
  let brightest = picture.depth === 8 ? 255 : 1;
  if (picture.depth === 16) {
    for (const plane of planes)
      for (const sample of plane) if (sample > brightest) brightest = sample;
  }
  const shown = (plane: Uint16Array | undefined, at: number) =>
    Math.round((255 * (plane?.[at] ?? 0)) / brightest);
  return (x, y) => {
    const at = indexAt(picture, x, y);
    if (at < 0) return PAPER;
    const isColour = CHANNELS[picture.colour] > 2;
    const [r, g, b] = isColour ? planes : [planes[0], planes[0], planes[0]];
    return [shown(r, at), shown(g, at), shown(b, at)];
  };
}

/** A point is coloured if any sample that it stands for changed. */
function changes(cover: Picture, stego: Picture): Painter {
  const cell = Math.max(1, Math.ceil(Math.max(cover.width, cover.height) / PANEL));
  const planes = carryingPlanes(cover);
  const others = carryingPlanes(stego);
  const signAt = (at: number) => {
    for (const [i, plane] of planes.entries()) {
      const difference = (others[i]?.[at] ?? 0) - (plane[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return (x, y) => {
    const at = indexAt(cover, x, y);
    if (at < 0) return PAPER;
    for (let dy = 0; dy < cell; dy++) {
      for (let dx = 0; dx < cell; dx++) {
        const inRow = (at % cover.width) + dx < cover.width;
        const sign = inRow ? signAt(at + dy * cover.width + dx) : 0;
        if (sign !== 0 && Number.isFinite(sign)) return sign > 0 ? UP : DOWN;
      }
    }
    return UNCHANGED;
  };
}

function valueHistogram(picture: Picture): Float64Array {
  const counts = new Float64Array(BARS);
  const shift = picture.depth - 7;
  for (const plane of carryingPlanes(picture)) {
    for (const sample of plane) counts[sample >> shift] = (counts[sample >> shift] ?? 0) + 1;
  }
  return counts;
}

/** Of each sample less the mean of its four neighbours, in quarter steps around zero. */
function errorHistogram({ width, height, ...picture }: Picture): Float64Array {
  const counts = new Float64Array(BARS);
  for (const plane of carryingPlanes({ width, height, ...picture })) {
    for (let y = 1; y < height - 1; y++) {
      for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
        const around =
          (plane[at - width] ?? 0) +
          (plane[at + width] ?? 0) +
          (plane[at - 1] ?? 0) +
          (plane[at + 1] ?? 0);
        const bar = 4 * (plane[at] ?? 0) - around + BARS / 2;
        if (bar >= 0 && bar < BARS) counts[bar] = (counts[bar] ?? 0) + 1;
      }
    }
  }
  return counts;
}

/** @param zoom how many times its height a chart is cut at, to show what is rare. */
function chart([cover, stego]: readonly [Float64Array, Float64Array], zoom: number): Painter {
  const highest = Math.max(1, ...cover, ...stego) / zoom;
  return (x, y) => {
    const bar = Math.min(BARS - 1, Math.floor(x * BARS));
    const heights = [cover, stego].map((counts) => (counts[bar] ?? 0) / highest);
    const [gray = 0, red = 0] = heights;
    if (Math.abs(1 - y - red) < 0.006) return STEGO_LINE;
    return 1 - y <= gray ? COVER_BAR : [255, 255, 255];
  };
}
