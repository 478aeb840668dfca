/**
 * Rule 5 of PROTOCOL §5, and its like in §6: the identical packet gets the identical reply, for as
 * long as the handshake or session lives whose index the reply gave out.
 */
import type { CryptoProvider } from '../crypto/index.ts';
import type { Effect } from './effects.ts';
import type { Indices } from './indices.ts';

interface Reply {
  readonly index: number;
  readonly effects: readonly Effect[];
}

export class Replies {
  readonly #crypto: CryptoProvider;
  readonly #indices: Indices;
  readonly #byPacket = new Map<string, Reply>();

  constructor(crypto: CryptoProvider, indices: Indices) {
    this.#crypto = crypto;
    this.#indices = indices;
  }

  /** Forgets what has died meanwhile, so there are never more than a few for each live index. */
  remember(packet: Uint8Array, index: number, effects: readonly Effect[]): void {
    for (const [name, reply] of this.#byPacket) {
      if (!this.#indices.isAlive(reply.index)) this.#byPacket.delete(name);
    }
    this.#byPacket.set(this.#nameOf(packet), { index, effects });
  }

  recall(packet: Uint8Array): readonly Effect[] | undefined {
    const reply = this.#byPacket.get(this.#nameOf(packet));
    return reply !== undefined && this.#indices.isAlive(reply.index) ? reply.effects : undefined;
  }

  #nameOf(packet: Uint8Array): string {
    return String.fromCharCode(...this.#crypto.hash(packet));
  }
}
