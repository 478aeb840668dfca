import { readFileSync } from 'node:fs';

/** Byte strings as tests and vectors write them. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

export const toHex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

/** One file of test/vectors/, typed by whoever reads it. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8'));
}

/** A case of a file: fields as they stand there. */
export type Case = Readonly<Record<string, string | number>>;

/** The named lists of a file. */
export function readCases<Lists extends string>(
  file: string,
): Readonly<Record<Lists, readonly Case[]>> {
  return readVectors(file) as Readonly<Record<Lists, readonly Case[]>>;
}

/** A field that the case must have, as text. */
export function field(item: Case, name: string): string {
  const value = item[name];
  if (value === undefined) throw new Error(`no field ${name}`);
  return String(value);
}

export const bytesOf = (item: Case, name: string): Uint8Array => hex(field(item, name));
