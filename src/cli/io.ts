/** The terminal, as commands see it: data to stdout, words to stderr, colours only for people. */
import { createReadStream, openSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { styleText } from 'node:util';
import { wantsColor } from '../config.ts';
import { CommandError, EXIT } from './errors.ts';

type Style = Parameters<typeof styleText>[0];

export interface Io {
  /** Data. One line each. */
  print(line: string): void;
  /** Words for a person. */
  say(line: string): void;
  /** For what is printed; text as it is where colours are unwanted. */
  paint(style: Style, text: string): string;
  /** Everything on stdin, at most `sizeMax` bytes of it and one more. */
  read(sizeMax: number): Promise<Uint8Array>;
  /** Whether a person types there. */
  readonly stdinIsTerminal: boolean;
}

export function terminal(): Io {
  const colored = process.stdout.isTTY === true && wantsColor();
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    paint: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
    read: readStdin,
    stdinIsTerminal: process.stdin.isTTY === true,
  };
}

/**
 * Text of others, safe on a terminal: without what moves the cursor, renames the window, changes
 * what was printed before or turns the reading direction. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' || character === '\t' ? character : '\ufffd',
  );
}

/** @throws {CommandError} `usage`, before anything is sent. */
export function openFile(file: string): Readable {
  try {
    if (statSync(file).isDirectory()) throw new CommandError(EXIT.usage, `${file} is a folder.`);
    return createReadStream(file, { fd: openSync(file, 'r') });
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new CommandError(EXIT.usage, `${file} cannot be read (${code}).`, { cause });
  }
}

async function readStdin(sizeMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > sizeMax) break;
  }
  return Buffer.concat(chunks);
}
