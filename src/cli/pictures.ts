/** What the commands on picture files share: passphrases, keys, files, and words for refusals. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { concat } from '../bytes.ts';
import { readPassphraseFile } from '../config.ts';
import { openssl, type SymmetricKey, systemRandomBytes } from '../crypto/index.ts';
import { StegoError, type StegoPool } from '../stego/index.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** A passphrase is stretched with 128 MiB of memory: a third of a second, once a picture. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const LABEL = encode('sotto-picture-1');
const SALT_SIZE = 16;

export const PASSPHRASE_OPTIONS = {
  'passphrase-file': { type: 'string', takes: 'FILE', about: 'its first line is the passphrase' },
  'passphrase-fd': { type: 'string', takes: 'NUMBER', about: 'the same, from a descriptor' },
} as const;

/** From the options, or typed unseen. To be wiped by who uses it. */
export async function readPassphrase(
  values: { readonly 'passphrase-file'?: string; readonly 'passphrase-fd'?: string },
  io: Io,
): Promise<Uint8Array> {
  const [file, descriptor] = [values['passphrase-file'], values['passphrase-fd']];
  if (file !== undefined && descriptor !== undefined) {
    throw new CommandError(EXIT.usage, 'Give the passphrase in one way only.');
  }
  if (file !== undefined) return readPassphraseFile(file);
  if (descriptor !== undefined) return readPassphraseFile(Number(descriptor));
  if (!io.stdinIsTerminal) {
    throw new CommandError(EXIT.usage, 'Give --passphrase-file FILE or --passphrase-fd NUMBER.');
  }
  return askUnseen();
}

async function askUnseen(): Promise<Uint8Array> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write('Passphrase: ');
  const passphrase = encode(await terminal.question(''));
  terminal.close();
  process.stderr.write('\n');
  if (passphrase.length === 0) throw new CommandError(EXIT.usage, 'The passphrase is empty.');
  return passphrase;
}

/** What a passphrase means for one picture: where to hide, and a key to seal with. */
export class PictureKeys {
  readonly imageKey: Uint8Array;
  readonly #secret: Uint8Array;

  private constructor(stretched: Uint8Array) {
    this.imageKey = stretched.slice(0, 32);
    this.#secret = stretched.slice(32);
  }

  /** Salted by what hiding never changes in the picture, so both ends find the same. */
  static async of(passphrase: Uint8Array, png: Uint8Array, pool: StegoPool): Promise<PictureKeys> {
    const salt = openssl.hash(LABEL, await pool.unchangingBytes(png));
    return new PictureKeys(await openssl.scrypt(passphrase, salt, COST, 64));
  }

  /** AES-256-GCM under a key of its own: a fresh salt goes in front. */
  seal(plaintext: Uint8Array): Uint8Array {
    const salt = systemRandomBytes(SALT_SIZE);
    return concat(salt, this.#key(salt).seal(0n, LABEL, plaintext));
  }

  /** @throws {AuthenticationError} */
  open(sealed: Uint8Array): Uint8Array {
    return this.#key(sealed.subarray(0, SALT_SIZE)).open(0n, LABEL, sealed.subarray(SALT_SIZE));
  }

  #key(salt: Uint8Array) {
    const key = openssl.derive(this.#secret, salt, LABEL, 32) as SymmetricKey;
    return openssl.importSymmetricKey(key);
  }
}

/** Bytes that `seal` adds. */
export const SEAL_SIZE = SALT_SIZE + 16;

export function readWhole(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new CommandError(EXIT.usage, `${file} cannot be read (${code}).`, { cause });
  }
}

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

/** @throws {CommandError} `usage` if two are one file, or one is there: before any long work. */
export function checkOutputs(files: readonly string[], { force = false }: Writing = {}): void {
  const places = files.map((file) => resolve(file));
  const twice = files.find((_, i) => places.indexOf(places[i] ?? '') !== i);
  if (twice !== undefined) {
    throw new CommandError(EXIT.usage, `${twice} is named twice: give each output its own name.`);
  }
  const there = force ? undefined : files.find((file) => existsSync(file));
  if (there !== undefined) {
    throw new CommandError(EXIT.usage, `${there} is there already; --force replaces it.`);
  }
}

/** All of them, or none. @throws {CommandError} `usage`, and what `seal` throws. */
export function writeTogether(outputs: readonly Output[], writing: Writing = {}): void {
  const names = outputs.map(({ file }) => file);
  checkOutputs(names, writing);
  const temporary = names.map((file) => (isSpecial(file) ? file : `${file}.${process.pid}.part`));
  try {
    for (const [i, { file, bytes }] of outputs.entries()) {
      if (!isSpecial(file)) explainingFile(file, () => writeNew(temporary[i] ?? file, bytes));
    }
    writing.seal?.();
  } catch (cause) {
    for (const [i, file] of names.entries()) {
      if (temporary[i] !== undefined && temporary[i] !== file)
        rmSync(temporary[i], { force: true });
    }
    throw cause;
  }
  for (const [i, { file, bytes }] of outputs.entries()) {
    explainingFile(file, () =>
      isSpecial(file) ? writeFileSync(file, bytes) : renameSync(temporary[i] ?? file, file),
    );
  }
}

/** A device, a pipe, a link: written through, never replaced. */
function isSpecial(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === false;
}

function writeNew(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes, { flag: 'wx', flush: true });
}

function explainingFile(file: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new CommandError(EXIT.usage, `${file} cannot be written (${code}).`, { cause });
  }
}

/** Runs `work` and turns a refusal of the picture into words and an exit code. */
export async function explaining<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof StegoError)) throw cause;
    const { failure } = cause;
    const isMissing = failure === 'no_message' || failure === 'damaged';
    const exitCode = isMissing ? EXIT.noMessage : failure === 'capacity' ? EXIT.noRoom : EXIT.usage;
    const cure =
      failure === 'capacity' ? ' `sotto capacity COVER.png --size BYTES` tells what would do.' : '';
    const words = `${file}: ${cause.message}.${cure}`;
    throw new CommandError(exitCode, words, { cause, code: failure });
  }
}
