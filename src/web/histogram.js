/** What can be counted of a picture's samples, before and after something was hidden in them. */

/** How many samples have each of the values that their depth allows. */
export function histogramOf({ depth, samples }) {
  const counts = new Array(2 ** depth).fill(0);
  for (const sample of samples) counts[sample] += 1;
  return counts;
}

/** Peak signal to noise in decibels, how many samples differ, and the most by which. */
export function difference({ depth, samples: one }, { samples: other }) {
  let [squares, changed, most] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    const by = Math.abs(one[at] - other[at]);
    if (by === 0) continue;
    squares += by * by;
    changed += 1;
    if (by > most) most = by;
  }
  const peak = 2 ** depth - 1;
  return { decibels: 10 * Math.log10(peak ** 2 / (squares / one.length)), changed, most, peak };
}
