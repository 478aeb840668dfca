/** Good inputs from the vectors that all implementations share. */
import { readFileSync } from 'node:fs';

/** All hex strings of some vector files. */
export function vectors(...names: readonly string[]): Uint8Array[] {
  return names.flatMap((name) => {
    const text = readFileSync(new URL(`../test/vectors/${name}.json`, import.meta.url), 'utf8');
    const strings = text.match(/"(?:[0-9a-f]{2}){2,4096}"/g) ?? [];
    return strings.map((hex) => new Uint8Array(Buffer.from(hex.slice(1, -1), 'hex')));
  });
}
