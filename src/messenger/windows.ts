/** Which messages of which epoch have arrived: windows, loaded when they are needed. */
import { LetterWindow, SequenceWindow } from '../protocol/index.ts';
import type { ContactId, Inbox } from './ports.ts';

/** Letters are numbered apart from the outbox: one may lie around for weeks. PROTOCOL §9. */
export type WindowKind = 'outbox' | 'letter';

type Window = SequenceWindow | LetterWindow;

interface Entry {
  readonly contact: ContactId;
  readonly kind: WindowKind;
  readonly epoch: bigint;
  readonly window: Window;
}

/** How many windows are held in memory; others are read again when needed. */
const KEPT_MAX = 10_000;

export class Windows {
  readonly #inbox: Inbox;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Set<Entry>();

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** To be changed by the caller, inside a transaction that ends with `save`. */
  open(contact: ContactId, kind: WindowKind, epoch: bigint): Window {
    const entry = this.#entry(contact, kind, epoch);
    this.#changed.add(entry);
    return entry.window;
  }

  look(contact: ContactId, kind: WindowKind, epoch: bigint): Window {
    return this.#entry(contact, kind, epoch).window;
  }

  /** Writes what was opened since; belongs to the transaction around it. */
  save(): void {
    for (const { contact, kind, epoch, window } of this.#changed) {
      this.#inbox.saveWindow(contact, kind, { epoch, state: window.encode() });
    }
    this.#changed.clear();
  }

  /** After a transaction that failed: the store knows better. */
  forget(): void {
    this.#entries.clear();
    this.#changed.clear();
  }

  #entry(contact: ContactId, kind: WindowKind, epoch: bigint): Entry {
    const key = `${contact} ${kind} ${epoch}`;
    const kept = this.#entries.get(key);
    if (kept !== undefined) return kept;
    if (this.#entries.size >= KEPT_MAX) this.#makeRoom();
    const stored = this.#inbox.windows(contact, kind).find((window) => window.epoch === epoch);
    const type = kind === 'outbox' ? SequenceWindow : LetterWindow;
    const window = stored === undefined ? type.fresh() : type.decode(stored.state);
    const entry = { contact, kind, epoch, window };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Only what is saved may go. */
  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (!this.#changed.has(entry)) this.#entries.delete(key);
    }
  }
}
