/**
 * `send_msg` with `carrier: image`: a letter, hidden in a cover. The picture and the mark on its
 * cover are durable together before the sender hears of success; a refusal leaves nothing behind.
 */
import { CAPABILITY, LETTER_FILE_SIZE_MAX } from '../protocol/index.ts';
import type { Hidden } from '../stego/index.ts';
import {
  type PictureReport,
  type SendPictureRequest,
  type SentPicture,
  UseCaseError,
} from './api.ts';
import type { Cover, Covers } from './covers.ts';
import type { GroupCommit } from './group-commit.ts';
import type { ImageKeys, PinnedContact } from './image-keys.ts';
import type { WrittenLetter } from './letters.ts';
import { messageIdText } from './message-id.ts';
import type { PictureId } from './picture-ports.ts';
import { type PictureWays, summedUp } from './picture-ways.ts';
import { PICTURE_SIZE_MAX, type PictureWork } from './picture-work.ts';
import type { Store } from './ports.ts';
import { addressee, contentBytes, type SendMessageDeps, within } from './send-message.ts';
import { fill } from './slices.ts';

/** Pictures that may wait for one contact, and their bytes together. */
const QUEUED_MAX = 32;
const QUEUED_BYTES_MAX = 256 * 1024 * 1024;
/** PROTOCOL §9.1: in the epoch of pictures on the link. */
const SEQUENCES_AHEAD_MAX = 1_024n;

export interface SendPictureDeps extends SendMessageDeps {
  readonly covers: Covers;
  readonly imageKeys: ImageKeys;
  readonly work: PictureWork;
  readonly pictureWays: PictureWays;
  readonly commits: GroupCommit;
}

interface Made {
  readonly hidden: Hidden;
  readonly letter: WrittenLetter;
  readonly cover: Cover;
  /** Undefined: it is carried by hand. */
  readonly queued: PictureId | undefined;
}

/** @throws {UseCaseError} @throws {StoreError} */
export async function sendPicture(
  deps: SendPictureDeps,
  request: SendPictureRequest,
): Promise<SentPicture> {
  const contact = addressee(deps, request.to);
  if (!request.carry) assertTakesPictures(deps, contact);
  const content = await contentBytes(request.content, LETTER_FILE_SIZE_MAX);
  // One for all covers that are tried: each takes numbers, and few may lie open at once.
  let letter: WrittenLetter | undefined;
  const made = await deps.covers.with(request, (cover) => {
    letter ??= deps.letters.write(contact, content, request.carry ? 'letters' : 'pictures');
    return make(deps, contact, letter, content, cover, request);
  });
  const delivered = await delivery(deps, contact, made.queued, request.wait_ms ?? 0);
  return {
    to: contact.name,
    id: messageIdText(made.letter.id),
    trust: contact.verified ? 'verified' : 'tofu',
    delivered,
    picture: reportOf(made),
    png: made.hidden.png,
  };
}

async function make(
  deps: SendPictureDeps,
  contact: PinnedContact,
  letter: WrittenLetter,
  content: Uint8Array,
  cover: Cover,
  { carry, force = false, profile = 'auto' }: SendPictureRequest,
): Promise<Made> {
  const { work, imageKeys, covers, commits, store, clock } = deps;
  const hidden = await work.hide(cover.png, letter.bundle, imageKeys.of(contact), { profile });
  if (hidden.png.length > PICTURE_SIZE_MAX) {
    const MiB = PICTURE_SIZE_MAX / 1024 / 1024;
    const message = `it would make a file of more than ${MiB} MiB: take a smaller one`;
    throw new UseCaseError('cover_unusable', message);
  }
  const { id, count } = letter;
  const sent = { contact: contact.id, id, count, carrier: 'image', size: content.length } as const;
  const samplesSha256 = hidden.report.coverSha256;
  const use = { cover: cover.png, samplesSha256, picture: hidden.png, force };
  const queued = await covers.using(use, async (noteUse) => {
    const note = () => {
      noteUse();
      store.sent.add({ ...sent, at: clock.now(), start: content });
    };
    if (!carry) return await queue(deps, contact, letter, hidden.png, note);
    await commits.commit(note);
    return undefined;
  });
  return { hidden, letter, cover, queued };
}

async function queue(
  { store, commits, pictureWays, clock }: SendPictureDeps,
  contact: PinnedContact,
  { id: message, count }: WrittenLetter,
  png: Uint8Array,
  note: () => void,
): Promise<PictureId> {
  const row = { contact: contact.id, message, count };
  const staged = store.pictures.stageQueued(row, clock.now());
  try {
    await fill(staged, png);
    const id = await commits.commit(() => {
      assertRoom(store, contact, message.sequence + BigInt(count));
      note();
      return Number(staged.queue());
    });
    pictureWays.queued({ ...row, id, size: png.length });
    return id;
  } catch (error) {
    staged.discard();
    throw error;
  }
}

/** @throws {UseCaseError} `unsupported`, `queue_full` */
function assertTakesPictures({ store }: SendPictureDeps, contact: PinnedContact): void {
  const { name, address, capabilities } = contact;
  if (address === undefined) {
    const next = { do: 'carry_by_hand' } as const;
    throw new UseCaseError('unsupported', `${name} cannot be called`, { next });
  }
  if ((capabilities & CAPABILITY.pictures) === 0) {
    const next = { do: 'carry_by_hand', to: name } as const;
    throw new UseCaseError('unsupported', `${name} takes no pictures`, { next });
  }
  assertRoom(store, contact, 0n);
}

/** By the stored rows: others of the same transaction stand there already. */
function assertRoom({ pictures }: Store, { id, name }: PinnedContact, end: bigint): void {
  const { count, bytes, lowest } = summedUp(pictures.queued(id));
  const isAhead = lowest !== undefined && end > lowest + SEQUENCES_AHEAD_MAX;
  if (count < QUEUED_MAX && bytes < QUEUED_BYTES_MAX && !isAhead) return;
  const why = `${count} pictures wait for ${name} already`;
  throw new UseCaseError('queue_full', `${why}: they go when it can be reached`);
}

async function delivery(
  { pictureWays, clock }: SendPictureDeps,
  { id }: PinnedContact,
  queued: PictureId | undefined,
  wait_ms: number,
): Promise<boolean> {
  if (queued === undefined) return false;
  const waiting = pictureWays.acknowledgement(id, queued);
  const delivered = await within(clock, wait_ms, waiting.promise);
  waiting.cancel();
  return delivered;
}

function reportOf({ hidden: { png, report }, cover }: Made): PictureReport {
  const { droppedChunks, largestStep, ...rest } = report;
  return { ...rest, cover: cover.name, size: png.length };
}
