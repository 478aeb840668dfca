/** Cuts a content into the slices that PROTOCOL §8.4 sends, while it arrives. */

/** Joins and cuts chunks of any size into slices of exactly `size` bytes; the last may be shorter. */
export async function* slices(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): AsyncIterable<Uint8Array> {
  let slice = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      const piece = rest.subarray(0, size - filled);
      slice.set(piece, filled);
      filled += piece.length;
      rest = rest.subarray(piece.length);
      if (filled < size) continue;
      yield slice;
      slice = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield slice.subarray(0, filled);
}
