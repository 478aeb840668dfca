/** What the system refused of something to do with a file, and nobody else has explained. */
import { StoreError } from '../failures.ts';
import { isDiskFull, knownReason } from '../reasons.ts';
import { CommandError, EXIT } from './errors.ts';

/** Undefined if `cause` is nothing of that kind. */
export function fileFailure(cause: unknown): CommandError | undefined {
  const reason = knownReason(cause);
  if (cause instanceof StoreError || reason === undefined) return undefined;
  if (!(cause instanceof Error && 'syscall' in cause)) return undefined;
  const path = 'path' in cause ? String(cause.path) : 'A file';
  const code = isDiskFull(cause) ? ({ code: 'full' } as const) : {};
  return new CommandError(EXIT.failed, `${path} cannot be used: ${reason}.`, { cause, ...code });
}
