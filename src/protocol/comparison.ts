/**
 * What people compare after a meeting, PROTOCOL §5.1. A commits to r_A before it learns r_B, so
 * a man in the middle has one guess an attempt and cannot search for keys that fit.
 */
import { type Bytes, concat } from '../bytes.ts';
import type { CryptoProvider, Hash, PublicKey } from '../crypto/index.ts';
import { label, Reader } from './fields.ts';

const NOTHING = new Uint8Array(0);

/** What A, the initiator, and B, the responder, brought into the meeting. */
export interface Met {
  readonly randomA: Bytes<16>;
  readonly randomB: Bytes<16>;
  readonly ephemeralA: PublicKey;
  readonly ephemeralB: PublicKey;
  readonly staticA: PublicKey;
  readonly staticB: PublicKey;
}

/** What both terminals show. */
export interface Comparison {
  /** Six digits. */
  readonly code: string;
  /** 16 hex digits. */
  readonly keyCheck: string;
}

/** What XX1 carries, and what XX3 must fit. */
export function commitment(
  crypto: CryptoProvider,
  { staticA, ephemeralA, randomA }: Pick<Met, 'staticA' | 'ephemeralA' | 'randomA'>,
): Hash {
  return crypto.hash(label('sotto-sas1'), staticA, ephemeralA, randomA);
}

/** 64 bits, of which people compare a few. */
export function comparisonNumber(crypto: CryptoProvider, met: Met): bigint {
  const { randomA, randomB, ephemeralA, ephemeralB, staticA, staticB } = met;
  const salt = crypto.hash(ephemeralA, ephemeralB, staticA, staticB);
  const derived = crypto.derive(concat(randomA, randomB), salt, label('sotto-sas1'), 8);
  return new Reader(derived).u64();
}

/** Six digits. */
export function comparisonCode(crypto: CryptoProvider, met: Met): string {
  return (comparisonNumber(crypto, met) % 1_000_000n).toString().padStart(6, '0');
}

/** 16 hex digits that differ as soon as the handshakes do; says nothing about the keys. */
export function keyCheckValue(crypto: CryptoProvider, handshakeHash: Hash): string {
  const derived = crypto.derive(handshakeHash, NOTHING, label('sotto-kcv1'), 8);
  return new Reader(derived).u64().toString(16).padStart(16, '0');
}
