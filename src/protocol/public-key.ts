import type { PublicKey } from '../crypto/index.ts';
import { RemoteProtocolError } from './errors.ts';

/**
 * A public key as it may stand on the wire: below 2^255 - 19, little-endian. X25519 would reduce
 * a larger one, so that two encodings would mean one key, PROTOCOL §1.
 */
export function assertCanonical(key: Uint8Array): asserts key is PublicKey {
  const top = key[31] ?? 0xff;
  const isLarge = top >= 0x7f && (key[0] ?? 0xff) >= 0xed && key.subarray(1, 31).every(isFull);
  if (key.length !== 32 || top > 0x7f || isLarge) throw new RemoteProtocolError('malformed');
}

const isFull = (byte: number) => byte === 0xff;
