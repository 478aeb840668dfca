/**
 * Which cover to use: each once. A cover is known by the SHA-256 of its file, which costs no
 * decoding, and by that of its samples, which no other name or compression changes.
 */
import type { CryptoProvider } from '../crypto/index.ts';
import { reasonOf } from '../reasons.ts';
import { type FolderCovers, type SendPictureRequest, UseCaseError } from './api.ts';
import { hex } from './observations.ts';
import type { CoverFolder } from './picture-ports.ts';
import { PICTURE_SIZE_MAX } from './picture-work.ts';
import type { Clock, Log, Store } from './ports.ts';

export interface CoversDeps {
  readonly crypto: CryptoProvider;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined: covers are only sent along. */
  readonly coverFolder?: CoverFolder;
}

export interface Cover {
  /** Of its file; undefined if it was sent along without one. */
  readonly name: string | undefined;
  readonly png: Uint8Array;
}

interface Use {
  readonly cover: Uint8Array;
  readonly samplesSha256: string;
  /** The PNG that was made of it. */
  readonly picture: Uint8Array;
  readonly force: boolean;
}

type CoverChoice = Pick<SendPictureRequest, 'cover' | 'coverName' | 'force'>;

const LISTED_MAX = 1_000;

/** A cover's own refusal: of a folder, the next one may do. */
const PASSING = new Set(['cover_unusable', 'cover_too_small', 'cover_used']);

export class Covers {
  readonly #deps: CoversDeps;

  constructor(deps: CoversDeps) {
    this.#deps = deps;
  }

  /** What lies in the folder, in the order in which it would be used; at most LISTED_MAX names. */
  async inFolder(): Promise<FolderCovers> {
    const { coverFolder: folder } = this.#deps;
    if (folder === undefined) return { path: undefined, names: [] };
    return { path: folder.path, names: (await folder.names()).slice(0, LISTED_MAX) };
  }

  /** @throws {UseCaseError} `no_cover` */
  async named(name: string): Promise<Uint8Array> {
    const { coverFolder: folder } = this.#deps;
    // A name is one that the folder lists, so it cannot lead out of it.
    const isThere = folder !== undefined && (await folder.names()).includes(name);
    const png = isThere ? await folder.read(name, PICTURE_SIZE_MAX) : undefined;
    if (png === undefined) {
      const message = 'the covers folder has no such PNG any more: choose another';
      throw new UseCaseError('no_cover', message);
    }
    return png;
  }

  /**
   * Does `work` with the cover that was sent along or named, or else with the first of the folder
   * that is unused and good for it; what was used moves aside.
   * @throws {UseCaseError} `no_cover`, `cover_used`, and what `work` throws.
   */
  async with<T>(
    { cover, coverName, force = false }: CoverChoice,
    work: (cover: Cover) => Promise<T>,
  ): Promise<T> {
    if (coverName !== undefined) return await this.#fromFolderNamed(coverName, force, work);
    if (cover === undefined) return await this.#fromFolder(work);
    if (!force && this.#isUsed(cover.png)) throw used('it');
    return await work({ name: cover.name, png: cover.png });
  }

  /**
   * Marks cover and picture as used, then `commit` makes the picture last: in the same transaction
   * it calls what it is given. If it fails nothing is marked.
   * @throws {UseCaseError} `cover_used`, and what `commit` throws.
   */
  async using<T>(
    { cover, samplesSha256, picture, force }: Use,
    commit: (use: () => void) => Promise<T>,
  ): Promise<T> {
    const { store, clock } = this.#deps;
    // A picture made of the picture would show the difference as well.
    const marks = [samplesSha256, this.#hash(cover), this.#hash(picture)];
    const claimed = store.pictures.claimCovers(marks, force);
    if (claimed === undefined) throw used('it, under whatever name,');
    try {
      return await commit(() => {
        for (const mark of marks) store.pictures.useCover(mark, clock.now());
      });
    } catch (cause) {
      store.pictures.releaseCovers(claimed);
      throw cause;
    }
  }

  async #fromFolderNamed<T>(
    name: string,
    force: boolean,
    work: (cover: Cover) => Promise<T>,
  ): Promise<T> {
    const png = await this.named(name);
    if (!force && this.#isUsed(png)) throw used('it');
    const result = await work({ name, png });
    const { coverFolder: folder } = this.#deps;
    if (folder !== undefined) await this.#retire(folder, name);
    return result;
  }

  async #fromFolder<T>(work: (cover: Cover) => Promise<T>): Promise<T> {
    const { coverFolder: folder } = this.#deps;
    if (folder === undefined) throw new UseCaseError('no_cover', 'send a cover along');
    const refusals: string[] = [];
    for (const name of await folder.names()) {
      const png = await folder.read(name, PICTURE_SIZE_MAX);
      if (png === undefined) continue;
      try {
        // Killed after it was used and before it was moved: then it is moved now.
        if (this.#isUsed(png)) throw used(name);
        const result = await work({ name, png });
        await this.#retire(folder, name);
        return result;
      } catch (cause) {
        if (!(cause instanceof UseCaseError) || !PASSING.has(cause.failure)) throw cause;
        if (cause.failure === 'cover_used') await this.#retire(folder, name);
        else refusals.push(`${name}: ${cause.message}`);
      }
    }
    throw noneLeft(folder.path, refusals);
  }

  /** The store knows already; the folder only shows it to the person. */
  async #retire(folder: CoverFolder, name: string): Promise<void> {
    try {
      await folder.retire(name);
    } catch (cause) {
      const error = reasonOf(cause);
      this.#deps.log.warn('cover_not_moved', { name, error });
    }
  }

  #isUsed(png: Uint8Array): boolean {
    return this.#deps.store.pictures.isCoverUsed(this.#hash(png));
  }

  #hash(png: Uint8Array): string {
    return hex(this.#deps.crypto.hash(png));
  }
}

function used(what: string): UseCaseError {
  const next = { do: 'take_other_cover' } as const;
  return new UseCaseError('cover_used', `${what} was hidden in before`, { next });
}

function noneLeft(path: string, refusals: readonly string[]): UseCaseError {
  const [first] = refusals;
  if (first === undefined) {
    return new UseCaseError('no_cover', `there is no unused PNG in ${path}: put some there`);
  }
  const others = refusals.length === 1 ? '' : `, and ${refusals.length - 1} more`;
  const message = `none in ${path} will do (${first}${others}): put others there`;
  return new UseCaseError('no_cover', message);
}
