/** How a command ends. The codes are documented in `sotto --help` and docs/CLI.md. */

export const EXIT = {
  done: 0,
  /** A mistake of ours, or of the machine. */
  failed: 1,
  /** Wrong arguments or configuration; nothing was done. */
  usage: 2,
  /** No peer runs on this data folder. */
  noPeer: 3,
  /** The peer refused; its words and code are on stderr. */
  refused: 4,
  /** Not finished: the other side has to act first. */
  waiting: 5,
  /** The picture cannot hold it, or must not be used again; nothing was written. */
  noRoom: 6,
  /** No message for this passphrase in this picture, or one that was damaged. */
  noMessage: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with these words on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  /** Stable, from docs/ERRORS.md, if the peer gave one. */
  readonly code: string | undefined;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions & { code?: string }) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = options?.code;
  }
}
