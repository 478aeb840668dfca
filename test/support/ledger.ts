/**
 * What was asked of one sender, kept outside of all peers, and what became of it. A text is known
 * by its first two words, since a list of messages shows the beginning of a long one only.
 */

export type Fate = 'posted' | 'accepted' | 'refused';

export class Ledger {
  readonly #fates = new Map<string, Fate>();
  readonly #mayRepeat = new Set<string>();

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

  /** It was shown, and the plug pulled before it was forgotten: it may be shown once more. */
  mayRepeat(text: string): void {
    this.#mayRepeat.add(named(text));
  }

  count(fate: Fate): number {
    return [...this.#fates.values()].filter((each) => each === fate).length;
  }

  /** One sentence for each thing that is wrong with what has arrived, as often as it did. */
  audit(arrived: readonly string[]): string[] {
    const counts = new Map<string, number>();
    for (const text of arrived) counts.set(named(text), (counts.get(named(text)) ?? 0) + 1);
    const wrong = [...this.#fates]
      .filter(([name, fate]) => fate === 'accepted' && !counts.has(name))
      .map(([name]) => `lost: ${name}`);
    for (const [name, times] of counts) {
      const fate = this.#fates.get(name);
      if (fate === undefined) wrong.push(`never sent: ${name}`);
      if (fate === 'refused') wrong.push(`refused, and arrived: ${name}`);
      if (times > (this.#mayRepeat.has(name) ? 2 : 1)) wrong.push(`${times} times: ${name}`);
    }
    return wrong;
  }
}

function named(text: string): string {
  return text.split(' ', 2).join(' ');
}
