/** Which characters of the watched sources have run, as V8 counts blocks. */
import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

export class Coverage {
  readonly #session = new Session();
  readonly #watched: RegExp;
  /** For each source, 1 where a function reaches, 2 where it has run. */
  readonly #painted = new Map<string, Uint8Array>();

  /** @param watched matches the URLs of the sources that count. */
  constructor(watched: RegExp) {
    this.#watched = watched;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Whether what ran since the last call reached somewhere new. `keep` false forgets it again. */
  reachedMore(keep = true): boolean {
    let more = false;
    for (const { url, functions } of this.#take()) {
      const ranges = functions.flatMap((each) => each.ranges);
      more = this.#paint(url, ranges, keep) || more;
    }
    return more;
  }

  /** Characters that have run, and all that there are in functions. */
  total(): { readonly run: number; readonly all: number } {
    let [run, all] = [0, 0];
    for (const painted of this.#painted.values()) {
      for (const mark of painted) {
        if (mark > 0) all += 1;
        if (mark === 2) run += 1;
      }
    }
    return { run, all };
  }

  #take(): Script[] {
    let scripts: Script[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      scripts = taken.result.filter(({ url }) => this.#watched.test(url));
    });
    return scripts;
  }

  /** Inner ranges come after outer ones, and have the last word. */
  #paint(url: string, ranges: readonly Range[], keep: boolean): boolean {
    const size = Math.max(0, ...ranges.map(({ endOffset }) => endOffset));
    const before = this.#sized(url, size);
    const now = new Uint8Array(before.length);
    for (const { startOffset, endOffset, count } of ranges) {
      now.fill(count > 0 ? 2 : 1, startOffset, endOffset);
    }
    let more = false;
    for (const [at, mark] of now.entries()) {
      if (mark <= (before[at] ?? 0)) continue;
      if (mark === 2) more = true;
      if (keep || mark === 1) before[at] = mark;
    }
    return more;
  }

  #sized(url: string, size: number): Uint8Array {
    const known = this.#painted.get(url) ?? new Uint8Array(0);
    if (known.length >= size) return known;
    const larger = new Uint8Array(size);
    larger.set(known);
    this.#painted.set(url, larger);
    return larger;
  }
}
