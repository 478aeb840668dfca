/** How a command ends. The codes are documented in `sotto --help` and docs/CLI.md. */
import type { CommandCode } from './error-codes.ts';

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

/** What there is to say where nothing is more precise. */
const CODES: Readonly<Record<ExitCode, CommandCode>> = {
  0: 'internal',
  1: 'failed',
  2: 'usage',
  3: 'no_peer',
  4: 'no_words',
  5: 'failed',
  6: 'capacity',
  7: 'no_message',
};

/** A code of ours, or one that a peer gave: those are for the peer to know. */
type PeerCode = CommandCode | (string & {});

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with these words on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  /** Stable, explained in docs/ERRORS.md: the peer's own, or one of ours. */
  readonly code: string;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions & { code?: PeerCode }) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = options?.code ?? CODES[exitCode];
  }
}
