/** What can go wrong in a protocol, seen from this side of the wire. */

/** Why something from the remote peer was refused: all there is to log, count and show. */
export const REFUSAL_REASONS = [
  'malformed', // Shorter or longer than its format, or a value that it may not hold.
  'unauthenticated', // Tag, gate or commitment: tampered, or made for another session.
  'replayed', // Authentic, but its counter was accepted before or is too old to tell.
  'unknown_session', // Names a session that this peer does not have.
  'stale', // Answers a handshake that has moved on.
  'busy', // Well formed, but a limit on rate or room is reached.
  'refused', // Understood, and against the rules: a changed key, plain XX where a code is needed.
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The remote peer sent something the protocol forbids. Never a bug of ours; never crash. */
export class RemoteProtocolError extends Error {
  override readonly name = 'RemoteProtocolError';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, options?: ErrorOptions) {
    super(`message refused: ${reason}`, options);
    this.reason = reason;
  }
}

/** We called the protocol in a way it forbids, e.g. wrote when it was our turn to read. */
export class LocalProtocolError extends Error {
  override readonly name = 'LocalProtocolError';
}
