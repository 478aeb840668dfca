/**
 * One connection to one encrypted database: statements, transactions, and the library's errors
 * turned into ours. The only file that runs SQL knows nothing of what is stored.
 */
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import type Database from 'better-sqlite3-multiple-ciphers';
import { StoreError } from '../failures.ts';
import { toStoreError } from './sqlite-errors.ts';

type Value = number | bigint | string | Uint8Array | null;

/** A prepared statement with typed parameters and rows. */
export class Statement<Parameters extends readonly Value[], Row = never> {
  readonly #connection: Connection;
  readonly #prepared: Database.Statement<unknown[], Row>;

  constructor(connection: Connection, prepared: Database.Statement<unknown[], Row>) {
    this.#connection = connection;
    this.#prepared = prepared;
  }

  /** Returns how many rows were changed. */
  run(...parameters: Parameters): number {
    return this.#run(parameters).changes;
  }

  /** As `run`, for an insert: returns the new rowid. */
  insert(...parameters: Parameters): number {
    return Number(this.#run(parameters).lastInsertRowid);
  }

  get(...parameters: Parameters): Row | undefined {
    this.#connection.assertUsable();
    try {
      return this.#prepared.get(...parameters);
    } catch (cause) {
      throw this.#connection.failed(cause);
    }
  }

  all(...parameters: Parameters): Row[] {
    this.#connection.assertUsable();
    try {
      return this.#prepared.all(...parameters);
    } catch (cause) {
      throw this.#connection.failed(cause);
    }
  }

  /** Visits row by row, so that only one is in memory, until `visit` returns false. */
  each(visit: (row: Row) => boolean, ...parameters: Parameters): void {
    this.#connection.assertUsable();
    try {
      for (const row of this.#prepared.iterate(...parameters)) if (!visit(row)) break;
    } catch (cause) {
      throw this.#connection.failed(cause);
    }
  }

  #run(parameters: Parameters): Database.RunResult {
    this.#connection.assertUsable();
    try {
      return this.#prepared.run(...parameters);
    } catch (cause) {
      throw this.#connection.failed(cause);
    }
  }
}

/** State in memory that mirrors rows, and has to follow their transactions. */
export interface Mirror {
  /** Writes what changed, as the last of the transaction. */
  beforeCommit(): void;
  /** The transaction was undone: forgets what it knew. */
  afterRollback(): void;
}

export class Connection {
  readonly #database: Database.Database;
  readonly #mirrors: Mirror[] = [];
  readonly #begin: Statement<[]>;
  readonly #commit: Statement<[]>;
  readonly #rollback: Statement<[]>;
  #inTransaction = false;
  #undone = false;
  #copying = false;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#begin = this.prepare('begin immediate');
    this.#commit = this.prepare('commit');
    this.#rollback = this.prepare('rollback');
  }

  /**
   * Integers come as `number`: for ids, sizes and times. A `number` is bound as REAL; a column
   * turns it back, arithmetic in SQL does not: bind a `bigint` there, or use `|`. A limit is given as
   * `+?`: for a bare one SQLite compiles the statement anew whenever it is bound, to plan with it.
   */
  prepare<Parameters extends readonly Value[], Row = never>(
    sql: string,
  ): Statement<Parameters, Row> {
    return new Statement(this, this.#prepare<Row>(sql));
  }

  /** Every integer comes as `bigint`: for epochs and sequences. */
  prepareExact<Parameters extends readonly Value[], Row = never>(
    sql: string,
  ): Statement<Parameters, Row> {
    return new Statement(this, this.#prepare<Row>(sql).safeIntegers());
  }

  /** From now on `mirror` follows every transaction. */
  attach(mirror: Mirror): void {
    this.#mirrors.push(mirror);
  }

  /**
   * As `transaction`, but durable only with the next one: after a power failure either both are
   * there, or this one, or neither. A kill loses nothing of it.
   */
  transactionInOrder<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.#database.pragma('synchronous = normal');
    try {
      return this.transaction(work);
    } finally {
      this.#database.pragma('synchronous = full');
    }
  }

  /** All of `work` or nothing. A nested call is part of the outer one and commits with it. */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.#begin.run();
    this.#inTransaction = true;
    try {
      const result = work();
      if (result instanceof Promise) throw new TypeError('a transaction cannot wait');
      for (const mirror of this.#mirrors) mirror.beforeCommit();
      this.#commit.run();
      return result;
    } catch (cause) {
      this.#undo();
      throw cause;
    } finally {
      this.#inTransaction = false;
      this.#undone = false;
    }
  }

  /**
   * Some errors, a full disk above all, make SQLite roll back by itself. Whoever swallows such an
   * error must not go on: what follows would be committed without what came before.
   */
  assertUsable(): void {
    if (this.#undone) {
      throw new StoreError('full', 'the transaction was undone by an earlier error; try again');
    }
  }

  /** Call with what a statement threw; throw what it returns. */
  failed(cause: unknown): unknown {
    if (!this.#database.open) {
      return new StoreError('closed', 'the peer is stopping; try again once it runs', { cause });
    }
    this.#undone = this.#inTransaction && !this.#database.inTransaction;
    return toStoreError(cause);
  }

  /**
   * Copies the database as it is now to `target`, byte for byte, while everything goes on: all is
   * folded into the file at `path`, and until it is copied changes go to the WAL only.
   * @throws {StoreError} `busy` if one is being made already, or the store closes meanwhile
   */
  async copyTo(path: string, target: string): Promise<void> {
    if (this.#copying) throw new StoreError('busy', 'a backup is being made already; wait for it');
    this.#copying = true;
    const pages = this.#database.pragma('wal_autocheckpoint', { simple: true });
    try {
      this.#database.pragma('wal_checkpoint(truncate)');
      this.#database.pragma('wal_autocheckpoint = 0');
      await copyFile(path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } catch (cause) {
      throw toStoreError(cause);
    } finally {
      this.#copying = false;
      if (this.#database.open) this.#database.pragma(`wal_autocheckpoint = ${pages}`);
    }
    // Closing folds the WAL into the file, also into the half that was not copied yet.
    if (!this.#database.open) throw new StoreError('busy', 'the peer stopped before it was copied');
  }

  /** Reads every page. @throws {StoreError} `damaged` */
  check(): void {
    const found = this.#attempt(() => this.#database.pragma('quick_check(1)', { simple: true }));
    if (found === 'ok') return;
    throw new StoreError('damaged', 'the database is damaged; restore a backup');
  }

  close(): void {
    this.#database.close();
  }

  #undo(): void {
    this.#undone = false;
    if (this.#database.inTransaction) this.#rollback.run();
    for (const mirror of this.#mirrors) mirror.afterRollback();
  }

  #prepare<Row>(sql: string): Database.Statement<unknown[], Row> {
    return this.#attempt(() => this.#database.prepare<unknown[], Row>(sql));
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw toStoreError(cause);
    }
  }
}

/** u64 as the signed integer that SQLite keeps; equality holds, order does not. */
export function toSigned(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

export function toUnsigned(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** The library returns `Buffer`, whose `slice` is a view; the others count on a copy. */
export function plain(blob: Uint8Array): Uint8Array {
  return new Uint8Array(blob.buffer, blob.byteOffset, blob.length);
}
