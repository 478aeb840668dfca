/** A peer's store: one encrypted database in one folder, held alone while it is open. */
import type { Readable } from 'node:stream';
import { type CryptoProvider, type ScryptCost, systemRandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type {
  ContactStore,
  ForwardQueue,
  Inbox,
  Log,
  Outbox,
  PictureStore,
  ReadingStore,
  Sent,
  Settings,
  Store,
} from '../messenger/index.ts';
import { UsedCovers } from '../used-covers.ts';
import { packBackup } from './backup.ts';
import { Connection } from './connection.ts';
import { SqliteContactStore } from './contacts.ts';
import {
  type DataKey,
  hasKey,
  KEY_FILE,
  loadDataKey,
  protectDataKey,
  removeStaleKeyFile,
  type StoreKey,
} from './data-key.ts';
import { DATABASE, openDatabase, refuseForeign } from './database.ts';
import { Folder } from './folder.ts';
import { SqliteForwardQueue } from './forward-queue.ts';
import { SqliteInbox } from './inbox.ts';
import { SqliteOutbox } from './outbox.ts';
import { OutboxStates } from './outbox-states.ts';
import { SqlitePictures } from './pictures.ts';
import { ReadingSpans } from './reading-spans.ts';
import { SqliteReadingStore } from './readings.ts';
import { type KeepSince, Retention } from './retention.ts';
import { beginRun, hasRun } from './runs.ts';
import { SqliteSent } from './sent.ts';
import { SqliteSettings } from './settings.ts';
import { SizeLimits } from './size-limits.ts';
import { Slices } from './slices.ts';

/** Settings in which the messenger numbers letters. */
const LETTER_EPOCHS = 'letters of ';

export interface StoreOptions {
  /** Created, owner only, if it is not there. */
  readonly folder: string;
  readonly key: StoreKey;
  readonly log: Log;
  readonly crypto: CryptoProvider;
  /** For a key that is sealed now; what is sealed already says its own. */
  readonly cost?: ScryptCost;
}

/** A store that can be copied while it is used. */
export interface PeerStore extends Store {
  readonly forwards: ForwardQueue;
  /** A bounded part of what is older; returns how many rows went. @throws {StoreError} */
  prune(since: KeepSince): number;
  /** Keeps messages and readings within a size. */
  readonly limits: SizeLimits;
  /** As a tar, see backup.ts. @throws {StoreError} `busy`, `full` */
  backup(): Promise<Readable>;
  /** Reads all of it, which takes as long as the disk does. @throws {StoreError} `damaged` */
  check(): void;
}

/**
 * Opens the store, or makes a new one.
 * @throws {StoreError} `wrong_key`, `damaged`, `foreign`, `busy`, `unwritable`, `full`; nothing
 *   that was there is overwritten.
 */
export async function openStore(options: StoreOptions): Promise<PeerStore> {
  const { connection, dataKey, folder } = await open(options);
  dataKey.fill(0);
  try {
    const store = new SqliteStore(connection, folder);
    if (store.beginRun()) options.log.warn('store_restored', { folder: folder.path });
    return store;
  } catch (cause) {
    connection.close();
    throw cause;
  }
}

/**
 * Protects the store by `newKey` from now on. Its content is not encrypted anew: whoever has both
 * an old copy of the key file and its passphrase can still read it.
 * @throws {StoreError} as `openStore`; `busy` while the peer runs.
 */
export async function changeStoreKey(options: StoreOptions, newKey: StoreKey): Promise<void> {
  const { connection, dataKey, folder } = await open(options);
  try {
    await protectDataKey(folder, dataKey, newKey, options.crypto, options.cost);
  } finally {
    dataKey.fill(0);
    connection.close();
  }
}

interface Opened {
  readonly connection: Connection;
  readonly folder: Folder;
  readonly dataKey: DataKey;
}

async function open({ folder: path, key, log, crypto, cost }: StoreOptions): Promise<Opened> {
  const folder = new Folder(path);
  keepOthersOut(folder, log);
  const isNew = folder.isEmpty(DATABASE);
  if (isNew && hasRun(folder)) throw databaseLost(folder);
  if (!isNew && !hasKey(folder)) refuseForeign(folder);
  const dataKey = await loadDataKey(folder, key, crypto, isNew, cost);
  const connection = new Connection(openDatabase(folder, dataKey, crypto));
  folder.sweep();
  removeStaleKeyFile(folder);
  if (key === 'key file') log.warn('store_key_without_passphrase', { file: KEY_FILE });
  return { connection, folder, dataKey };
}

/** Made anew it would be another peer, with another key and no contacts. */
function databaseLost(folder: Folder): StoreError {
  const lost = `${folder.pathOf(DATABASE)} is ${folder.has(DATABASE) ? 'empty' : 'not there'}`;
  const cure = 'restore a backup into another folder, or remove this one to begin anew';
  return new StoreError('damaged', `${lost}, but a peer ran here; ${cure}`);
}

/** A folder with somebody's files in it, a home or /tmp, is not ours to lock; our files are. */
function keepOthersOut(folder: Folder, log: Log): void {
  if (!folder.isShared()) return;
  if (folder.hasNothing() || folder.has(DATABASE)) folder.protectItself();
  else log.warn('store_folder_open_to_others', { folder: folder.path });
}

function unlessFull(work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.failure !== 'full') throw cause;
  }
}

