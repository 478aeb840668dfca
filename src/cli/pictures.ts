/** What the commands on picture files share: passphrases, keys, files, and words for refusals. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { concat } from '../bytes.ts';
import { readPassphraseFile } from '../config.ts';
import { openssl, type SymmetricKey, systemRandomBytes } from '../crypto/index.ts';
import { decodePng, StegoError, unchangingBytes } from '../stego/index.ts';
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
  static async of(passphrase: Uint8Array, png: Uint8Array): Promise<PictureKeys> {
    const salt = openssl.hash(LABEL, unchangingBytes(decodePng(png).picture));
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

export function writeWhole(file: string, bytes: Uint8Array, { force = false } = {}): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const words = code === 'EEXIST' ? 'is there already; --force replaces it' : `: ${code}`;
    throw new CommandError(EXIT.usage, `${file} ${words}.`, { cause });
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
    throw new CommandError(exitCode, `${file}: ${cause.message}.`, { cause, code: failure });
  }
}
