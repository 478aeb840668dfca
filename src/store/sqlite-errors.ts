/** SQLite's result codes as our failures. The texts are for the person who runs the peer. */
import Database from 'better-sqlite3-multiple-ciphers';
import { StoreError, type StoreFailure } from '../failures.ts';

/** By prefix, the first that fits; https://sqlite.org/rescode.html */
const FAILURES: readonly (readonly [prefix: string, StoreFailure, string])[] = [
  ['SQLITE_FULL', 'full', 'the disk is full; free some space, nothing was lost'],
  ['SQLITE_BUSY', 'busy', 'another process holds the database; stop it first'],
  ['SQLITE_LOCKED', 'busy', 'another process holds the database; stop it first'],
  ['SQLITE_CORRUPT', 'damaged', 'the database is damaged; restore a backup'],
  ['SQLITE_NOTADB', 'damaged', 'the database is damaged; restore a backup'],
  ['SQLITE_IOERR_SHORT_READ', 'damaged', 'the database is cut short; restore a backup'],
  ['SQLITE_IOERR_DATA', 'damaged', 'the database is damaged; restore a backup'],
  ['SQLITE_IOERR', 'unwritable', 'the disk reports an error; look at the system log'],
  ['SQLITE_READONLY', 'unwritable', 'the database cannot be written; look at its owner and mode'],
  ['SQLITE_CANTOPEN', 'unwritable', 'the database cannot be opened; look at its owner and mode'],
  ['SQLITE_PERM', 'unwritable', 'the database cannot be written; look at its owner and mode'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'duplicate', 'there is one already'],
];

/** @returns `cause` itself if it is not about the file: then it is our bug. */
export function toStoreError(cause: unknown): unknown {
  const code = sqliteCode(cause);
  const found = FAILURES.find(([prefix]) => code?.startsWith(prefix));
  return found === undefined ? cause : new StoreError(found[1], found[2], { cause });
}

/** The extended result code, `SQLITE_…`; undefined if `cause` is not SQLite's. */
export function sqliteCode(cause: unknown): string | undefined {
  return cause instanceof Database.SqliteError ? cause.code : undefined;
}
