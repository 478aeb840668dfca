import { readFileSync } from 'node:fs';

/** Byte strings as tests and vectors write them. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

export const toHex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

/** One file of test/vectors/, typed by whoever reads it. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8'));
}
