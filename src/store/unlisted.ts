/**
 * Whole contents that stand in the outbox and not yet in `sent`, in the order in which they were
 * queued. What is in memory can always be read from the rows again.
 */
import type { ContactId } from '../messenger/index.ts';
import type { Connection, Mirror, Statement } from './connection.ts';

/** Neighbouring sequences of one contact, from `first` to just below `end`. */
export interface Run {
  readonly contact: ContactId;
  readonly first: bigint;
  readonly end: bigint;
}

interface Row {
  readonly contact: bigint;
  readonly sequence: bigint;
}

export class Unlisted implements Mirror {
  readonly #rows: Statement<[], Row>;
  #runs: Run[] = [];
  #count = 0;
  /** Whether `#runs` is all there is. */
  #isComplete = false;

  constructor(connection: Connection) {
    this.#rows = connection.prepareExact(`
      select o.contact, o.sequence from outbox_state s
      join outbox o on o.contact = s.contact and o.sequence >= s.listed and o.content is null
      order by o.at, o.contact, o.sequence`);
    connection.attach(this);
  }

  /** Of these in memory. */
  get count(): number {
    return this.#count;
  }

  add(contact: ContactId, sequence: bigint): void {
    this.#count += 1;
    const last = this.#runs.at(-1);
    if (last?.contact === contact && last.end === sequence) {
      this.#runs[this.#runs.length - 1] = { ...last, end: sequence + 1n };
    } else this.#runs.push({ contact, first: sequence, end: sequence + 1n });
  }

  /** All of them. The caller notes them in this transaction. */
  take(): readonly Run[] {
    if (!this.#isComplete) this.#load();
    const runs = this.#runs;
    this.#runs = [];
    this.#count = 0;
    return runs;
  }

  /** The contact goes, with what is queued for it. */
  drop(contact: ContactId): void {
    this.#runs = this.#runs.filter((run) => run.contact !== contact);
  }

  beforeCommit(): void {}

  afterRollback(): void {
    this.#isComplete = false;
  }

  #load(): void {
    this.#runs = [];
    for (const { contact, sequence } of this.#rows.all()) this.add(Number(contact), sequence);
    this.#isComplete = true;
  }
}
