/** What people may look at without being told a secret: refusals, ciphertexts, the last key offered. */
import type { PublicKey } from '../crypto/index.ts';
import { REFUSAL_REASONS, type RefusalReason } from '../protocol/index.ts';

const CIPHERTEXTS_KEPT = 8;
/** Of a long packet only the start is kept. In bytes. */
const CIPHERTEXT_SIZE_MAX = 256;

export interface Ciphertext {
  readonly direction: 'in' | 'out';
  /** Hex; ends with … if it was cut. */
  readonly packet: string;
}

export class Observations {
  readonly #refused = new Map<RefusalReason, number>(REFUSAL_REASONS.map((reason) => [reason, 0]));
  readonly #ciphertexts: { direction: 'in' | 'out'; packet: Uint8Array }[] = [];

  #offered: string | undefined;

  refused(reason: RefusalReason): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  ciphertext(direction: 'in' | 'out', packet: Uint8Array): void {
    this.#ciphertexts.push({ direction, packet: packet.slice(0, CIPHERTEXT_SIZE_MAX + 1) });
    if (this.#ciphertexts.length > CIPHERTEXTS_KEPT) this.#ciphertexts.shift();
  }

  /** Our fresh key of a meeting: it stays to be looked at when the meeting is over. */
  offered(ephemeral: PublicKey): void {
    this.#offered = hex(ephemeral);
  }

  /** Hex; undefined until a person has sent keys. */
  get lastOffered(): string | undefined {
    return this.#offered;
  }

  refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refused);
  }

  /** Newest last. */
  ciphertexts(): readonly Ciphertext[] {
    return this.#ciphertexts.map(({ direction, packet }) => ({
      direction,
      packet:
        packet.length > CIPHERTEXT_SIZE_MAX
          ? `${hex(packet.subarray(0, CIPHERTEXT_SIZE_MAX))}…`
          : hex(packet),
    }));
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}
