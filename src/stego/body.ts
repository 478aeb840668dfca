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

/** The masked bytes. */
export function encodeBody({ ring, payload }: Body, key: Uint8Array): Uint8Array {
  return masked(concat(ring, payload, Uint8Array.of(END_MARK)), key);
}

/** The inverse; `bytes` may be longer. Undefined if they do not end as a body does. */
export function decodeBody(bytes: Uint8Array, key: Uint8Array): Body | undefined {
  const plain = masked(bytes, key);
  let end = plain.length - 1;
  while (end > 0 && plain[end] === 0) end--;
  if (end < RING_SIZE || plain[end] !== END_MARK) return undefined;
  return { ring: plain.slice(0, RING_SIZE), payload: plain.slice(RING_SIZE, end) };
}

/** What follows a body: zeros under the same mask. */
export function paddingOf(key: Uint8Array): Keystream {
  return new Keystream(key, 'body');
}

function masked(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const mask = new Keystream(key, 'body');
  return bytes.map((byte, i) => byte ^ mask.byteAt(i));
}

/** The stack from which a coder takes a body: what comes first is on top. */
export function stackOf(body: Body, key: Uint8Array): WordStack {
  const bytes = encodeBody(body, key);
  const padding = paddingOf(key);
  const count = (bytes.length + 1) >> 1;
  const words = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const high = bytes[2 * i + 1] ?? padding.byteAt(2 * i + 1);
    words[count - 1 - i] = (bytes[2 * i] as number) | (high << 8);
  }
  return new WordStack(words, (index) => padding.wordAt(count + index));
}

/** The bytes that a coder gave back, the first on top. */
export function bytesOf(words: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[words.length - 1 - i] as number;
    bytes[2 * i] = word;
    bytes[2 * i + 1] = word >> 8;
  }
  return bytes;
}
