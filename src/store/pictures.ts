/**
 * Pictures: which covers were used, what is on its way, and the covers that came back. The files
 * themselves are large contents, slice by slice.
 */
import { StoreError } from '../failures.ts';
import type {
  ContactId,
  MessageId,
  PictureId,
  PictureStore,
  QueuedPicture,
  RestoredCover,
  StagedContent,
} from '../messenger/index.ts';
import type { UsedCovers } from '../used-covers.ts';
import { type Connection, type Statement, toSigned, toUnsigned } from './connection.ts';
import type { Belongings } from './contacts.ts';
import type { ContentId, Slices } from './slices.ts';
import { type Staged, Staging } from './staging.ts';

/** Covers kept of one contact, and their bytes together; the oldest go first. */
const RESTORED_MAX = 100;
const RESTORED_BYTES_MAX = 256 * 2 ** 20;

type QueuedRow = Record<'id' | 'contact' | 'epoch' | 'first' | 'count' | 'size', bigint>;
type RestoredRow = Record<
  'id' | 'contact' | 'epoch' | 'sequence' | 'at' | 'width' | 'height' | 'depth' | 'size',
  bigint
> & { readonly psnr: number; readonly sha256: string };
interface Place {
  readonly content: ContentId;
  readonly slices: number;
}
type RestoredFields = [
  number,
  bigint,
  bigint,
  number,
  number,
  number,
  number,
  number,
  string,
  ...StagedFields,
];
/** Bytes, content and number of slices. */
type StagedFields = [number, ContentId, number];

const RESTORED = 'id, contact, epoch, sequence, at, width, height, depth, psnr, sha256, size';

export class SqlitePictures implements PictureStore, Belongings {
  readonly #connection: Connection;
  readonly #slices: Slices;
  readonly #usedCovers: UsedCovers;
  readonly #isUsed: Statement<[string], { used: number }>;
  readonly #allUsed: Statement<[], { sha256: string }>;
  readonly #use: Statement<[string, number]>;
  readonly #queue: Statement<[number, bigint, bigint, number, number, ...StagedFields]>;
  readonly #queued: Statement<[number], QueuedRow>;
  readonly #queuedPlace: Statement<[PictureId], Place>;
  readonly #unqueue: Statement<[PictureId]>;
  readonly #keep: Statement<RestoredFields>;
  readonly #restored: Statement<[number], RestoredRow>;
  readonly #restoredOf: Statement<[number, bigint, bigint], RestoredRow>;
  readonly #restoredById: Statement<[PictureId], RestoredRow>;
  readonly #restoredPlace: Statement<[PictureId], Place>;
  readonly #sizes: Statement<[number], { id: PictureId; size: number; content: ContentId }>;
  readonly #forget: Statement<[PictureId]>;

