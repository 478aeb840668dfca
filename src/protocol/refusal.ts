/** A packet refused by one of the machines, with what to tell the other side and our person. */
import type { ContactRef } from './contact-book.ts';
import type { Effect, MeetingFailure } from './effects.ts';
import { type RefusalReason, RemoteProtocolError } from './errors.ts';
import type { StatusCode } from './packet.ts';

interface Consequences {
  readonly status?: StatusCode;
  readonly failed?: { readonly contact: ContactRef; readonly reason: MeetingFailure };
}

export class Refusal extends RemoteProtocolError {
  readonly consequences: Consequences;

  constructor(reason: RefusalReason, consequences: Consequences = {}) {
    super(reason);
    this.consequences = consequences;
  }
}

/** PROTOCOL §4.2: matches nothing that this peer has out. */
export function stale(): Refusal {
  return new Refusal('stale', { status: 'stale' });
}

/** PROTOCOL §4.2: a key that may not be, or plain XX where only a pairing code will do. */
export function forbidden(): Refusal {
  return new Refusal('refused', { status: 'refused' });
}

/** PROTOCOL §4.2: good, but not now. */
export function busy(): Refusal {
  return new Refusal('busy', { status: 'busy' });
}

/** What a refusal asks the messenger to do. Whatever is not the other side's fault is rethrown. */
export function effectsOfRefusal(cause: unknown): Effect[] {
  if (!(cause instanceof RemoteProtocolError)) throw cause;
  const { status, failed }: Consequences = cause instanceof Refusal ? cause.consequences : {};
  const refused: Effect = { kind: 'refused', reason: cause.reason, status };
  return failed === undefined ? [refused] : [refused, { kind: 'failed', ...failed }];
}
