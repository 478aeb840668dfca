/**
 * The peer's folder: owner only, and files in it that appear or change whole or not at all, also
 * when the power fails.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { systemRandomBytes } from '../crypto/index.ts';
import { makeFolder, onDisk, syncNames } from '../on-disk.ts';
import { systemCode } from '../reasons.ts';
import { hex } from './hex.ts';

const TEMPORARY = /\.[0-9a-f]{16}\.new$/;

export class Folder {
  readonly path: string;

  /** Creates the folder if need be. @throws {StoreError} `unwritable` */
  constructor(path: string) {
    this.path = resolve(path);
    this.#attempt(() => {
      makeFolder(this.path, 0o700);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    });
  }

  /** Whether others on this machine may enter. */
  isShared(): boolean {
    return this.#attempt(() => (statSync(this.path).mode & 0o077) !== 0);
  }

  hasNothing(): boolean {
    return this.#attempt(() => readdirSync(this.path).length === 0);
  }

  /** Owner only. */
  protectItself(): void {
    this.#attempt(() => chmodSync(this.path, 0o700));
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  has(name: string): boolean {
    return existsSync(this.pathOf(name));
  }

  protect(name: string): void {
    this.#attempt(() => chmodSync(this.pathOf(name), 0o600));
  }

  read(name: string): string {
    return this.#attempt(() => readFileSync(this.pathOf(name), 'utf8'));
  }

  /** The first bytes of a file; fewer if it is shorter. */
  readHead(name: string, size: number): Uint8Array {
    return this.#attempt(() => {
      const file = openSync(this.pathOf(name), 'r');
      try {
        const head = new Uint8Array(size);
        return head.subarray(0, readSync(file, head, 0, size, 0));
      } finally {
        closeSync(file);
      }
    });
  }

  /** Whether the file is missing or has nothing in it. */
  isEmpty(name: string): boolean {
    return this.#attempt(
      () => (statSync(this.pathOf(name), { throwIfNoEntry: false })?.size ?? 0) === 0,
    );
  }

  /** Returns false, and changes nothing, if the file is there. */
  create(name: string, content: string): boolean {
    return this.#writeWhole(name, content, (temporary, path) => {
      try {
        linkSync(temporary, path);
        return true;
      } catch (cause) {
        if (systemCode(cause) === 'EEXIST') return false;
        throw cause;
      } finally {
        rmSync(temporary);
      }
    });
  }

  replace(name: string, content: string): void {
    this.#writeWhole(name, content, renameSync);
  }

  remove(name: string): void {
    this.#attempt(() => {
      rmSync(this.pathOf(name), { force: true });
      syncNames(this.path);
    });
  }

  /** Removes what an interrupted `create` or `replace` left. Only for who holds the database. */
  sweep(): void {
    this.#attempt(() => {
      for (const name of readdirSync(this.path)) {
        if (TEMPORARY.test(name)) rmSync(this.pathOf(name));
      }
    });
  }

  #writeWhole<T>(name: string, content: string, place: (temporary: string, path: string) => T): T {
    return this.#attempt(() => {
      const temporary = this.pathOf(`${name}.${hex(systemRandomBytes(8))}.new`);
      try {
        writeFileSync(temporary, content, { flag: 'wx', mode: 0o600, flush: true });
        return place(temporary, this.pathOf(name));
      } catch (cause) {
        rmSync(temporary, { force: true });
        throw cause;
      } finally {
        syncNames(this.path);
      }
    });
  }

  #attempt<T>(work: () => T): T {
    const cure = 'choose another folder, or change its owner and mode';
    return onDisk(this.path, [`cannot use ${this.path}`, cure], work);
  }
}
