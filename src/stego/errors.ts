/** Why the picture folder refused. The message says what to do next. */
export type StegoFailure =
  | 'malformed' // Not a PNG, or one that breaks the PNG specification.
  | 'unsupported' // A sound PNG of a kind that cannot carry: palette, colour key, animation.
  | 'too_large' // More samples or chunks than the limit, told before any is decoded.
  | 'capacity' // The picture cannot hold the payload; nothing was written.
  | 'no_message' // A cover, a message for another key, or one destroyed by re-encoding.
  | 'damaged'; // Made with this key, and changed since.

export class StegoError extends Error {
  override readonly name = 'StegoError';
  readonly failure: StegoFailure;

  constructor(failure: StegoFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
