/** What the commands on picture files share: keys, input files, and words for refusals. */
import { concat } from '../bytes.ts';
import { openssl, type SymmetricKey, systemRandomBytes } from '../crypto/index.ts';
import { readAtMost } from '../on-disk.ts';
import { StegoError } from '../stego/index.ts';
import { CommandError, EXIT } from './errors.ts';
import { fileRefused } from './file-failure.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** A passphrase is stretched with 128 MiB of memory: a third of a second, once a picture. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const LABEL = encode('sotto-picture-1');
const SALT_SIZE = 16;

/** What a passphrase means for one picture: where to hide, and a key to seal with. */
export class PictureKeys {
  readonly imageKey: Uint8Array;
  readonly #secret: Uint8Array;

  private constructor(stretched: Uint8Array) {
    this.imageKey = stretched.slice(0, 32);
    this.#secret = stretched.slice(32);
  }

  /** Salted by what hiding never changes in the picture, so both ends find the same. */
  static async of(passphrase: Uint8Array, unchanging: Uint8Array): Promise<PictureKeys> {
    const salt = openssl.hash(LABEL, unchanging);
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

/** More than any picture that is taken, and any file that fits into pictures. */
const INPUT_SIZE_MAX = 2 ** 29;

/** @throws {CommandError} `usage` */
export function readWhole(file: string, sizeMax = INPUT_SIZE_MAX): Uint8Array {
  try {
    const held = readAtMost(file, sizeMax);
    if (held !== undefined) return held;
  } catch (cause) {
    throw fileRefused(file, 'read', cause);
  }
  throw new CommandError(EXIT.usage, `${file} has more than ${sizeMax} bytes.`);
}

/**
 * Runs `work` and turns a refusal of the picture into words and an exit code.
 * @param full says what to do about a picture that is too small.
 */
export async function explaining<T>(
  file: string,
  work: () => Promise<T>,
  full?: () => Promise<never>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof StegoError)) throw cause;
    const { failure } = cause;
    if (failure === 'capacity' && full !== undefined) return await full();
    const isMissing = failure === 'no_message' || failure === 'damaged';
    const exitCode = isMissing ? EXIT.noMessage : failure === 'capacity' ? EXIT.noRoom : EXIT.usage;
    throw new CommandError(exitCode, `${file}: ${cause.message}.`, { cause, code: failure });
  }
}
