/**
 * The fast prediction: the mean of the four nearest samples, all of the other layer, and a noise
 * level from how much samples around differ and how wrong earlier predictions nearby were.
 * Integers only.
 */
import { UNIT } from './context.ts';
import type { Field } from './field.ts';

/** What every profile's prediction offers the walk over a layer. */
export interface Predictor {
  /** The prediction in sixteenths, within the range of samples. */
  mean: number;
  /** In 1/1600 steps; see `levelOf`. */
  noise: number;
  startRow(): void;
  /** Predicts the sample at `at` in column `x`, without looking at it. */
  predict(at: number, x: number): void;
  /** Tells the true value of the sample predicted last. */
  learn(x: number, sample: number): void;
  endRow(): void;
}

/** What is thought of a prediction that was not made yet: two steps. */
const ERROR_UNKNOWN = 2 * UNIT;

/** The errors of the row at hand and of four rows above it, with a margin on either side. */
export class Errors {
  static readonly #ROWS = 4;
  static readonly #MARGIN = 4;
  readonly #magnitudes: Int32Array;
  readonly #stride: number;
  /** Where column 0 of the row at hand lies. */
  readonly #start: number;

  constructor(width: number) {
    this.#stride = width + 2 * Errors.#MARGIN;
    this.#start = Errors.#ROWS * this.#stride + Errors.#MARGIN;
    this.#magnitudes = new Int32Array((Errors.#ROWS + 1) * this.#stride).fill(ERROR_UNKNOWN);
  }

  startRow(): void {
    this.#magnitudes.copyWithin(0, this.#stride);
    this.#magnitudes.fill(ERROR_UNKNOWN, Errors.#ROWS * this.#stride);
  }

  set(x: number, magnitude: number): void {
    this.#magnitudes[this.#start + x] = magnitude;
  }

  /** Weighted by nearness; only samples before `x` in the layer's own order. */
  nearby(x: number): number {
    const e = this.#magnitudes;
    const i = this.#start + x;
    const s1 = i - this.#stride;
    const s2 = s1 - this.#stride;
    const s3 = s2 - this.#stride;
    const s4 = s3 - this.#stride;
    const touching = (e[s1 - 1] as number) + (e[s1 + 1] as number);
    const straight = (e[s2] as number) + (e[i - 2] as number);
    const near =
      (e[s2 - 2] as number) + (e[s2 + 2] as number) + (e[s1 - 3] as number) + (e[s1 + 3] as number);
    const far =
      (e[s3 - 1] as number) + (e[s3 + 1] as number) + (e[i - 4] as number) + (e[s4] as number);
    const wide =
      (e[s3 - 3] as number) + (e[s3 + 3] as number) + (e[s2 - 4] as number) + (e[s2 + 4] as number);
    return 9 * touching + 8 * straight + 4 * near + 2 * (far + wide);
  }
}

/** Differences between samples of the other layer around `at`: neighbours and knight's moves. */
export function roughness(s: Uint16Array, at: number, stride: number): number {
  const n = s[at - stride] as number;
  const e = s[at + 1] as number;
  const w = s[at - 1] as number;
  const south = s[at + stride] as number;
  const around = Math.abs(n - w) + Math.abs(w - south) + Math.abs(south - e) + Math.abs(e - n);
  const knights =
    Math.abs(n - (s[at - stride + 2] as number)) +
    Math.abs(n - (s[at - stride - 2] as number)) +
    Math.abs(south - (s[at + stride - 2] as number)) +
    Math.abs(south - (s[at + stride + 2] as number)) +
    Math.abs(w - (s[at - 2 * stride - 1] as number)) +
    Math.abs(w - (s[at + 2 * stride - 1] as number)) +
    Math.abs(e - (s[at - 2 * stride + 1] as number)) +
    Math.abs(e - (s[at + 2 * stride + 1] as number));
  return 48 * around + 24 * knights;
}

export class Rhombus implements Predictor {
  mean = 0;
  noise = 0;
  readonly #field: Field;
  readonly #errors: Errors;

  constructor(field: Field) {
    this.#field = field;
    this.#errors = new Errors(field.width);
  }

  startRow(): void {
    this.#errors.startRow();
  }

  predict(at: number, x: number): void {
    const s = this.#field.samples;
    const stride = this.#field.stride;
    this.mean =
      ((s[at - stride] as number) +
        (s[at + stride] as number) +
        (s[at - 1] as number) +
        (s[at + 1] as number)) *
      (UNIT / 4);
    this.noise = roughness(s, at, stride) + this.#errors.nearby(x);
  }

  learn(x: number, sample: number): void {
    this.#errors.set(x, Math.abs(sample * UNIT - this.mean));
  }

  endRow(): void {}
}
