/** Fingerprints of static keys for people to read out, PROTOCOL §5.1. */
import type { CryptoProvider, PublicKey } from '../crypto/index.ts';
import { label } from './fields.ts';

const GROUP_COUNT = 6;
const GROUP_SIZE = 5;

/** 30 digits. */
export function fingerprint(crypto: CryptoProvider, key: PublicKey): string {
  const hash = crypto.hash(label('sotto-fingerprint1'), key);
  return Array.from({ length: GROUP_COUNT }, (_, group) => {
    const bytes = hash.subarray(group * GROUP_SIZE, (group + 1) * GROUP_SIZE);
    // 40 bits are exact in a number.
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return (value % 100_000).toString().padStart(5, '0');
  }).join('');
}

/** 60 digits of two keys, in an order that both sides agree on. */
export function fingerprintOfPair(
  crypto: CryptoProvider,
  one: PublicKey,
  other: PublicKey,
): string {
  return [fingerprint(crypto, one), fingerprint(crypto, other)].sort().join('');
}
