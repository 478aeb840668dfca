/**
 * The gate before KK1 and the hint that finds it, PROTOCOL §6: only the two pinned keys can make
 * them, so a stranger costs one HMAC and no Diffie-Hellman.
 */
import type { Bytes, Role } from '../bytes.ts';
import { type CryptoProvider, equal, type PublicKey, type SharedSecret } from '../crypto/index.ts';
import { label, Reader } from './fields.ts';
import { GATE_SIZE } from './packet.ts';

export type GateKey = Bytes<32> & Role<'GateKey'>;

const NOTHING = new Uint8Array(0);

/** @param pairSecret DH of the two static keys. */
export function gateKeyOf(crypto: CryptoProvider, pairSecret: SharedSecret): GateKey {
  return crypto.derive(pairSecret, NOTHING, label('sotto-gate1'), 32) as GateKey;
}

export function hintOf(crypto: CryptoProvider, key: GateKey, sender: PublicKey): number {
  return new Reader(crypto.hmac(key, sender)).u32();
}

/** @param gated all bytes of the packet before the gate. */
export function gateOf(
  crypto: CryptoProvider,
  key: GateKey,
  sender: PublicKey,
  gated: Uint8Array,
): Bytes<16> {
  return crypto.hmac(key, sender, gated).subarray(0, GATE_SIZE) as Bytes<16>;
}

export function gateOpens(
  crypto: CryptoProvider,
  key: GateKey,
  sender: PublicKey,
  { gate, gated }: { readonly gate: Bytes<16>; readonly gated: Uint8Array },
): boolean {
  return equal(gate, gateOf(crypto, key, sender, gated));
}
