/** Puts the machines, the store and the link together behind the use cases of api.ts. */
import type { CryptoProvider, KeyPair, RandomBytes } from '../crypto/index.ts';
import {
  BUNDLE_SIZE_MAX,
  CAPABILITY,
  decodeBundle,
  encodePairingCode,
  FRAME_SIZE_MAX,
  LETTER_FILE_SIZE_MAX,
  Meetings,
  type PairingSecret,
  RemoteProtocolError,
  Reunions,
  type Self,
  type SessionLimits,
  Sessions,
} from '../protocol/index.ts';
import { Announcer } from './announcer.ts';
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
import { Contacts } from './contacts.ts';
import { conversation, openMessage } from './conversation.ts';
import { Covers, type CoversDeps } from './covers.ts';
import { decryptMessages, fileContent } from './decrypt-messages.ts';
import { Deliveries } from './deliveries.ts';
import { forecastCover, previewCover } from './forecast-cover.ts';
import { GroupCommit } from './group-commit.ts';
import { ImageKeys } from './image-keys.ts';
import { Intake } from './intake.ts';
import { Letters } from './letters.ts';
import { Observations } from './observations.ts';
import { PictureLine, type PictureLineDeps } from './picture-line.ts';
import type { CoverFolder } from './picture-ports.ts';
import type { PictureWayDeps } from './picture-way.ts';
import { PictureWays } from './picture-ways.ts';
import { PictureWork } from './picture-work.ts';
import type { Clock, Contact, ContactId, Link, Log, Store, Terminal } from './ports.ts';
import { latestReadings, namedTimes, readingSeries } from './read-sensors.ts';
import { Reception } from './reception.ts';
import { removeContact } from './remove-contact.ts';
import { restoredCover, restoredCovers } from './restored-covers.ts';
import { sendKeys } from './send-keys.ts';
import { type SendMessageDeps, sendMessage, writeLetter } from './send-message.ts';
import { sendPicture } from './send-picture.ts';
import { show, showSelf } from './show.ts';
import { Ticker } from './ticker.ts';
import { ToldTimes } from './told-times.ts';
import { verify } from './verify.ts';
import { Windows } from './windows.ts';

/** PROTOCOL §7. */
const CODE_LIFETIME_MS = 10 * 60_000;
const CAPABILITIES =
  CAPABILITY.parts |
  CAPABILITY.letters |
  CAPABILITY.pictures |
  CAPABILITY.readings |
  CAPABILITY.time;

/** How often a peer that cannot be called asks its contacts for what they have. */
const POLL_MS = 2_000;

export interface PeerMessengerConfig {
  readonly name: string;
  /** Where this peer can be called; undefined: it cannot, and has to ask for what is there. */
  readonly address: string | undefined;
  readonly trust: 'tofu' | 'verified';
  /** Without an address: how often to ask for what is there. Default 2,000. */
  readonly poll_ms?: number;
  /** The largest message in bytes, sent or received. */
  readonly contentSizeMax: number;
  /** When sessions are renewed and wiped; left out: as PROTOCOL §6 says. */
  readonly sessionLimits?: SessionLimits;
}

export interface PeerMessengerDeps {
  readonly crypto: CryptoProvider;
  readonly randomBytes: RandomBytes;
  readonly staticKeys: KeyPair;
  readonly store: Store;
  readonly link: Link;
  readonly clock: Clock;
  readonly terminal: Terminal;
  readonly log: Log;
  /** Where the person puts covers; left out: they are only sent along. */
  readonly coverFolder?: CoverFolder;
}

/** Everything that use cases share; each takes the part that it names. */
function parts(config: PeerMessengerConfig, outside: PeerMessengerDeps) {
  const { store, clock, link, randomBytes, terminal, log } = outside;
  const contacts = new Contacts(store.contacts);
  const introduce = () => ({
    capabilities: CAPABILITIES,
    maxFrame: FRAME_SIZE_MAX,
    name: config.name,
    address: config.address,
  });
  const self: Self = { ...outside, introduce };
  const sessions = new Sessions(self, contacts, config.sessionLimits);
  const meetings = new Meetings(self, contacts, sessions);
  const reunions = new Reunions(self, contacts, sessions, meetings);
  const announcer = new Announcer(contacts, terminal, log);
  const observations = new Observations();
  const commits = new GroupCommit((work) => store.transaction(work));
  const letters = new Letters({ ...outside, contacts });
  const jitter = () => (randomBytes(1)[0] ?? 0) / 256;
  const limits = { contentSizeMax: config.contentSizeMax, partBytesMax: 2 * config.contentSizeMax };
  const intake = new Intake(store, new Windows(store.inbox), clock, limits);
  const times = new ToldTimes(clock);
  const shared = {
    ...outside,
    contacts,
    sessions,
    meetings,
    reunions,
    announcer,
    observations,
    times,
  };
  const changed = (contact: ContactId) => announcer.tell('queue', contact);
  const deliveries: Deliveries = new Deliveries(
    {
      ...shared,
      receiveReply: (contact, bundle, outgoing) =>
        reception.receiveReply(contact, bundle, outgoing.packets),
      carryOut: (effects) => reception.carryOut(effects),
      changed,
    },
    link,
    jitter,
  );
  const receiveReply = (contact: ContactId, bundle: Uint8Array) =>
    void reception.receiveReply(contact, bundle, []);
  const delivering = { ...shared, commits, letters, intake, deliveries };
  const pictures = pictureParts({ ...delivering, jitter, changed, receiveReply });
  const reception: Reception = new Reception({ ...delivering, ...pictures });
  const carryOut = reception.carryOut.bind(reception);
  return { ...config, ...delivering, ...pictures, reception, carryOut };
}

type Delivering = Omit<PictureWayDeps, 'sends'> &
  Omit<PictureLineDeps, 'imageKeys' | 'work'> &
  CoversDeps & { readonly staticKeys: KeyPair };

function pictureParts(deps: Delivering) {
  const work = new PictureWork(deps.clock, (share) => deps.announcer.hiding(share));
  const imageKeys = new ImageKeys(deps.crypto, deps.staticKeys);
  const pictureWays = new PictureWays(deps);
  deps.announcer.onMeetingEnded((contact, end) => {
    if ('pattern' in end) pictureWays.promoted(contact);
  });
  const pictureLine = new PictureLine({ ...deps, imageKeys, work });
  return { work, imageKeys, pictureWays, pictureLine, covers: new Covers(deps) };
}

export class PeerMessenger implements Messenger {
  readonly #parts: ReturnType<typeof parts>;
  readonly #ticker: Ticker;
  #stopping = false;

  constructor(config: PeerMessengerConfig, outside: PeerMessengerDeps) {
    this.#parts = parts(config, outside);
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
    const { reception, contacts } = this.#parts;
    try {
      const taken = reception.receiveLetter(
        decodeBundle(plain(letter), LETTER_FILE_SIZE_MAX),
        'file',
      );
      const [first] = taken;
      if (first === undefined) throw new RemoteProtocolError('malformed');
      const messages = taken.reduce((sum, { messages }) => sum + messages, 0);
      if (taken.every(({ fresh }) => fresh === 0)) {
        const next = { do: 'open_messages' } as const;
        throw new UseCaseError('letter_repeated', 'this letter was read before', { next });
      }
      return { from: contacts.get(first.contact)?.name ?? '', messages };
    } catch (cause) {
      if (!(cause instanceof RemoteProtocolError)) throw cause;
      const why = 'it is damaged, or nobody we are paired with wrote it to us';
      throw new UseCaseError('letter_unreadable', `the letter cannot be read: ${why}`, { cause });
    }
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
