/** What the report is drawn on: panels in a grid, with words around them. */
import type { Picture } from './picture.ts';
import { GLYPH_HEIGHT, GLYPH_WIDTH, hasDot } from './report-text.ts';

export type Rgb = readonly [number, number, number];

/** The colour of a panel's point; x and y from 0 to 1, y downwards. */
export type Painter = (x: number, y: number) => Rgb;

/** Width and height of each panel, and the gap between them. */
export const PANEL = 320;
export const GAP = 16;
export const WIDTH = 3 * PANEL + 4 * GAP;
/** Dots of letters are squares of so many pixels. */
const DOT = 2;
export const LINE = (GLYPH_HEIGHT + 3) * DOT;
export const PAPER: Rgb = [250, 250, 248];
export const INK: Rgb = [32, 34, 38];

export class Canvas {
  readonly #height: number;
  readonly #planes: readonly Uint16Array[];

  constructor(height: number) {
    this.#height = height;
    this.#planes = PAPER.map((value) => new Uint16Array(WIDTH * height).fill(value));
  }

  panel(column: number, top: number, paint: Painter): void {
    const left = leftOf(column);
    for (let y = 0; y < PANEL; y++) {
      for (let x = 0; x < PANEL; x++) this.#set(left + x, top + y, paint(x / PANEL, y / PANEL));
    }
  }

  /** @param at 0: begins at `left`; 0.5: centred there; 1: ends there. */
  text(left: number, top: number, text: string, at: 0 | 0.5 | 1 = 0): void {
    const width = [...text].length * GLYPH_WIDTH * DOT;
    const from = Math.round(left - at * width);
    for (let y = 0; y < GLYPH_HEIGHT * DOT; y++) {
      for (let x = Math.max(0, from); x < Math.min(WIDTH, from + width); x++) {
        if (!hasDot(text, Math.floor((x - from) / DOT), Math.floor(y / DOT))) continue;
        this.#set(x, top + y, INK);
      }
    }
  }

  /** A line that says what colours mean. */
  legend(left: number, top: number, entries: readonly (readonly [Rgb, string])[]): void {
    const side = GLYPH_HEIGHT * DOT;
    let from = left;
    for (const [colour, text] of entries) {
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) this.#set(from + x, top + y, colour);
      }
      this.text(from + side + GAP / 2, top, text);
      from += side + GAP / 2 + ([...text].length + 3) * GLYPH_WIDTH * DOT;
    }
  }

  picture(): Picture {
    return { width: WIDTH, height: this.#height, depth: 8, colour: 'rgb', planes: this.#planes };
  }

  #set(x: number, y: number, colour: Rgb): void {
    this.#planes.forEach((plane, i) => {
      plane[y * WIDTH + x] = colour[i] ?? 0;
    });
  }
}

export function leftOf(column: number): number {
  return GAP + column * (PANEL + GAP);
}
