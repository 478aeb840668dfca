/**
 * One picture for a person: the cover, the stego image, where samples changed; below, how often
 * each value and each prediction error occurs in both. What differs, differs visibly, and words
 * say what is what.
 */
import { CHANNELS, carryingPlanes, type Picture, psnr_dB } from './picture.ts';
import {
  Canvas,
  GAP,
  INK,
  LINE,
  leftOf,
  PANEL,
  PAPER,
  type Painter,
  type Rgb,
  WIDTH,
} from './report-canvas.ts';

const UNCHANGED: Rgb = INK;
const UP: Rgb = [255, 196, 64];
const DOWN: Rgb = [96, 176, 255];
const COVER_BAR: Rgb = [150, 156, 164];
const STEGO_LINE: Rgb = [196, 40, 60];
const CHART: Rgb = [255, 255, 255];

/** Quarter steps of a prediction error on both sides of zero together, and values at most. */
const ERRORS = 128;
const VALUES = 256;
/** How many times taller the last chart is. */
const TALLER = 20;

/** What the picture says besides what can be seen in it. */
export interface Figures {
  readonly profile: string;
  readonly bitsPerSample: number;
  readonly changedSamples: number;
}

/**
 * Top: cover, stego image, changes (yellow up, blue down; brighter where more samples that a point
 * stands for changed). Bottom: values, prediction errors from -16 to 16, and the same errors where
 * they are rare; the cover in gray bars, the stego image as a red line.
 */
export function reportPicture(cover: Picture, stego: Picture, figures: Figures): Picture {
  const rows = [GAP, GAP + 2 * LINE + PANEL + GAP] as const;
  const bottom = rows[1] + 3 * LINE + PANEL + GAP;
  const canvas = new Canvas(bottom + 3 * LINE + GAP);
  const panel = (column: number, row: 0 | 1, caption: readonly string[], paint: Painter) => {
    for (const [i, line] of caption.entries()) {
      canvas.text(leftOf(column), rows[row] + i * LINE, line);
    }
    canvas.panel(column, rows[row] + 2 * LINE, paint);
  };
  const { width, height, depth } = cover;
  panel(0, 0, ['COVER', `${width} × ${height}, ${depth} BIT`], view(cover));
  panel(1, 0, ['STEGO IMAGE', 'WITH THE MESSAGE INSIDE'], view(stego));
  panel(2, 0, ['WHERE SAMPLES CHANGED', 'MADE BRIGHT TO BE SEEN'], changes(cover, stego));
  const brightest = brightestOf(cover, stego);
  const values = [cover, stego].map((picture) => valueHistogram(picture, brightest));
  const errors = [cover, stego].map(errorHistogram);
  panel(0, 1, ['VALUES', 'HOW OFTEN EACH ONE OCCURS'], chart(values, 1));
  panel(1, 1, ['PREDICTION ERRORS', 'SAMPLE - ITS NEIGHBOURS'], chart(errors, 1));
  panel(2, 1, ['PREDICTION ERRORS', `THE SAME, ${TALLER} TIMES TALLER`], chart(errors, TALLER));
  const axis = rows[1] + 2 * LINE + PANEL + 4;
  drawAxis(canvas, 0, axis, ['0', '', `${brightest}`]);
  for (const column of [1, 2]) drawAxis(canvas, column, axis, ['-16', '0', '+16']);
  canvas.legend(GAP, bottom, [
    [COVER_BAR, 'COVER'],
    [STEGO_LINE, 'STEGO IMAGE'],
    [UP, 'SAMPLES RAISED'],
    [DOWN, 'SAMPLES LOWERED'],
  ]);
  wordsOf(cover, stego, figures).forEach((line, i) => {
    canvas.text(GAP, bottom + (i + 1) * LINE, line);
  });
  return canvas.picture();
}

function drawAxis(canvas: Canvas, column: number, top: number, labels: readonly string[]): void {
  const [low = '', middle = '', high = ''] = labels;
  const left = leftOf(column);
  canvas.text(left, top, low);
  canvas.text(left + PANEL / 2, top, middle, 0.5);
  canvas.text(Math.min(WIDTH, left + PANEL), top, high, 1);
}

function wordsOf(cover: Picture, stego: Picture, figures: Figures): readonly string[] {
  const { profile, bitsPerSample, changedSamples } = figures;
  const samples = cover.width * cover.height * carryingPlanes(cover).length;
  const likeness =
    changedSamples === 0 ? 'NO CHANGE' : `PSNR ${psnr_dB(cover, stego).toFixed(2)} dB`;
  const share = ((100 * changedSamples) / samples).toFixed(2);
  const rate = `${bitsPerSample.toFixed(4)} BITS A SAMPLE`;
  return [
    `${likeness}   ${changedSamples} OF ${samples} SAMPLES CHANGED, ${share} %`,
    `${rate}   PROFILE ${profile.toUpperCase()}`,
  ];
}

