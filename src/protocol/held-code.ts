/**
 * The pairing code that this peer has made and holds, PROTOCOL §7, and who is trying it. Whoever
 * has the code needs no trigger here; whoever has not learns nothing and costs a bounded effort.
 */
import { equal, type PublicKey } from '../crypto/index.ts';
import type { ContactBook, ContactRef } from './contact-book.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import type { PresharedKey } from './handshake-state.ts';
import type { Indices } from './indices.ts';
import type { Introduction } from './introduction.ts';
import { judgeKey } from './judge-key.ts';
import { type Outcome, Responder } from './meeting-handshake.ts';
import type { AnswerPacket, OpeningPacket } from './packet.ts';
import { RateLimit } from './rate-limit.ts';
import { busy, forbidden, stale } from './refusal.ts';
import type { Self } from './self.ts';

/** Handshakes that wait for their PSK3 at the same time; the oldest gives way. */
const PENDING_MAX = 4;
/** More handshakes than this that a PSK3 fails, and the code is used up. */
const FAILURES_MAX = 4;

export class HeldCode {
  readonly #self: Self;
  readonly #book: ContactBook;
  readonly #indices: Indices;
  readonly #psk: PresharedKey;
  readonly #until: number;
  readonly #rate = new RateLimit(2, 8);
  #pending: readonly Responder[] = [];
  #failures = 0;
  /** Who is wrong repeats it, and counts once. */
  readonly #failed = new WeakSet<Responder>();

  constructor(self: Self, book: ContactBook, indices: Indices, psk: PresharedKey, until: number) {
    this.#self = self;
    this.#book = book;
    this.#indices = indices;
    this.#psk = psk;
    this.#until = until;
  }

  isUsable(now: number): boolean {
    return now < this.#until && this.#failures <= FAILURES_MAX;
  }

  /** PSK2 and its index. @throws {RemoteProtocolError} without a trace. */
  answer(opening: OpeningPacket, now: number): Responder {
    if (!this.#rate.take(now)) throw busy();
    const localIndex = this.#indices.claim();
    try {
      const responder = new Responder({ self: this.#self, localIndex, psk: this.#psk }, opening);
      const [oldest] = this.#pending;
      if (this.#pending.length === PENDING_MAX && oldest !== undefined) this.#drop(oldest);
      this.#pending = [...this.#pending, responder];
      return responder;
    } catch (cause) {
      this.#indices.release(localIndex);
      throw cause;
    }
  }

  /**
   * Finishes with PSK3: finds or makes the contact, and pins it.
   * @throws {RemoteProtocolError} or what the book throws; only a failed try leaves a trace.
   */
  close(packet: AnswerPacket): readonly [ContactRef, Outcome] {
    const responder = this.#pending.find(({ localIndex }) => localIndex === packet.index);
    if (responder === undefined) throw stale();
    try {
      const outcome = responder.close(packet, (...stranger) => this.#adopt(...stranger));
      this.#pending = this.#pending.filter((each) => each !== responder);
      const holder = this.#book.holderOf(outcome.remoteStatic);
      if (holder === undefined) throw new LocalProtocolError('the contact book did not pin');
      return [holder.id, outcome];
    } catch (cause) {
      const isGuess = cause instanceof RemoteProtocolError && cause.reason === 'unauthenticated';
      if (isGuess && !this.#failed.has(responder)) this.#failures += 1;
      if (isGuess) this.#failed.add(responder);
      throw cause;
    }
  }

  wipe(): void {
    for (const responder of this.#pending) this.#drop(responder);
    this.#psk.fill(0);
  }

  #adopt(remoteStatic: PublicKey, introduction: Introduction): void {
    const ownKey = this.#self.staticKeys.publicKey;
    if (equal(remoteStatic, ownKey)) throw forbidden();
    const contact = this.#book.adopt(introduction, remoteStatic);
    judgeKey(this.#book, ownKey, contact, remoteStatic);
    const confirmation = { pattern: 'XXpsk3', remoteStatic, introduction, verified: true } as const;
    this.#book.confirm(contact, confirmation);
  }

  #drop(responder: Responder): void {
    this.#pending = this.#pending.filter((each) => each !== responder);
    responder.wipe();
    this.#indices.release(responder.localIndex);
  }
}
