/**
 * What the samples carry: the header bits the ring had before, the payload, an end mark; all of it
 * masked by the key, and followed by as much masked zero as the last step of the coder takes.
 */
import { concat } from '../bytes.ts';
import { Keystream } from './chacha20.ts';
import { HEADER_BITS, type HeaderBits } from './header.ts';
import { WordStack } from './rans.ts';

const RING_SIZE = 8;
const END_MARK = 0x80;

/** Bits that travel besides the payload: the ring's own, the end mark, and the coder's start. */
export const OVERHEAD_BITS = HEADER_BITS + 1 + 8 + 16;

export interface Body {
  /** The ring's header bits as the cover had them. */
  readonly ring: HeaderBits;
  readonly payload: Uint8Array;
}

/** The stack from which a writer takes: what comes first is on top. */
export function stackOf({ ring, payload }: Body, key: Uint8Array): WordStack {
  const mask = new Keystream(key, 'body');
  const bytes = concat(ring, payload, Uint8Array.of(END_MARK, 0));
  const count = bytes.length >> 1;
  const words = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const word = (bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8);
    words[count - 1 - i] = word ^ mask.wordAt(i);
  }
  return new WordStack(words, (index) => mask.wordAt(count + index));
}

/** The inverse, from the words that came out. Undefined if they do not end as a body does. */
export function bodyOf(words: Uint16Array, key: Uint8Array): Body | undefined {
  const mask = new Keystream(key, 'body');
  const bytes = new Uint8Array(2 * words.length);
  for (let i = 0; i < words.length; i++) {
    const word = (words[words.length - 1 - i] as number) ^ mask.wordAt(i);
    bytes[2 * i] = word;
    bytes[2 * i + 1] = word >> 8;
  }
  let end = bytes.length - 1;
  while (end > 0 && bytes[end] === 0) end--;
  if (end < RING_SIZE || bytes[end] !== END_MARK) return undefined;
  return { ring: bytes.slice(0, RING_SIZE), payload: bytes.slice(RING_SIZE, end) };
}
