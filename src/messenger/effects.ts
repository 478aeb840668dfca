/** Carries out, in order, what the pure machines ask for: their effects. */
import { type Effect, RateLimit } from '../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import type { Deliveries } from './deliveries.ts';
import type { Judging } from './judging.ts';
import type { Observations } from './observations.ts';
import type { Clock } from './ports.ts';
import type { Refusals } from './refusals.ts';

/** Strangers that ask to be met, in the log: anybody can ask thousands of times a second. */
const [REQUESTS_LOGGED_A_SECOND, REQUESTS_LOGGED_BURST] = [1, 8];

export interface EffectsDeps {
  readonly deliveries: Deliveries;
  readonly announcer: Announcer;
  readonly observations: Observations;
  readonly clock: Clock;
}

export class Effects {
  readonly #deps: EffectsDeps;
  readonly #refusals: Refusals;
  readonly #requestsLogged = new RateLimit(REQUESTS_LOGGED_A_SECOND, REQUESTS_LOGGED_BURST);

  constructor(deps: EffectsDeps, refusals: Refusals) {
    this.#deps = deps;
    this.#refusals = refusals;
  }

  /** Of what answers no packet: a trigger, a tick, a status. */
  carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind !== 'answer') this.#carryOut(effect, undefined, undefined);
    }
  }

  /** Of judging this packet. */
  carryOutFor(effects: readonly Effect[], judging: Judging, packet: Uint8Array): void {
    for (const effect of effects) this.#carryOut(effect, judging, packet);
  }

  #carryOut(effect: Effect, judging: Judging | undefined, packet: Uint8Array | undefined): void {
    const { deliveries, announcer, observations } = this.#deps;
    switch (effect.kind) {
      case 'answer':
        judging?.answers.push(effect.packet);
        break;
      case 'send':
        deliveries.of(effect.contact).urge(effect.packet);
        deliveries.press(effect.contact);
        break;
      case 'confirm':
        this.#confirm(effect, judging);
        break;
      case 'comparison':
        announcer.compare(effect.contact, effect.comparison, effect.remoteStatic);
        break;
      case 'promoted':
        announcer.promoted(effect.contact, effect.confirmation);
        if (judging !== undefined) judging.progress = true;
        break;
      case 'failed':
        announcer.failed(effect.contact, effect.reason);
        break;
      case 'kept':
        announcer.kept({ isLogged: this.#requestsLogged.take(this.#deps.clock.monotonic_ms()) });
        break;
      case 'refused':
        observations.refused(effect.reason);
        if (effect.status !== undefined && packet !== undefined && judging !== undefined) {
          this.#refusals.tell(effect.status, packet, judging);
        }
    }
  }

  /** A new session wants its first packet, PROTOCOL §5 rule 6. */
  #confirm(effect: Extract<Effect, { kind: 'confirm' }>, judging: Judging | undefined): void {
    const { deliveries } = this.#deps;
    if (effect.how === 'answer' && judging?.via.exchange === 'theirs') {
      judging.heard.add(effect.contact);
      judging.owed.add(effect.contact);
      return;
    }
    deliveries.of(effect.contact).confirm();
    deliveries.press(effect.contact);
  }
}
