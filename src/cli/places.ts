/** Where `sotto hide` writes: one picture a cover, and beside it what changed, drawn. */
import { extname } from 'node:path';
import type { Hidden } from '../stego/index.ts';
import { usageError } from './command.ts';
import type { Output } from './outputs.ts';

export interface Place {
  /** `-` is stdout. */
  readonly file: string;
  readonly report: string | undefined;
}

/** Of several covers each has a number. @throws {CommandError} `usage` */
export function placesOf(output: string, report: string | undefined, count: number): Place[] {
  if (count === 1) return [{ file: output, report }];
  if (output === '-') throw usageError('hide', '-o - takes one cover.');
  return Array.from({ length: count }, (_, i) => ({
    file: numbered(output, i + 1),
    report: report && numbered(report, i + 1),
  }));
}

/** All but stdout. */
export function filesOf(places: readonly Place[]): string[] {
  return places
    .flatMap(({ file, report }) => (file === '-' ? [report] : [file, report]))
    .filter((name) => name !== undefined);
}

/** `back.png` as `back-1.png`. */
export function numbered(file: string, number: number): string {
  const extension = extname(file);
  return `${file.slice(0, file.length - extension.length)}-${number}${extension}`;
}

export function toWrite(places: readonly Place[], hidden: readonly Hidden[]): Output[] {
  return places.flatMap(({ file, report }, i) => {
    const { png = new Uint8Array(), reportPng } = hidden[i] ?? {};
    const stego = file === '-' ? [] : [{ file, bytes: png }];
    if (report === undefined || reportPng === undefined) return stego;
    return [...stego, { file: report, bytes: reportPng }];
  });
}
