/**
 * What the bridge tells its person. A line that babbles has much to say, and terminals, logs and
 * disks are finite: after a burst only so many lines a second pass, and the rest are counted.
 */
const BURST_LINES = 200;
const LINES_A_SECOND = 10;
const LINE_SIZE_MAX = 500;

export class Talk {
  readonly #say: (line: string) => void;
  readonly #now_ms: () => number;
  #room = BURST_LINES;
  #at_ms: number;
  #leftOut = 0;

  constructor(say: (line: string) => void, now_ms: () => number = () => performance.now()) {
    this.#say = say;
    this.#now_ms = now_ms;
    this.#at_ms = now_ms();
  }

  /** Without what moves a terminal's cursor, and cut. */
  say(line: string): void {
    const now_ms = this.#now_ms();
    const earned = ((now_ms - this.#at_ms) * LINES_A_SECOND) / 1_000;
    this.#room = Math.min(BURST_LINES, this.#room + earned);
    this.#at_ms = now_ms;
    // With one place more, so that what was left out is told together with what follows.
    if (this.#room < (this.#leftOut > 0 ? 2 : 1)) {
      this.#leftOut += 1;
      return;
    }
    if (this.#leftOut > 0) this.#put(`(${this.#leftOut} lines left out: the line babbles)`);
    this.#leftOut = 0;
    this.#put(line);
  }

  #put(line: string): void {
    this.#room -= 1;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    this.#say(line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, LINE_SIZE_MAX));
  }
}
