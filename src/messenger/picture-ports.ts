/** What pictures need from the outside, beside ports.ts: their rows in the store, and a folder. */
import type { ContactId, MessageId, StagedContent } from './ports.ts';

export type PictureId = number;

/** A picture that waits until its contact has acknowledged every letter packet in it. */
export interface QueuedPicture {
  readonly id: PictureId;
  readonly contact: ContactId;
  /** Of the first letter packet; the others follow. */
  readonly message: MessageId;
  /** Letter packets, each with a sequence of its own. */
  readonly count: number;
  /** Of the PNG, in bytes. */
  readonly size: number;
}

/** A cover that came back, bit for bit, with what proves it. */
export interface RestoredCover {
  readonly id: PictureId;
  readonly contact: ContactId;
  /** The message that it carried. */
  readonly message: MessageId;
  readonly at: Date;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** Of its samples; travelled inside, authenticated, and was checked. Hex. */
  readonly sha256: string;
  /** How like its cover the picture was that carried it. */
  readonly psnr_dB: number;
  /** Of the PNG, in bytes. */
  readonly size: number;
}

export interface PictureStore {
  /** By the SHA-256 of a cover's samples, or of its file; hex. */
  isCoverUsed(sha256: string): boolean;
  /**
   * Marks covers at once, outside of any transaction and against other processes as well, and
   * returns those that were not marked. If one was, and it is not forced, none is: undefined.
   * @throws {StoreError} `full`, `unwritable`
   */
  claimCovers(sha256s: readonly string[], forced: boolean): readonly string[] | undefined;
  /** Takes back what `claimCovers` has returned: nothing came of it. */
  releaseCovers(sha256s: readonly string[]): void;
  /** For ever, in backups too. Belongs to the transaction that keeps what came of it. */
  useCover(sha256: string, now: Date): void;
  /** Nothing is queued before the stage's `queue`, which returns the id. */
  stageQueued(picture: Omit<QueuedPicture, 'id' | 'size'>, now: Date): StagedContent;
  /** The oldest first. */
  queued(contact: ContactId): readonly QueuedPicture[];
  queuedContent(id: PictureId): Iterable<Uint8Array>;
  removeQueued(id: PictureId): void;
  /** Nothing is kept before the stage's `queue`; then the contact's oldest may go. */
  stageRestored(cover: Omit<RestoredCover, 'id' | 'size'>): StagedContent;
  /** The newest first. */
  restored(limit: number): readonly RestoredCover[];
  restoredOf(contact: ContactId, message: MessageId): RestoredCover | undefined;
  restoredById(id: PictureId): RestoredCover | undefined;
  /** In slices of at most 64 KiB. @throws {StoreError} `missing` */
  restoredContent(id: PictureId): Iterable<Uint8Array>;
}

/** A folder into which a person puts covers, each to be used once. */
export interface CoverFolder {
  readonly path: string;
  /** Names of the PNG files in it, in order; made if it is not there. */
  names(): Promise<readonly string[]>;
  /** Undefined if there is no such file any more, or one larger than `sizeMax` bytes. */
  read(name: string, sizeMax: number): Promise<Uint8Array | undefined>;
  /** Moves it aside, into `used`. */
  retire(name: string): Promise<void>;
}