  constructor(connection: Connection, slices: Slices, usedCovers: UsedCovers) {
    this.#connection = connection;
    this.#slices = slices;
    this.#usedCovers = usedCovers;
    const of = connection.prepare.bind(connection);
    this.#isUsed = of('select count(*) as used from cover_used where sha256 = ?');
    this.#allUsed = of('select sha256 from cover_used');
    this.#use = of('insert into cover_used (sha256, at) values (?, ?) on conflict do nothing');
    this.#queue = of(`
      insert into picture_queued (contact, epoch, first, count, at, size, content, slices)
      values (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#queued = connection.prepareExact(`
      select id, contact, epoch, first, count, size from picture_queued
      where contact = ? order by id`);
    this.#queuedPlace = of('select content, slices from picture_queued where id = ?');
    this.#unqueue = of('delete from picture_queued where id = ?');
    this.#keep = of(`
      insert into picture_restored
        (contact, epoch, sequence, at, width, height, depth, psnr, sha256, size, content, slices)
      values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    const exact = connection.prepareExact.bind(connection);
    const from = `select ${RESTORED} from picture_restored`;
    this.#restored = exact(`${from} order by id desc limit +?`);
    this.#restoredOf = exact(`${from} where contact = ? and epoch = ? and sequence = ?`);
    this.#restoredById = exact(`${from} where id = ?`);
    this.#restoredPlace = of('select content, slices from picture_restored where id = ?');
    this.#sizes = of(`
      select id, size, content from picture_restored where contact = ? order by id desc`);
    this.#forget = of('delete from picture_restored where id = ?');
  }

  createFor(): void {}

  /** What came from a removed contact stays, as in the inbox. */
  removeFor(contact: ContactId): void {
    for (const { id } of this.queued(contact)) this.removeQueued(id);
  }

  isCoverUsed(sha256: string): boolean {
    return this.#usedCovers.has(sha256) || this.#isUsed.get(sha256)?.used === 1;
  }

  claimCovers(sha256s: readonly string[], forced: boolean): readonly string[] | undefined {
    return this.#usedCovers.claim(sha256s, { forced });
  }

  releaseCovers(sha256s: readonly string[]): void {
    this.#usedCovers.release(sha256s);
  }

  /**
   * Gives rows and marks what only the other had: from a backup, from another process, or because
   * this one was killed in between. Nobody needs it to go on: either is asked.
   */
  shareMarks(): void {
    const marks = new Set(this.#usedCovers.all());
    const rows = new Set(this.#allUsed.all().map(({ sha256 }) => sha256));
    const unmarked = [...rows].filter((sha256) => !marks.has(sha256));
    if (unmarked.length > 0) this.#usedCovers.claim(unmarked, { forced: true });
    for (const sha256 of marks) if (!rows.has(sha256)) this.#use.run(sha256, 0);
  }

  useCover(sha256: string, now: Date): void {
    this.#use.run(sha256, now.getTime());
  }

  stageQueued(
    { contact, message, count }: Omit<QueuedPicture, 'id' | 'size'>,
    now: Date,
  ): StagedContent {
    const { epoch, sequence } = signed(message);
    return this.#stage((staged) =>
      this.#queue.insert(contact, epoch, sequence, count, now.getTime(), ...staged),
    );
  }

  queued(contact: ContactId): readonly QueuedPicture[] {
    return this.#queued.all(contact).map(toQueued);
  }

  queuedContent(id: PictureId): Iterable<Uint8Array> {
    return this.#read(this.#queuedPlace.get(id));
  }

  removeQueued(id: PictureId): void {
    this.#connection.transaction(() => {
      const place = this.#queuedPlace.get(id);
      if (place === undefined) return;
      this.#slices.remove(place.content);
      this.#unqueue.run(id);
    });
  }

  stageRestored(cover: Omit<RestoredCover, 'id' | 'size'>): StagedContent {
    const { contact, message, at, width, height, depth, psnr_dB, sha256 } = cover;
    const { epoch, sequence } = signed(message);
    return this.#stage((staged) => {
      const picture = [width, height, depth, psnr_dB, sha256] as const;
      const id = this.#keep.insert(contact, epoch, sequence, at.getTime(), ...picture, ...staged);
      this.#forgetOldest(contact);
      return id;
    });
  }

  restored(limit: number): readonly RestoredCover[] {
    return this.#restored.all(limit).map(toRestored);
  }

  restoredOf(contact: ContactId, message: MessageId): RestoredCover | undefined {
    const { epoch, sequence } = signed(message);
    const row = this.#restoredOf.get(contact, epoch, sequence);
    return row && toRestored(row);
  }

  restoredById(id: PictureId): RestoredCover | undefined {
    const row = this.#restoredById.get(id);
    return row && toRestored(row);
  }

  restoredContent(id: PictureId): Iterable<Uint8Array> {
    return this.#read(this.#restoredPlace.get(id));
  }

  #stage(insert: (staged: StagedFields) => PictureId): StagedContent {
    return new Staging(this.#connection, this.#slices, ({ bytes, content, count }: Staged) =>
      BigInt(insert([bytes, content, count])),
    );
  }

  /** The newest always stays. */
  #forgetOldest(contact: ContactId): void {
    let bytes = 0;
    for (const [index, { id, size, content }] of this.#sizes.all(contact).entries()) {
      bytes += size;
      if (index === 0 || (index < RESTORED_MAX && bytes <= RESTORED_BYTES_MAX)) continue;
      this.#slices.remove(content);
      this.#forget.run(id);
    }
  }

  *#read(place: Place | undefined): Generator<Uint8Array> {
    if (place === undefined) throw new StoreError('missing', 'there is no such picture');
    for (let part = 0; part < place.slices; part += 1) {
      const slice = this.#slices.read(place.content, part);
      if (slice === undefined) throw new StoreError('damaged', 'a slice of a picture is gone');
      yield slice;
    }
  }
}

function signed({ epoch, sequence }: MessageId): MessageId {
  return { epoch: toSigned(epoch), sequence: toSigned(sequence) };
}

function toQueued({ id, contact, epoch, first, count, size }: QueuedRow): QueuedPicture {
  return {
    id: Number(id),
    contact: Number(contact),
    message: { epoch: toUnsigned(epoch), sequence: toUnsigned(first) },
    count: Number(count),
    size: Number(size),
  };
}

function toRestored(row: RestoredRow): RestoredCover {
  return {
    id: Number(row.id),
    contact: Number(row.contact),
    message: { epoch: toUnsigned(row.epoch), sequence: toUnsigned(row.sequence) },
    at: new Date(Number(row.at)),
    width: Number(row.width),
    height: Number(row.height),
    depth: Number(row.depth),
    sha256: row.sha256,
    psnr_dB: row.psnr,
    size: Number(row.size),
  };
}
