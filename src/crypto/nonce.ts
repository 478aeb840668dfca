import type { Bytes } from '../bytes.ts';

/** The AES-GCM nonce, Noise §12.4: 4 zero bytes, then the counter in big-endian order. */
export function nonceBytes(counter: bigint): Bytes<12> {
  const encoded = new Uint8Array(12);
  new DataView(encoded.buffer).setBigUint64(4, counter);
  return encoded as Bytes<12>;
}
