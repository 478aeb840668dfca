/** Cuts a content into the slices that PROTOCOL §8.4 sends, while it arrives. */
import type { StagedContent } from './ports.ts';

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

/** As the store keeps large contents. */
const STORED_SLICE_SIZE = 64 * 1024;
/** After so many slices others get their turn. */
const SLICES_A_TURN = 8;

/** Puts all of `bytes` into `staged`, and holds up the event loop for no longer than a moment. */
export async function fill(staged: StagedContent, bytes: Uint8Array): Promise<void> {
  for (let index = 0; index * STORED_SLICE_SIZE < bytes.length; index += 1) {
    if (index % SLICES_A_TURN === SLICES_A_TURN - 1) await new Promise(setImmediate);
    const start = index * STORED_SLICE_SIZE;
    staged.append(bytes.subarray(start, start + STORED_SLICE_SIZE));
  }
  // It is queued in a group of commits, which may be undone for another's fault and done again.
  staged.write();
}

/** All of a stored content in one piece, read with turns for others in between. */
export async function gather(content: Iterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let [offset, index] = [0, 0];
  for (const slice of content) {
    if (index % SLICES_A_TURN === SLICES_A_TURN - 1) await new Promise(setImmediate);
    whole.set(slice, offset);
    offset += slice.length;
    index += 1;
  }
  return whole;
}
