/**
 * How a port may fail. Bottom layer beside bytes.ts, because those who implement a port and those
 * who use it both need the classes themselves, and imports only point down.
 */

/** Why the store refused. `full` and `busy` pass by themselves; the others need a person. */
export type StoreFailure =
  | 'duplicate'
  | 'conflict'
  | 'missing'
  | 'full' // The disk, or a bound of the store.
  | 'busy' // Another process holds the file.
  | 'wrong_key' // Passphrase or key file does not fit.
  | 'damaged' // A page does not authenticate or does not parse.
  | 'foreign' // A file of another program, or of a newer version.
  | 'unwritable'
  | 'closed'; // The peer is stopping.

/** The store could not do as asked; nothing was changed. The message says what to do next. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

export type LinkFailure =
  | 'unreachable'
  | 'timeout'
  | 'broken' // The connection ended before the answer.
  | 'busy' // 429 or 503: the other side asks for patience.
  | 'rejected'; // Anything else that is not a bundle.

/** Nothing usable came back from the address; whatever was sent may have arrived or not. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly failure: LinkFailure;
  /** From Retry-After, if the other side said so. */
  readonly retryAfter_ms: number | undefined;

  constructor(
    failure: LinkFailure,
    message: string,
    options?: ErrorOptions & { readonly retryAfter_ms?: number },
  ) {
    super(message, options);
    this.failure = failure;
    this.retryAfter_ms = options?.retryAfter_ms;
  }
}
