/**
 * Opens the encrypted file. Cipher: AEGIS-256, every page authenticated under a nonce of its own,
 * WAL included. It was chosen among the library's authenticated ciphers for its speed
 * (docs/ARCHITECTURE.md, Decisions).
 */
import Database from 'better-sqlite3-multiple-ciphers';
import { concat } from '../bytes.ts';
import { type CryptoProvider, equal } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type { DataKey } from './data-key.ts';
import type { Folder } from './folder.ts';
import { APPLICATION_ID, MIGRATIONS } from './migrations.ts';
import { sqliteCode, toStoreError } from './sqlite-errors.ts';

export const DATABASE = 'peer.db';

const PAGE_SIZE = 8192;
/** Free pages that are left for what comes: 32 MiB. */
const FREE_PAGES_MAX = 4096;
const MARK_SIZE = 16;
const HEADER_SIZE = 24;
/** Pages in the WAL at which it is folded into the file: 8 MiB. */
const CHECKPOINT_PAGES = 1024;
/** A WAL that one large transaction blew up is cut back to this. */
const WAL_SIZE_MAX = 16 * 2 ** 20;

/**
 * Opens the database, made if it is not there, and holds it alone until it is closed.
 * @throws {StoreError} and leaves the file as it was.
 */
export function openDatabase(
  folder: Folder,
  dataKey: DataKey,
  crypto: CryptoProvider,
  migrations = MIGRATIONS,
): Database.Database {
  folder.create(DATABASE, '');
  const database = new Database(folder.pathOf(DATABASE), { timeout: 0 });
  try {
    unlock(database, dataKey, crypto);
    configure(database);
    migrate(database, migrations);
    returnFreePages(database);
    folder.protect(DATABASE);
    return database;
  } catch (cause) {
    database.close();
    if (sqliteCode(cause) === 'SQLITE_NOTADB') throw unreadable(folder, dataKey, crypto, cause);
    throw toStoreError(cause);
  }
}

/** Why a file that is there cannot be ours: for when there is no key to try it with. */
export function refuseForeign(folder: Folder): void {
  if (!hasShape(readHeader(folder))) throw foreign(folder);
}

function unlock(database: Database.Database, dataKey: DataKey, crypto: CryptoProvider): void {
  const key = concat(utf8('raw:'), dataKey, mark(dataKey, crypto));
  database.pragma("cipher = 'aegis'");
  database.key(Buffer.from(key.buffer));
  key.fill(0);
}

/** Exclusive before WAL: then there is no shared-memory file, and the lock is never let go. */
function configure(database: Database.Database): void {
  database.pragma(`page_size = ${PAGE_SIZE}`);
  database.pragma('locking_mode = exclusive');
  const isNew = database.pragma('page_count', { simple: true }) === 0;
  // Of a file that is there this would write the header, before we know whose file it is.
  if (isNew) database.pragma('auto_vacuum = incremental');
  const mode = database.pragma('journal_mode = wal', { simple: true });
  if (mode !== 'wal') throw new Error(`journal mode is ${String(mode)}`);
  database.pragma('synchronous = full');
  database.pragma('temp_store = memory');
  database.pragma('secure_delete = fast');
  database.pragma('trusted_schema = off');
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma(`journal_size_limit = ${WAL_SIZE_MAX}`);
}

function migrate(database: Database.Database, migrations: readonly string[]): void {
  const application = database.pragma('application_id', { simple: true });
  const version = Number(database.pragma('user_version', { simple: true }));
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0)) {
    throw new StoreError('foreign', 'the database belongs to another program');
  }
  if (version > migrations.length) {
    throw new StoreError('foreign', 'the database was made by a newer version; update this one');
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.exec(step);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${index + 1}`);
    })();
  }
}

/** What large contents leave behind goes back to the disk, at a moment when nobody waits. */
function returnFreePages(database: Database.Database): void {
  const free = Number(database.pragma('freelist_count', { simple: true }));
  if (free < FREE_PAGES_MAX) return;
  try {
    database.exec('pragma incremental_vacuum');
  } catch (cause) {
    // Moving pages needs a little space itself. A full disk must not keep the peer from starting.
    if (sqliteCode(cause) !== 'SQLITE_FULL') throw cause;
  }
}

/** The file's first bytes, where the cipher keeps a salt that a raw key leaves unused. */
function mark(dataKey: DataKey, crypto: CryptoProvider): Uint8Array {
  return crypto.hmac(dataKey, utf8('sotto-database1')).subarray(0, MARK_SIZE);
}

/** Page 1 did not authenticate: says whether key, page or file is the wrong one. */
function unreadable(
  folder: Folder,
  dataKey: DataKey,
  crypto: CryptoProvider,
  cause: unknown,
): StoreError {
  const header = readHeader(folder);
  if (equal(header.subarray(0, MARK_SIZE), mark(dataKey, crypto))) {
    const message = `${folder.pathOf(DATABASE)} is damaged; restore a backup`;
    return new StoreError('damaged', message, { cause });
  }
  if (!hasShape(header)) return foreign(folder, cause);
  const message = `${folder.pathOf(DATABASE)} was made with another key; put that key back`;
  return new StoreError('wrong_key', message, { cause });
}

function foreign(folder: Folder, cause?: unknown): StoreError {
  const message = `${folder.pathOf(DATABASE)} is not a Sotto database; move it or choose a folder`;
  return new StoreError('foreign', message, { cause });
}

/** SQLite's header from byte 16 on stays clear: page size, format, reserved bytes, fractions. */
function hasShape(header: Uint8Array): boolean {
  return equal(header.subarray(MARK_SIZE), Uint8Array.of(0x20, 0, 2, 2, 64, 64, 32, 32));
}

function readHeader(folder: Folder): Uint8Array {
  return folder.readHead(DATABASE, HEADER_SIZE);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
