import {
  BUNDLE_SIZE_MAX,
  encodePairingCode,
  type PairingSecret,
  RemoteProtocolError,
} from '../protocol/index.ts';
import {
  type Conversation,
  type ConversationQuery,
  type CoverForecast,
  type CoverRequest,
  type FolderCovers,
  type Happening,
  type LetterResult,
  type MessageBytes,
  type Messenger,
  type NamedBucket,
  type NamedReading,
  type NamedTime,
  type OpenedMessage,
  type PairingCode,
  type ReadPicture,
  type SendKeysRequest,
  type SendKeysResult,
  type SendMessageRequest,
  type SendMessageResult,
  type SendPictureRequest,
  type SentPicture,
  type SeriesRequest,
  type Shown,
  type ShownCover,
  type ShownSelf,
  UseCaseError,
  type VerifyRequest,
} from './api.ts';
import { conversation, openMessage } from './conversation.ts';
import { decryptMessages, fileContent } from './decrypt-messages.ts';
import { forecastCover, previewCover } from './forecast-cover.ts';
import { type Parts, type PeerMessengerConfig, type PeerMessengerDeps, partsOf } from './parts.ts';
import type { Contact } from './ports.ts';
import { readLetter } from './read-letter.ts';
import { latestReadings, namedTimes, readingSeries } from './read-sensors.ts';
import { removeContact } from './remove-contact.ts';
import { restoredCover, restoredCovers } from './restored-covers.ts';
import { sendKeys } from './send-keys.ts';
import { type SendMessageDeps, sendMessage, writeLetter } from './send-message.ts';
import { sendPicture } from './send-picture.ts';
import { show, showSelf } from './show.ts';
import { Ticker } from './ticker.ts';
import { verify } from './verify.ts';

/** PROTOCOL §7. */
const CODE_LIFETIME_MS = 10 * 60_000;

/** How often a peer that cannot be called asks its contacts for what they have. */
const POLL_MS = 2_000;

export class PeerMessenger implements Messenger {
  readonly #parts: Parts;
  readonly #ticker: Ticker;
  #stopping = false;

  constructor(config: PeerMessengerConfig, outside: PeerMessengerDeps) {
    this.#parts = partsOf(config, outside);
    this.#ticker = new Ticker(
      this.#parts,
      config.address === undefined ? (config.poll_ms ?? POLL_MS) : undefined,
    );
  }

  sendKeys(request: SendKeysRequest): Promise<SendKeysResult> {
    this.#assertRunning();
    return sendKeys(this.#parts, request);
  }

  createPairingCode(): PairingCode {
    const { crypto, randomBytes, meetings, clock, address } = this.#parts;
    const secret = randomBytes(16) as PairingSecret;
    meetings.holdCode(secret, clock.monotonic_ms() + CODE_LIFETIME_MS);
    const code = encodePairingCode(crypto, { secret, address });
    return { code, expires: new Date(clock.now().getTime() + CODE_LIFETIME_MS) };
  }

  verify(request: VerifyRequest): { readonly to: string; readonly verified: boolean } {
    return verify(this.#parts, request);
  }

  contacts(): readonly Contact[] {
    return this.#parts.contacts.all();
  }

  removeContact(name: string): void {
    removeContact(this.#parts, this.#parts.contacts.named(name).id);
  }

  sendMessage(request: SendMessageRequest): Promise<SendMessageResult> {
    this.#assertRunning();
    return sendMessage(this.#sending(), request);
  }

  writeLetter(request: Omit<SendMessageRequest, 'wait_ms'>): Promise<LetterResult> {
    return writeLetter(this.#sending(), request);
  }

  async readLetter(letter: Uint8Array): Promise<{ from: string; messages: number }> {
    return readLetter(this.#parts, plain(letter));
  }

  sendPicture(request: SendPictureRequest): Promise<SentPicture> {
    this.#assertRunning();
    return sendPicture(this.#parts, request);
  }

  async readPicture(png: Uint8Array): Promise<ReadPicture> {
    return this.#parts.pictureLine.read(png);
  }

  receivePicture(png: Uint8Array, source: string): void {
    this.#assertRunning();
    this.#parts.pictureLine.enter(plain(png), source);
  }

  restoredCovers(): readonly ShownCover[] {
    return restoredCovers(this.#parts);
  }

  restoredCover(id: number): { readonly cover: ShownCover; readonly png: Iterable<Uint8Array> } {
    return restoredCover(this.#parts, id);
  }

  folderCovers(): Promise<FolderCovers> {
    return this.#parts.covers.inFolder();
  }

  folderCover(name: string): Promise<Uint8Array> {
    return this.#parts.covers.named(name);
  }

  forecastCover(request: CoverRequest): Promise<CoverForecast> {
    return forecastCover(this.#parts, request);
  }

  previewCover(request: Required<CoverRequest>): Promise<Uint8Array> {
    return previewCover(this.#parts, request);
  }

  decryptMessages(query: { readonly from?: string }): readonly OpenedMessage[] {
    const opened = decryptMessages(this.#parts, query);
    if (opened.length > 0) this.#parts.announcer.tell('opened', undefined);
    return opened;
  }

  conversation(query: ConversationQuery): Conversation {
    return conversation(this.#parts, query);
  }

  openMessage(row: number): OpenedMessage {
    const opened = openMessage(this.#parts, row);
    this.#parts.announcer.tell('opened', undefined);
    return opened;
  }

  fileContent(row: number): MessageBytes {
    return fileContent(this.#parts.store.inbox, row);
  }

  show(): Shown {
    return show(this.#parts);
  }

  showSelf(): ShownSelf {
    return showSelf(this.#parts);
  }

  latestReadings(device?: string): readonly NamedReading[] {
    return latestReadings(this.#parts, device);
  }

  readingSeries(request: SeriesRequest): readonly NamedBucket[] {
    return readingSeries(this.#parts, request);
  }

  deviceTimes(): readonly NamedTime[] {
    return namedTimes(this.#parts);
  }

  async receive(bundle: Uint8Array): Promise<Uint8Array> {
    if (bundle.length > BUNDLE_SIZE_MAX) throw new RemoteProtocolError('malformed');
    return this.#parts.reception.receive(plain(bundle));
  }

  listen(listener: (happening: Happening) => void): () => void {
    return this.#parts.announcer.listen(listener);
  }

  /** @throws {StoreError} before anything is sent; `stop` is due all the same. */
  start(): void {
    this.#parts.pictureWays.start();
    for (const { id } of this.#parts.contacts.all()) this.#parts.deliveries.wake(id);
    this.#ticker.start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#ticker.stop();
    const { deliveries, pictureWays, pictureLine, work } = this.#parts;
    pictureLine.stop();
    await Promise.all([deliveries.stop(), pictureWays.stop(), work.close()]);
  }

  /**
   * After `stop` and the last bundle received: nothing that was acknowledged is left to be sent
   * again, and nothing waits for the store any more, which may be closed.
   */
  settle(): void {
    this.#parts.deliveries.settle();
    this.#parts.commits.flush();
  }

  #sending(): SendMessageDeps {
    return this.#parts;
  }

  #assertRunning(): void {
    if (this.#stopping) throw new UseCaseError('stopping', 'the peer is stopping: try again later');
  }
}

/** The same bytes without Node's subclass, whose `slice` shares memory where it should copy. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
