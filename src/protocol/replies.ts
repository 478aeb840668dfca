/**
 * Rule 5 of PROTOCOL §5, and its like in §6: the identical packet gets the identical reply, for as
 * long as the handshake or session lives whose index the reply gave out.
 */
import type { CryptoProvider } from '../crypto/index.ts';
import type { Effect } from './effects.ts';
import type { Indices } from './indices.ts';

const SWEEP_MIN = 16;

interface Reply {
  readonly index: number;
  readonly effects: readonly Effect[];
}

export class Replies {
  readonly #crypto: CryptoProvider;
  readonly #indices: Indices;
  readonly #byPacket = new Map<string, Reply>();
  #sweepAt = SWEEP_MIN;

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

  recall(packet: Uint8Array): readonly Effect[] | undefined {
    const reply = this.#byPacket.get(this.#nameOf(packet));
    return reply !== undefined && this.#indices.isAlive(reply.index) ? reply.effects : undefined;
  }

  #sweep(): void {
    for (const [name, reply] of this.#byPacket) {
      if (!this.#indices.isAlive(reply.index)) this.#byPacket.delete(name);
    }
    this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.#byPacket.size);
  }

  #nameOf(packet: Uint8Array): string {
    return String.fromCharCode(...this.#crypto.hash(packet));
  }
}