/** Where a point of a panel lies in a picture that keeps its proportions; -1 beside it. */
function indexAt({ width, height }: Picture, x: number, y: number): number {
  const side = Math.max(width, height);
  const column = Math.floor(x * side - (side - width) / 2);
  const row = Math.floor(y * side - (side - height) / 2);
  const inside = column >= 0 && column < width && row >= 0 && row < height;
  return inside ? row * width + column : -1;
}

function brightestOf(...pictures: readonly Picture[]): number {
  let brightest = pictures[0]?.depth === 8 ? 255 : 1;
  if (brightest === 255) return brightest;
  for (const plane of pictures.flatMap(carryingPlanes)) {
    for (const sample of plane) if (sample > brightest) brightest = sample;
  }
  return brightest;
}

/** 16-bit pictures often use little of their range: the brightest sample is shown as white. */
function view(picture: Picture): Painter {
  const planes = carryingPlanes(picture);
  const brightest = brightestOf(picture);
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

/** Samples that a point of the panel stands for, along each side. */
function cellOf({ width, height }: Picture): number {
  return Math.max(1, Math.ceil(Math.max(width, height) / PANEL));
}

function changes(cover: Picture, stego: Picture): Painter {
  const count = counter(cover, stego);
  let most = 1;
  for (let y = 0; y < PANEL; y++) {
    for (let x = 0; x < PANEL; x++) {
      const at = indexAt(cover, x / PANEL, y / PANEL);
      if (at >= 0) most = Math.max(most, ...count(at));
    }
  }
  return (x, y) => {
    const at = indexAt(cover, x, y);
    if (at < 0) return PAPER;
    const [up, down] = count(at).map((changed) => Math.sqrt(changed / most)) as [number, number];
    const light = (i: number) =>
      (UNCHANGED[i] ?? 0) * (1 - Math.max(up, down)) +
      (up + down === 0 ? 0 : ((UP[i] ?? 0) * up + (DOWN[i] ?? 0) * down) / (up + down)) *
        Math.max(up, down);
    return [light(0), light(1), light(2)];
  };
}

/** How many samples of the cell that begins at an index went up, and down. */
function counter(cover: Picture, stego: Picture): (at: number) => readonly [number, number] {
  const cell = cellOf(cover);
  const others = carryingPlanes(stego);
  const planes = carryingPlanes(cover).map((plane, i) => [plane, others[i] ?? plane] as const);
  const { width, height } = cover;
  return (at) => {
    let [up, down] = [0, 0];
    const right = Math.min(width, (at % width) + cell);
    const below = Math.min(height, Math.floor(at / width) + cell);
    for (const [plane, other] of planes) {
      for (let y = Math.floor(at / width); y < below; y++) {
        for (let x = at % width; x < right; x++) {
          const difference = (other[y * width + x] ?? 0) - (plane[y * width + x] ?? 0);
          if (difference > 0) up += 1;
          else if (difference < 0) down += 1;
        }
      }
    }
    return [up, down];
  };
}

/** From 0 to `brightest`, in at most VALUES bars. */
function valueHistogram(picture: Picture, brightest: number): Float64Array {
  const counts = new Float64Array(Math.min(VALUES, brightest + 1));
  const scale = counts.length / (brightest + 1);
  for (const plane of carryingPlanes(picture)) {
    for (const sample of plane) {
      const bar = Math.floor(sample * scale);
      counts[bar] = (counts[bar] ?? 0) + 1;
    }
  }
  return counts;
}

/** Of each sample less the mean of its four neighbours, in quarter steps around zero. */
function errorHistogram({ width, height, ...picture }: Picture): Float64Array {
  const counts = new Float64Array(ERRORS);
  for (const plane of carryingPlanes({ width, height, ...picture })) {
    for (let y = 1; y < height - 1; y++) {
      for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
        const around =
          (plane[at - width] ?? 0) +
          (plane[at + width] ?? 0) +
          (plane[at - 1] ?? 0) +
          (plane[at + 1] ?? 0);
        const bar = 4 * (plane[at] ?? 0) - around + ERRORS / 2;
        if (bar >= 0 && bar < ERRORS) counts[bar] = (counts[bar] ?? 0) + 1;
      }
    }
  }
  return counts;
}

/** @param taller how many times its height a chart is cut at, to show what is rare. */
function chart(histograms: readonly Float64Array[], taller: number): Painter {
  const [cover = new Float64Array(1), stego = cover] = histograms;
  const highest = Math.max(1, ...cover, ...stego) / taller;
  const heightAt = (counts: Float64Array, x: number) => {
    const bar = Math.min(counts.length - 1, Math.max(0, Math.floor(x * counts.length)));
    return (counts[bar] ?? 0) / highest;
  };
  const thick = 1.5 / PANEL;
  return (x, y) => {
    const height = 1 - y;
    const [here, before] = [heightAt(stego, x), heightAt(stego, x - 1 / PANEL)];
    const isLine =
      height >= Math.min(here, before) - thick && height <= Math.max(here, before) + thick;
    if (isLine && height < 1) return STEGO_LINE;
    return height <= heightAt(cover, x) ? COVER_BAR : CHART;
  };
}
