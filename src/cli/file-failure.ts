/** What the system refuses of something to do with a file, in words. */
import { StoreError } from '../failures.ts';
import { isDiskFull, knownReason, reasonOf } from '../reasons.ts';
import { CommandError, EXIT } from './errors.ts';

/** What was to be done with the file. */
type Use = 'read' | 'used' | 'written';

/** The command line's fault, but for a full disk. */
export function fileRefused(file: string, use: Use, cause: unknown): CommandError {
  const words = `${file} cannot be ${use}: ${reasonOf(cause)}.`;
  if (isDiskFull(cause)) return new CommandError(EXIT.failed, words, { cause, code: 'full' });
  return new CommandError(EXIT.usage, words, { cause });
}

/** @throws {CommandError} `usage` if `file` is -, where stdout is not taken: it would make a file of that name. */
export function refuseStdout(file: string): void {
  if (file !== '-') return;
  const words = 'This cannot go to stdout: name a file (./- if it shall be called so).';
  throw new CommandError(EXIT.usage, words);
}

/** What nobody else has explained, the machine's fault; undefined if `cause` is nothing of that kind. */
export function fileFailure(cause: unknown): CommandError | undefined {
  if (cause instanceof StoreError || !isOfFile(cause) || knownReason(cause) === undefined) {
    return undefined;
  }
  const { message, code } = fileRefused(cause.path ?? 'A file', 'used', cause);
  return new CommandError(EXIT.failed, message, {
    cause,
    code: isDiskFull(cause) ? code : 'failed',
  });
}

export function isOfFile(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error && 'syscall' in cause;
}
