/**
 * What was asked of one sender, kept outside of both peers, and what became of it. A text is known
 * by its first two words, since a list of messages shows the beginning of a long one only.
 */

type Fate = 'posted' | 'accepted' | 'refused';

export class Ledger {
  readonly #fates = new Map<string, Fate>();
  readonly #arrived = new Map<string, number>();

  /** Before its POST: a message without an answer may have been taken or not. */
  posted(text: string): void {
    this.#fates.set(named(text), 'posted');
  }

  accepted(text: string): void {
    this.#fates.set(named(text), 'accepted');
  }

  /** The peer said no, so it must not arrive. */
  refused(text: string): void {
    this.#fates.set(named(text), 'refused');
  }

  arrived(text: string): void {
    const name = named(text);
    this.#arrived.set(name, (this.#arrived.get(name) ?? 0) + 1);
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
      if (fate === 'accepted' && times === 0) wrong.push(`lost: ${text}`);
      if (fate === 'refused' && times > 0) wrong.push(`refused, and arrived: ${text}`);
      if (times > 1) wrong.push(`${times} times: ${text}`);
    }
    for (const text of this.#arrived.keys()) {
      if (!this.#fates.has(text)) wrong.push(`never sent: ${text}`);
    }
    return wrong;
  }
}

function named(text: string): string {
  return text.split(' ', 2).join(' ');
}
