/**
 * One connection to one encrypted database: statements, transactions, and the library's errors
 * turned into ours. The only file that runs SQL knows nothing of what is stored.
 */
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
    return this.#connection.attempt(() => this.#prepared.run(...parameters).changes);
  }

  /** As `run`, for an insert: returns the new rowid. */
  insert(...parameters: Parameters): number {
    return this.#connection.attempt(() =>
      Number(this.#prepared.run(...parameters).lastInsertRowid),
    );
  }

  get(...parameters: Parameters): Row | undefined {
    return this.#connection.attempt(() => this.#prepared.get(...parameters));
  }

  /** Visits row by row, so that only one is in memory, until `visit` returns false. */
  each(visit: (row: Row) => boolean, ...parameters: Parameters): void {
    this.#connection.attempt(() => {
      for (const row of this.#prepared.iterate(...parameters)) if (!visit(row)) break;
    });
  }

  all(...parameters: Parameters): Row[] {
    return this.#connection.attempt(() => this.#prepared.all(...parameters));
  }
}

export class Connection {
  readonly #database: Database.Database;
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  #inTransaction = false;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#begin = database.prepare('begin immediate');
    this.#commit = database.prepare('commit');
    this.#rollback = database.prepare('rollback');
  }

  /**
   * Integers come as `number`: for ids, sizes and times. A `number` is bound as REAL; a column
   * turns it back, arithmetic in SQL does not: bind a `bigint` there, or use `|`.
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

  /** All of `work` or nothing. A nested call is part of the outer one and commits with it. */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.attempt(() => this.#begin.run());
    this.#inTransaction = true;
    try {
      const result = work();
      if (result instanceof Promise) throw new TypeError('a transaction cannot wait');
      this.attempt(() => this.#commit.run());
      return result;
    } catch (cause) {
      if (this.#database.inTransaction) this.attempt(() => this.#rollback.run());
      throw cause;
    } finally {
      this.#inTransaction = false;
    }
  }

  /**
   * Some errors, a full disk above all, make SQLite roll back by itself. Whoever swallows such an
   * error must not go on: what follows would be committed without what came before.
   */
  attempt<T>(work: () => T): T {
    if (this.#inTransaction && !this.#database.inTransaction) throw rolledBack();
    try {
      return work();
    } catch (cause) {
      throw toStoreError(cause);
    }
  }

  close(): void {
    this.#database.close();
  }

  #prepare<Row>(sql: string): Database.Statement<unknown[], Row> {
    return this.attempt(() => this.#database.prepare<unknown[], Row>(sql));
  }
}

function rolledBack(): StoreError {
  return new StoreError('full', 'the transaction was undone by an earlier error; try again');
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
