/** How errors lie within the trained histograms, as docs/STEGO.md §12 says it. */

interface Counted {
  readonly lowest: number;
  readonly highest: number;
  /** By bin. */
  readonly counts: readonly number[];
  readonly seen: number;
}

interface Divided {
  /** By bin. */
  readonly parts: readonly number[];
  readonly shares: readonly number[];
}

/** A histogram in seven parts, from the outside in. */
export function dividedOf(trained: readonly number[], { lowest, highest }: Counted): Divided {
  const parts: number[] = [];
  const shares = [0, 0, 0, 0, 0, 0, 0];
  const total = sumOf(trained);
  let [first, last, outside] = [lowest, highest, 0];
  while (first <= last) {
    const bin = (trained[first] ?? 0) <= (trained[last] ?? 0) ? first++ : last--;
    const share = (trained[bin] ?? 0) / total;
    const middle = outside + share / 2;
    const part = [1, 2, 3, 4, 5, 6].filter((k) => middle >= 2 ** -k).length;
    parts[bin] = part;
    shares[part] = (shares[part] ?? 0) + share;
    outside += share;
  }
  return { parts, shares };
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

/** A trained histogram as the samples so far, of all of them, make it. */
export function shapedAs(
  trained: readonly number[],
  which: number,
  groups: readonly (Divided & { readonly context: Counted })[],
): number[] {
  const ratios = [0, 1, 2, 3, 4, 5, 6].map((part) => {
    const seen = groups.flatMap(({ context, parts }) =>
      context.counts.filter((_, bin) => parts[bin] === part),
    );
    const expected = groups.map(({ context, shares }) => context.seen * (shares[part] ?? 0));
    return (50 + sumOf(seen)) / (50 + sumOf(expected));
  });
  const raw = trained.map((count, bin) => count * (ratios[groups[which]?.parts[bin] ?? 0] ?? 0));
  return raw.map((count) => count * (sumOf(trained) / sumOf(raw)));
}
