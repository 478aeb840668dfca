/**
 * Takes what bundles brought into the store, and only then owes acknowledgements and tells people.
 * Bundles of one turn of the event loop share a commit: a fleet that comes back, comes at once.
 */
import type { Sessions } from '../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import { GroupCommit } from './group-commit.ts';
import type { Arrival, Intake, Taken } from './intake.ts';
import type { Clock, ContactId } from './ports.ts';

export interface AcceptanceDeps {
  readonly contacts: Contacts;
  readonly sessions: Sessions;
  readonly intake: Intake;
  readonly deliveries: Deliveries;
  readonly announcer: Announcer;
  readonly clock: Clock;
}

export class Acceptance {
  readonly #deps: AcceptanceDeps;
  readonly #commits: GroupCommit;

  constructor(deps: AcceptanceDeps) {
    this.#deps = deps;
    this.#commits = new GroupCommit((work) => deps.intake.together(work));
  }

  /**
   * Resolves once it is durable; then it is to be acknowledged.
   * @throws {StoreError} for what is this caller's own; what others brought is taken nevertheless.
   */
  withOthers(arrivals: readonly Arrival[]): Promise<readonly Taken[]> {
    return this.#commits.commit(() => this.#take(arrivals));
  }

  /** As `withOthers`, at once, after what is gathered: that came before it. */
  now(arrivals: readonly Arrival[]): readonly Taken[] {
    this.#commits.flush();
    return this.#take(arrivals);
  }

  /** Letters that came by hand: who brings them here need not be who wrote them. */
  letters(arrivals: readonly Arrival[]): readonly Taken[] {
    const taken = this.#deps.intake.take(arrivals);
    for (const one of taken) this.#acknowledgeLetter(one);
    for (const one of taken) this.#announce(one);
    return taken;
  }

  /** Without what came of a contact that was removed in between. */
  #take(arrivals: readonly Arrival[]): readonly Taken[] {
    const { contacts, intake } = this.#deps;
    return intake.take(arrivals.filter(({ contact }) => contacts.get(contact) !== undefined));
  }

  /** @returns contacts for whom an acknowledgement waits, to go back in this very exchange. */
  acknowledge(taken: readonly Taken[]): readonly ContactId[] {
    for (const one of taken) {
      if (one.kind === 'letter') this.#acknowledgeLetter(one);
      else this.#acknowledge(one);
      this.#announce(one);
      this.#sendNotice(one);
    }
    return taken.filter(({ kind }) => kind === 'outbox').map(({ contact }) => contact);
  }

  #acknowledge(taken: Taken): void {
    const { deliveries, intake } = this.#deps;
    deliveries.of(taken.contact).owe(intake.acknowledgements(taken));
  }

  /**
   * PROTOCOL §9: when there is a session. It takes an exchange of its own, for whoever carried
   * the letter here need not be who wrote it.
   */
  #acknowledgeLetter(taken: Taken): void {
    const { sessions, deliveries, intake, clock } = this.#deps;
    const standing = sessions.standing(taken.contact, clock.monotonic_ms());
    if (standing === 'none' || standing === 'expired') return;
    deliveries.of(taken.contact).owe(intake.acknowledgements(taken));
    deliveries.hurry(taken.contact);
  }

  /** What did not become a message is a part of one, or readings. */
  #announce({ contact, messages, fresh, readings }: Taken): void {
    const { announcer } = this.#deps;
    if (messages > 0) announcer.arrived(contact, messages);
    else if (readings > 0) announcer.tell('readings', contact);
    else if (fresh > 0) announcer.tell('arrived', contact);
  }

  #sendNotice({ contact, notice }: Taken): void {
    if (notice === undefined) return;
    const { deliveries } = this.#deps;
    deliveries.of(contact).queued(notice);
    deliveries.wake(contact);
  }
}
