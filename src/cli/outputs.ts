/** Files that a command writes: whole or not at all, also when it is interrupted or the disk is full. */
import {
  createWriteStream,
  existsSync,
  fstatSync,
  lstatSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../on-disk.ts';
import { CommandError, EXIT } from './errors.ts';
import { fileRefused, isOfFile, refuseStdout } from './file-failure.ts';

export interface Output {
  readonly file: string;
  readonly bytes: Uint8Array;
}

interface Writing {
  /** Replaces what is there. */
  readonly force?: boolean;
  /** When all bytes are on the disk, and before any has its name: throws, and none gets one. */
  readonly seal?: () => void;
}

const STDOUT = 1;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @throws {CommandError} `usage` if two are one file, or one is there: before any long work. */
export function checkOutputs(files: readonly string[], { force = false }: Writing = {}): void {
  for (const file of files) refuseStdout(file);
  const places = files.map((file) => resolve(file));
  const twice = files.find((_, i) => places.indexOf(places[i] ?? '') !== i);
  if (twice !== undefined) {
    throw new CommandError(EXIT.usage, `${twice} is named twice: give each output its own name.`);
  }
  const folder = files.find((file) => isFolder(file));
  if (folder !== undefined) throw new CommandError(EXIT.usage, `${folder} is a folder.`);
  const there = force ? undefined : files.find((file) => existsSync(file));
  if (there !== undefined) {
    throw new CommandError(EXIT.usage, `${there} is there already; --force replaces it.`);
  }
}

/** All of them, or none. @throws {CommandError} `usage`, `full`, and what `seal` throws. */
export function writeTogether(outputs: readonly Output[], writing: Writing = {}): void {
  checkOutputs(
    outputs.map(({ file }) => file),
    writing,
  );
  const parts = outputs.map(({ file }) => (isSpecial(file) ? undefined : partOf(file)));
  undisturbed(() => {
    try {
      for (const [i, { file, bytes }] of outputs.entries()) {
        const part = parts[i];
        if (part !== undefined) explainingFile(file, () => writeNew(part, bytes));
      }
      writing.seal?.();
    } catch (cause) {
      for (const part of parts) if (part !== undefined) rmSync(part, { force: true });
      throw cause;
    }
    for (const [i, { file, bytes }] of outputs.entries()) {
      const part = parts[i];
      explainingFile(file, () =>
        part === undefined ? writeFileSync(file, bytes) : renameSync(part, file),
      );
    }
  });
}

/**
 * To stdout. A file or a device behind it says at once what it refuses.
 * @param ifNothing what to do first if not one byte went there. @throws {CommandError} `usage`, `full`
 */
export function writeOut(bytes: Uint8Array = new Uint8Array(), ifNothing: () => void): void {
  const behind = fstatSync(STDOUT);
  const isPlain = behind.isFile() || (behind.isCharacterDevice() && !process.stdout.isTTY);
  if (!isPlain) {
    process.stdout.write(bytes);
    return;
  }
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(STDOUT, bytes, written);
  } catch (cause) {
    if (written === 0) ifNothing();
    throw fileRefused('stdout', 'written', cause);
  }
}

/**
 * What is downloaded into a new file, which appears when it is whole.
 * @throws {CommandError} `usage`, `full`
 */
export async function writeStream(content: Readable, file: string): Promise<void> {
  const part = partOf(file);
  const remove = () => rmSync(part, { force: true });
  const give = (signal: NodeJS.Signals) => {
    remove();
    for (const each of SIGNALS) process.off(each, give);
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, give);
  try {
    await pipeline(content, createWriteStream(part, { flags: 'wx', flush: true }));
    checkOutputs([file]);
    renameSync(part, file);
  } catch (cause) {
    remove();
    throw isOfFile(cause) ? fileRefused(file, 'written', cause) : cause;
  } finally {
    for (const signal of SIGNALS) process.off(signal, give);
  }
}

/** Ctrl-C waits for what takes no time, and would leave half of it. */
function undisturbed(work: () => void): void {
  const wait = () => {};
  for (const signal of SIGNALS) process.on(signal, wait);
  try {
    work();
  } finally {
    for (const signal of SIGNALS) process.off(signal, wait);
  }
}

function partOf(file: string): string {
  return `${file}.${process.pid}.part`;
}

/** A device, a pipe, a link: written through, never replaced. */
function isSpecial(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === false;
}

function isFolder(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

function writeNew(file: string, bytes: Uint8Array): void {
  makeFolder(dirname(file));
  writeFileSync(file, bytes, { flag: 'wx', flush: true });
}

function explainingFile(file: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw fileRefused(file, 'written', cause);
  }
}
