/** What the system has against a file, in words; the text of its own errors is for programmers. */
import { StoreError } from '../failures.ts';
import { CommandError, EXIT } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EEXIST: 'it is there already',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EIO: 'the disk does not work',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
};

/** Half a sentence. */
export function reasonOf(cause: unknown): string {
  const code = systemCode(cause);
  return REASONS[code ?? ''] ?? code ?? 'it broke off';
}

/** Undefined if `cause` is no refusal by the system of something to do with a file. */
export function fileFailure(cause: unknown): CommandError | undefined {
  if (cause instanceof StoreError || !(cause instanceof Error)) return undefined;
  const code = systemCode(cause);
  if (code === undefined || REASONS[code] === undefined) return undefined;
  const path = 'path' in cause ? String(cause.path) : 'A file';
  const words = `${path} cannot be used: ${reasonOf(cause)}.`;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new CommandError(EXIT.failed, words, { cause, ...(isFull && { code: 'full' }) });
}

function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && 'syscall' in cause
    ? String(cause.code)
    : undefined;
}
