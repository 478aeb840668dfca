/** Samples of a picture as the browser decodes them, 8 bits each, and what can be counted of them. */

const VALUES = 256;

/** Red, green and blue of every pixel. What is transparent counts as well: nothing is blended. */
export async function samplesOf(blob) {
  const options = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };
  const bitmap = await createImageBitmap(blob, options);
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** How many samples have each of the 256 values. */
export function histogramOf(samples) {
  const counts = new Array(VALUES).fill(0);
  for (let at = 0; at < samples.length; at += 4) {
    counts[samples[at]] += 1;
    counts[samples[at + 1]] += 1;
    counts[samples[at + 2]] += 1;
  }
  return counts;
}

/** Peak signal to noise in decibels, the share of samples that differ, and the most by which. */
export function difference(one, other) {
  let [squares, changed, count, most] = [0, 0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    if (at % 4 === 3) continue;
    const by = Math.abs(one[at] - other[at]);
    squares += by * by;
    if (by > 0) changed += 1;
    if (by > most) most = by;
    count += 1;
  }
  return {
    decibels: 10 * Math.log10(255 ** 2 / (squares / count)),
    changed: changed / count,
    most,
  };
}
