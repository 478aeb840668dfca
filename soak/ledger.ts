/** What was asked of one sender, kept outside of both peers, and what became of it. */

type Fate = 'posted' | 'accepted' | 'refused';

export class Ledger {
  readonly #fates = new Map<string, Fate>();
  readonly #arrived = new Map<string, number>();

  /** Before its POST: a message without an answer may have been taken or not. */
  posted(text: string): void {
    this.#fates.set(text, 'posted');
  }

  accepted(text: string): void {
    this.#fates.set(text, 'accepted');
  }

  /** The peer said no, so it must not arrive. */
  refused(text: string): void {
    this.#fates.set(text, 'refused');
  }

  arrived(text: string): void {
    this.#arrived.set(text, (this.#arrived.get(text) ?? 0) + 1);
  }

  count(fate: Fate): number {
    return [...this.#fates.values()].filter((each) => each === fate).length;
  }

  get arrivedCount(): number {
    return this.#arrived.size;
  }

  /** One sentence for each thing that is wrong. */
  audit(): string[] {
    const wrong: string[] = [];
    for (const [text, fate] of this.#fates) {
      const times = this.#arrived.get(text) ?? 0;
      if (fate === 'accepted' && times === 0) wrong.push(`lost: ${named(text)}`);
      if (fate === 'refused' && times > 0) wrong.push(`refused, and arrived: ${named(text)}`);
      if (times > 1) wrong.push(`${times} times: ${named(text)}`);
    }
    for (const text of this.#arrived.keys()) {
      if (!this.#fates.has(text)) wrong.push(`never sent: ${named(text)}`);
    }
    return wrong;
  }
}

function named(text: string): string {
  return text.slice(0, 40);
}
