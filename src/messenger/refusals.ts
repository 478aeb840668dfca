/** What becomes of a packet that is refused: counted, logged, and hinted at by STATUS, PROTOCOL §4.2. */
import type { CryptoProvider } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import {
  RateLimit,
  type RefusalReason,
  RemoteProtocolError,
  type StatusCode,
  statusAbout,
} from '../protocol/index.ts';
import type { Judging } from './judging.ts';
import type { Observations } from './observations.ts';
import type { Clock, Log } from './ports.ts';

/** PROTOCOL §4.2: what one address may ask in a second, so that a fleet is told after a restart. */
const STATUSES_A_SECOND = 2_000;
export interface RefusalsDeps {
  readonly crypto: CryptoProvider;
  readonly observations: Observations;
  readonly clock: Clock;
  readonly log: Log;
}

export class Refusals {
  readonly #deps: RefusalsDeps;
  readonly #statuses: RateLimit;

  constructor(deps: RefusalsDeps) {
    this.#deps = deps;
    this.#statuses = new RateLimit(STATUSES_A_SECOND, STATUSES_A_SECOND);
  }

  /** Says so to whoever brought it, where that helps. @throws what is our own fault */
  refusePacket(error: unknown, packet: Uint8Array, judging: Judging): void {
    const reason = this.refuse(error);
    if (reason === 'unknown_session') this.tell('unknown', packet, judging);
    if (reason === 'busy') this.tell('busy', packet, judging);
    if (reason === 'refused') this.tell('refused', packet, judging);
  }

  /** Counts what was the remote's fault; anything else is ours, and surfaces. */
  refuse(error: unknown): RefusalReason {
    if (error instanceof StoreError) {
      this.#deps.log.error('store_failed', { failure: error.failure, detail: error.message });
      this.#deps.observations.refused('busy');
      return 'busy';
    }
    if (!(error instanceof RemoteProtocolError)) throw error;
    this.#deps.observations.refused(error.reason);
    this.#deps.log.debug('packet_refused', { reason: error.reason });
    return error.reason;
  }

  /** In the reply to their exchange, and not more often than §4.2 allows. */
  tell(code: StatusCode, packet: Uint8Array, judging: Judging): void {
    if (judging.via.exchange === 'mine') return;
    if (!this.#statuses.take(this.#deps.clock.monotonic_ms())) return;
    judging.answers.push(statusAbout(this.#deps.crypto, code, packet));
  }
}
