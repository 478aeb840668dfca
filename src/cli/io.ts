/** The terminal, as commands see it: data to stdout, words to stderr, colours only for people. */
import { accessSync, constants, createReadStream, existsSync, openSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { styleText } from 'node:util';
import { wantsColor } from '../config.ts';
import { makeFolder } from '../on-disk.ts';
import { reasonOf } from '../reasons.ts';
import { CommandError, EXIT } from './errors.ts';
import { fileRefused, refuseStdout } from './file-failure.ts';
import { metered } from './progress.ts';

export { printable, printableEntry } from '../printable.ts';

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
  process.stdout.on('error', notPrinted());
  // There is nobody left to tell.
  process.stderr.on('error', () => undefined);
  const colored = process.stdout.isTTY === true && wantsColor();
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    paint: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
    read: readStdin,
    stdinIsTerminal: process.stdin.isTTY === true,
  };
}

/** A peer lives on where its disk is full; who only prints has failed. */
function notPrinted(): (cause: NodeJS.ErrnoException) => void {
  let isTold = false;
  return ({ code }) => {
    // `sotto inbox | head -1`: who reads has had enough, and that is no mistake.
    if (code === 'EPIPE') process.exit(EXIT.done);
    if (isTold) return;
    isTold = true;
    process.stderr.write(`What was to be printed cannot be written (${code}).\n`);
    process.once('exit', () => {
      process.exitCode ||= EXIT.failed;
    });
  };
}

/**
 * For what goes on until Ctrl-C: it ends where nothing is lost, with `done`, as asked. The signal
 * aborts on the first one; a second one ends the process at once.
 */
export function interruption(io: Io): AbortSignal {
  const controller = new AbortController();
  for (const way of ['SIGINT', 'SIGTERM']) process.once(way, () => controller.abort());
  io.say('This goes on until Ctrl-C.');
  return controller.signal;
}

/** Drawn on a terminal while it is read. @throws {CommandError} `usage`, before anything is sent. */
export function openFile(file: string): Readable {
  try {
    const { size, isDirectory } = lookAt(file);
    if (isDirectory) throw new CommandError(EXIT.usage, `${file} is a folder.`);
    const stream = createReadStream(file, { fd: openSync(file, 'r') });
    return metered(stream, basename(file), size);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw fileRefused(file, 'read', cause);
  }
}

/** @throws {CommandError} `usage`, before work is done that could not be written. */
export function refuseExisting(file: string): void {
  refuseStdout(file);
  if (existsSync(file)) throw new CommandError(EXIT.usage, `${file} exists; name another file.`);
  try {
    accessSync(dirname(resolve(file)), constants.W_OK | constants.X_OK);
  } catch (cause) {
    const words = `${file} cannot be written there: ${reasonOf(cause)}.`;
    throw new CommandError(EXIT.usage, words, { cause });
  }
}

/** @throws {CommandError} `usage` if no file can be written there. */
export function prepareFolder(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (!statSync(folder).isDirectory())
      throw new CommandError(EXIT.usage, `${folder} is no folder.`);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const words = `Nothing can be saved in ${folder}: ${reasonOf(cause)}.`;
    throw new CommandError(EXIT.usage, words, { cause });
  }
}

/** A pipe or a device has a size that nobody knows. */
function lookAt(file: string) {
  const found = statSync(file);
  const size = found.isFile() ? { size: found.size } : {};
  return { ...size, isDirectory: found.isDirectory() };
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
