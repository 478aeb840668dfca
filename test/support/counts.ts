/** How often a test repeats what it does: little in `npm test`, all of it in `npm run test:long`. */

/** The one place that reads it. `npm run test:long` sets it to `full`. */
const full = process.env['SOTTO_TEST_COUNTS'] === 'full';

/** The number of rounds of a loop, or fast-check's `numRuns`. */
export function rounds(counts: { readonly reduced: number; readonly full: number }): number {
  return full ? counts.full : counts.reduced;
}

/** `numRuns` and `seed` where a test counts what was drawn: few are drawn alike each time. */
export function repeatable(counts: { readonly reduced: number; readonly full: number }) {
  return { numRuns: rounds(counts), seed: full ? Math.floor(Math.random() * 2 ** 31) : 11 };
}
