/**
 * Rule 5 of PROTOCOL §5, and its like in §6: the identical packet gets the identical reply, for as
 * long as the handshake or session lives whose index the reply gave out.
 */
import { nameOf } from '../bytes.ts';
import type { CryptoProvider } from '../crypto/index.ts';
import type { Effect } from './effects.ts';
import type { Indices } from './indices.ts';

const SWEEP_MIN = 16;
/** Of an honest peer there is one, or one more after each of its restarts. */
const FEW = 8;

interface Reply {
  readonly index: number;
  readonly effects: readonly Effect[];
}

export class Replies {
  readonly #crypto: CryptoProvider;
  readonly #indices: Indices;
  readonly #byPacket = new Map<string, Reply>();
  #sweepAt = SWEEP_MIN;
  /** How many `rememberFew` has remembered for an index. */
  readonly #few = new Map<number, number>();

  constructor(crypto: CryptoProvider, indices: Indices) {
    this.#crypto = crypto;
    this.#indices = indices;
  }

  /**
   * Forgets what has died meanwhile, each time that there are twice as many: so there are never
   * more than a few for each live index, and a thousand devices that come back at once do not look
   * through a thousand each.
   */
  remember(packet: Uint8Array, index: number, effects: readonly Effect[]): void {
    if (this.#byPacket.size >= this.#sweepAt) this.#sweep();
    this.#byPacket.set(this.#nameOf(packet), { index, effects });
  }

  /** For what anybody can make thousands of: only of the first few of an index. */
  rememberFew(packet: Uint8Array, index: number, effects: Effect[]): Effect[] {
    const count = this.#few.get(index) ?? 0;
    if (count < FEW) {
      this.#few.set(index, count + 1);
      this.remember(packet, index, effects);
    }
    return effects;
  }

  recall(packet: Uint8Array): readonly Effect[] | undefined {
    const reply = this.#byPacket.get(this.#nameOf(packet));
    return reply !== undefined && this.#indices.isAlive(reply.index) ? reply.effects : undefined;
  }

  #sweep(): void {
    for (const [name, reply] of this.#byPacket) {
      if (!this.#indices.isAlive(reply.index)) this.#byPacket.delete(name);
    }
    for (const index of this.#few.keys()) {
      if (!this.#indices.isAlive(index)) this.#few.delete(index);
    }
    this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.#byPacket.size);
  }

  #nameOf(packet: Uint8Array): string {
    return nameOf(this.#crypto.hash(packet));
  }
}