class SqliteStore implements PeerStore {
  readonly contacts: ContactStore;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly sent: Sent;
  readonly readings: ReadingStore;
  readonly forwards: ForwardQueue;
  readonly pictures: PictureStore;
  readonly settings: Settings;
  readonly limits: SizeLimits;
  readonly #connection: Connection;
  readonly #folder: Folder;
  readonly #renewNumbering: () => void;
  readonly #retention: Retention;

  constructor(connection: Connection, folder: Folder) {
    const slices = new Slices(connection);
    const states = new OutboxStates(connection);
    const sent = new SqliteSent(connection, slices, states);
    const outbox = new SqliteOutbox(connection, slices, states, sent, systemRandomBytes);
    const inbox = new SqliteInbox(connection, slices);
    const pictures = new SqlitePictures(connection, slices, new UsedCovers(folder.path));
    this.contacts = new SqliteContactStore(connection, [outbox, inbox, sent, pictures]);
    this.outbox = outbox;
    this.inbox = inbox;
    this.sent = sent;
    const forwards = new SqliteForwardQueue(connection);
    this.forwards = forwards;
    const spans = new ReadingSpans(connection);
    this.readings = new SqliteReadingStore(connection, spans, forwards);
    this.pictures = pictures;
    const settings = new SqliteSettings(connection);
    this.settings = settings;
    this.#connection = connection;
    this.#folder = folder;
    this.#retention = new Retention(connection, slices, spans);
    this.limits = new SizeLimits(connection, slices, spans);
    this.#renewNumbering = () => {
      outbox.renewEpochs();
      settings.removeAll(LETTER_EPOCHS);
    };
    // A full disk keeps nobody from starting who may go on as before.
    unlessFull(() => connection.transaction(() => slices.sweep()));
    unlessFull(() => connection.transaction(() => pictures.shareMarks()));
  }

  /** Whether the database was brought back from a backup. */
  beginRun(): boolean {
    return beginRun(this.#folder, this, this.#renewNumbering);
  }

  transaction<T>(work: () => T): T {
    return this.#connection.transaction(work);
  }

  transactionInOrder<T>(work: () => T): T {
    return this.#connection.transactionInOrder(work);
  }

  prune(since: KeepSince): number {
    return this.#retention.prune(since);
  }

  backup(): Promise<Readable> {
    return packBackup(this.#connection, this.#folder);
  }

  check(): void {
    this.#connection.check();
  }

  close(): void {
    this.#connection.close();
  }
}
