/**
 * Which messages of which epoch have arrived: windows, loaded when they are needed. A message that
 * became a row of the inbox is told by that row: a window that changed by nothing else is saved only
 * once in a while, and read as it was saved together with the newest rows. That is a page less in
 * most commits. What is opened may be removed some day, so before that its window is saved.
 */
import { LetterWindow, SequenceWindow } from '../protocol/index.ts';
import type { ContactId, Envelope, Inbox, StoredWindow } from './ports.ts';

/** Letters are numbered apart from the outbox: one may lie around for weeks. PROTOCOL §9. */
export type WindowKind = 'outbox' | 'letter';

type Window = SequenceWindow | LetterWindow;

interface Entry {
  readonly contact: ContactId;
  readonly kind: WindowKind;
  readonly epoch: bigint;
  readonly window: Window;
  /** Sequences that are told by rows of the inbox only. */
  told: number;
  /** To be saved with this transaction. */
  isDue: boolean;
}

/** How many windows are held in memory; others are read again when needed. */
const KEPT_MAX = 10_000;

/**
 * Rows that may be all that tells of their messages. They are the newest of their contact, and all
 * of one epoch.
 */
const TOLD_MAX = 64;

export class Windows {
  readonly #inbox: Inbox;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Set<Entry>();
  /** Whose rows came last, of each contact: all others are saved. */
  readonly #telling = new Map<ContactId, Entry>();
  /** Looked for last: a number as large as an epoch takes long to become a name. */
  #last: Entry | undefined;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  look(contact: ContactId, kind: WindowKind, epoch: bigint): Window {
    return this.#entry(contact, kind, epoch).window;
  }

  /**
   * To be changed by the caller, who says so by `changed`, inside a transaction that ends with
   * `save`. Rows that come may push all others out of the newest ones, so those are saved before.
   */
  open(contact: ContactId, kind: WindowKind, epoch: bigint): Window {
    const entry = this.#entry(contact, kind, epoch);
    this.#changed.add(entry);
    if (this.#telling.get(contact) !== entry) {
      this.saveToldBy(this.#newest(contact).filter((row) => !isToldBy(entry, row)));
      this.#telling.set(contact, entry);
    }
    return entry.window;
  }

  /** @param told how many rows of the inbox tell all of the change; undefined: they do not. */
  changed(contact: ContactId, kind: WindowKind, epoch: bigint, told: number | undefined): void {
    const entry = this.#entry(contact, kind, epoch);
    entry.told += told ?? 0;
    entry.isDue ||= told === undefined;
  }

  /** Writes what has to be written of what changed since; belongs to the transaction around it. */
  save(): void {
    for (const entry of this.#changed) {
      if (entry.isDue || entry.told > TOLD_MAX) this.#write(entry);
    }
    this.#changed.clear();
  }

  /** These rows will tell nothing any more. Belongs to the transaction around it. */
  saveToldBy(envelopes: readonly Envelope[]): void {
    for (const { contact, id, carrier } of envelopes) {
      if (carrier !== 'session') continue;
      const entry = this.#entry(contact, 'outbox', id.epoch);
      // Of a contact that was removed none is kept.
      if (entry.told > 0 && this.#stored(contact, 'outbox', id.epoch)) this.#write(entry);
    }
  }

  /** After a transaction that failed: the store knows better. */
  forget(): void {
    this.#entries.clear();
    this.#changed.clear();
    this.#telling.clear();
    this.#last = undefined;
  }

  #write(entry: Entry): void {
    const { contact, kind, epoch, window } = entry;
    this.#inbox.saveWindow(contact, kind, { epoch, state: window.encode() });
    entry.told = 0;
    entry.isDue = false;
  }

  #entry(contact: ContactId, kind: WindowKind, epoch: bigint): Entry {
    const last = this.#last;
    if (last?.contact === contact && last.kind === kind && last.epoch === epoch) return last;
    const key = `${contact} ${kind} ${epoch}`;
    const entry = this.#entries.get(key) ?? this.#load(key, contact, kind, epoch);
    this.#last = entry;
    return entry;
  }

  #load(key: string, contact: ContactId, kind: WindowKind, epoch: bigint): Entry {
    if (this.#entries.size >= KEPT_MAX) this.#makeRoom();
    const stored = this.#stored(contact, kind, epoch);
    const type = kind === 'outbox' ? SequenceWindow : LetterWindow;
    const window = stored === undefined ? type.fresh() : type.decode(stored.state);
    // The first of an epoch is always written: then there is something that rows can add to.
    const entry = { contact, kind, epoch, window, told: 0, isDue: stored === undefined };
    this.#entries.set(key, entry);
    this.#addRows(entry);
    return entry;
  }

  /** What rows have told since it was saved, the oldest first, as they came. */
  #addRows(entry: Entry): void {
    if (entry.kind === 'letter') return;
    const rows = this.#newest(entry.contact);
    const telling = rows.filter((row) => isToldBy(entry, row));
    for (const { id } of telling.toReversed()) {
      if (entry.window.add(id.sequence) === 'new') entry.told += 1;
    }
    // After a start: no others are to be saved, and `open` need not look again.
    const isAlone = telling.length === rows.length && !this.#telling.has(entry.contact);
    if (isAlone) this.#telling.set(entry.contact, entry);
  }

  #newest(contact: ContactId): readonly Envelope[] {
    return this.#inbox.list({ contact, limit: TOLD_MAX });
  }

  #stored(contact: ContactId, kind: WindowKind, epoch: bigint): StoredWindow | undefined {
    return this.#inbox.windows(contact, kind).find((window) => window.epoch === epoch);
  }

  /** Only what the store has may go. */
  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (!this.#changed.has(entry)) this.#entries.delete(key);
    }
    this.#telling.clear();
    this.#last = undefined;
  }
}

function isToldBy({ kind, epoch }: Entry, { id, carrier }: Envelope): boolean {
  return kind === 'outbox' && carrier === 'session' && id.epoch === epoch;
}
