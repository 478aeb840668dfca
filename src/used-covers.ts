/**
 * Covers that were used from one data folder, by its peer and by `sotto hide` and `reveal` alike: in its folder
 * `used-covers` an empty file each, named after a SHA-256 of the picture's samples or of its file.
 *
 * A file system makes such a file only once, whoever asks at the same time. So of two who want one cover
 * one is refused, without a lock that could be left behind, and without opening the database.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolder, onDisk, syncNames } from './on-disk.ts';
import { systemCode } from './reasons.ts';

const FOLDER = 'used-covers';
/** Where `sotto hide` noted them before, a line each. */
const OLDER_FILE = 'covers-used';
const NAME = /^[0-9a-f]{64}$/;

export class UsedCovers {
  readonly #folder: string;
  readonly #olderFile: string;

  /** @param dataFolder made, owner only, when the first cover is marked. */
  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, FOLDER);
    this.#olderFile = join(dataFolder, OLDER_FILE);
  }

  /** @throws {StoreError} `unwritable` */
  has(sha256: string): boolean {
    return this.#attempt(() => {
      this.#takeOlderFile();
      return NAME.test(sha256) && existsSync(join(this.#folder, sha256));
    });
  }

  /**
   * Marks all, durably, and returns those that were not marked before. If one was, and they are
   * not `forced`, none is marked, and undefined is returned.
   * @throws {StoreError} `full`, `unwritable`; then none is marked.
   */
  claim(
    sha256s: readonly string[],
    { forced = false }: { readonly forced?: boolean } = {},
  ): readonly string[] | undefined {
    const claimed: string[] = [];
    let isRefused = false;
    try {
      this.#attempt(() => {
        this.#takeOlderFile();
        makeFolder(this.#folder, 0o700);
        for (const sha256 of new Set(sha256s)) {
          if (this.#mark(sha256)) claimed.push(sha256);
          else if (!forced) isRefused = true;
        }
        syncNames(this.#folder);
      });
    } catch (cause) {
      this.release(claimed);
      throw cause;
    }
    if (!isRefused) return claimed;
    this.release(claimed);
    return undefined;
  }

  /** Takes marks back: of pictures that did not come to be. */
  release(sha256s: readonly string[]): void {
    for (const sha256 of sha256s) rmSync(join(this.#folder, sha256), { force: true });
  }

  /** @throws {StoreError} `unwritable` */
  all(): readonly string[] {
    return this.#attempt(() => {
      this.#takeOlderFile();
      if (!existsSync(this.#folder)) return [];
      return readdirSync(this.#folder).filter((name) => NAME.test(name));
    });
  }

  /** False if it was marked before. */
  #mark(sha256: string): boolean {
    if (!NAME.test(sha256)) throw new Error('a mark is a SHA-256 in hexadecimal');
    try {
      closeSync(openSync(join(this.#folder, sha256), 'wx', 0o600));
      return true;
    } catch (cause) {
      if (systemCode(cause) === 'EEXIST') return false;
      throw cause;
    }
  }

  #takeOlderFile(): void {
    if (statSync(this.#olderFile, { throwIfNoEntry: false })?.isFile() !== true) return;
    makeFolder(this.#folder, 0o700);
    for (const line of readFileSync(this.#olderFile, 'utf8').split('\n')) {
      if (NAME.test(line)) this.#mark(line);
    }
    syncNames(this.#folder);
    rmSync(this.#olderFile, { force: true });
  }

  #attempt<T>(work: () => T): T {
    const cannot = `used covers cannot be noted in ${this.#folder}`;
    return onDisk(this.#folder, [cannot, 'change its owner or mode'], work);
  }
}
