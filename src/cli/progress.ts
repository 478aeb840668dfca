/** What a person at a terminal sees of long work, on stderr. In a pipe or a log: nothing. */
import { Readable } from 'node:stream';

const DRAW_MS = 100;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

export interface Progress {
  advance(bytes: number): void;
  /** Takes the bar away. */
  end(): void;
}

/** There is one line for it: of several at once the first is drawn. */
const underWay: object[] = [];

/**
 * @param total in bytes; undefined: only what is done and for how long can be told.
 * @param describe what is done, behind the bar.
 */
function startProgress(words: string, total?: number, describe = sizeText): Progress {
  const { stderr } = process;
  if (stderr.isTTY !== true) return { advance: () => {}, end: () => {} };
  const begun_ms = performance.now();
  let done = 0;
  let drawn_ms = begun_ms;
  const place = {};
  underWay.push(place);
  const draw = () => {
    drawn_ms = performance.now();
    if (underWay[0] !== place) return;
    const seconds = Math.floor((performance.now() - begun_ms) / 1000);
    const state =
      total === undefined ? describe(done) : `${bar(done, total)}  ${describe(done)}`.trimEnd();
    stderr.write(`${CLEAR_LINE}${words}  ${state}  ${seconds} s`);
  };
  const timer = setInterval(draw, DRAW_MS);
  draw();
  return {
    advance: (bytes) => {
      done += bytes;
      // Where no timer has a turn, because the work is done here.
      if (performance.now() - drawn_ms >= DRAW_MS) draw();
    },
    end: () => {
      clearInterval(timer);
      underWay.splice(underWay.indexOf(place), 1);
      stderr.write(CLEAR_LINE);
    },
  };
}

/** The same stream, drawn while it is read. */
export function metered(stream: Readable, words: string, total?: number): Readable {
  return Readable.from(drawn(stream, words, total), { objectMode: false });
}

/** Shows that something is going on until `work` has ended. */
export async function during<T>(words: string, work: Promise<T>): Promise<T> {
  const progress = startProgress(words);
  try {
    return await work;
  } finally {
    progress.end();
  }
}

/** Draws what share is done until the work has ended; the work tells it. */
export async function sharing<T>(
  words: string,
  work: (onProgress: (share: number) => void) => Promise<T>,
): Promise<T> {
  const progress = startProgress(words, 1, () => '');
  let told = 0;
  try {
    return await work((share) => {
      progress.advance(share - told);
      told = share;
    });
  } finally {
    progress.end();
  }
}

async function* drawn(
  stream: Readable,
  words: string,
  total: number | undefined,
): AsyncIterable<Uint8Array> {
  // Only now: what is never read must not leave a bar.
  const progress = startProgress(words, total);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      progress.advance(chunk.length);
      yield chunk;
    }
  } finally {
    progress.end();
  }
}

function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.round(share * BAR_WIDTH);
  const drawn = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
  return `${drawn} ${String(Math.floor(share * 100)).padStart(3)} %`;
}

function sizeText(bytes: number): string {
  if (bytes === 0) return '';
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
