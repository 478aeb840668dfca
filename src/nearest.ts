/** Which of the words that there are somebody meant who mistyped one. */

/** Undefined if nothing is near: cut short, or at most two slips, and fewer in short words. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  // --passphrase for --passphrase-file: nobody counts the rest of a long name as slips.
  const longer = known.find((word) => word.startsWith(`${typed}-`));
  if (typed !== '' && longer !== undefined) return longer;
  const slipsMax = Math.min(2, Math.floor(typed.length / 3));
  const [best] = known
    .map((word) => ({ word, slips: slipsBetween(typed, word) }))
    .filter(({ slips }) => slips > 0 && slips <= slipsMax)
    .sort((a, b) => a.slips - b.slips);
  return best?.word;
}

/** Letters left out, added, mistaken, or swapped with their neighbour. */
function slipsBetween(a: string, b: string): number {
  let [before, above]: number[][] = [[], []];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    [before, above, row] = [above, row, [i]];
    for (let j = 1; j <= b.length; j += 1) {
      const at = (from: readonly number[] | undefined, k: number) => from?.[k] ?? 0;
      const mistaken = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(mistaken, at(above, j) + 1, at(row, j - 1) + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, at(before, j - 2) + 1);
      row[j] = least;
    }
  }
  return row[b.length] ?? 0;
}
