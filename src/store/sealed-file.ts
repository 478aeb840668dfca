/**
 * A secret behind a passphrase, as a short JSON file. scrypt stretches the passphrase; every
 * sealing has its own salt, so its key is used for one message and counter 0 is enough.
 */
import { z } from 'zod';
import { bytes } from '../bytes.ts';
import {
  AuthenticationError,
  type CryptoProvider,
  type ScryptCost,
  type SymmetricKey,
  systemRandomBytes,
} from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import { hex, unhex } from './hex.ts';

export type SealedKind = 'sotto database key' | 'sotto identity';

/** 128 MiB and about half a second on a small computer. */
const SCRYPT_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

const VERSION = 1;
const SALT_SIZE = 16;
const CHECK_SIZE = 8;

const Hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);

/** The bounds on cost keep a forged file from exhausting the machine: 1 GiB. */
const SealedFile = z.strictObject({
  kind: z.string(),
  version: z.int(),
  scrypt: z.strictObject({
    N: z
      .int()
      .min(2)
      .max(2 ** 20),
    r: z.int().min(1).max(8),
    p: z.int().min(1).max(16),
  }),
  salt: Hex,
  box: Hex,
  check: Hex,
});

interface Sealed {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly box: Uint8Array;
}

export async function seal(
  crypto: CryptoProvider,
  kind: SealedKind,
  secret: Uint8Array,
  passphrase: Uint8Array,
  cost = SCRYPT_COST,
): Promise<string> {
  const salt = systemRandomBytes(SALT_SIZE);
  const key = await stretch(crypto, passphrase, salt, cost);
  const box = key.seal(0n, associatedData(kind), secret);
  key.wipe();
  return encode(crypto, kind, { cost, salt, box });
}

/** @throws {StoreError} `wrong_key`, or `damaged` if `text` is not what `seal` returned. */
export async function unseal(
  crypto: CryptoProvider,
  kind: SealedKind,
  text: string,
  passphrase: Uint8Array,
): Promise<Uint8Array> {
  const { cost, salt, box } = decode(crypto, kind, text);
  const key = await stretch(crypto, passphrase, salt, cost);
  try {
    return key.open(0n, associatedData(kind), box);
  } catch (cause) {
    if (!(cause instanceof AuthenticationError)) throw cause;
    throw new StoreError('wrong_key', 'the passphrase does not fit; try another', { cause });
  } finally {
    key.wipe();
  }
}

async function stretch(
  crypto: CryptoProvider,
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
) {
  if (passphrase.length === 0) throw new StoreError('wrong_key', 'the passphrase is empty');
  const raw = await crypto.scrypt(passphrase, salt, cost, 32);
  const key = crypto.importSymmetricKey(bytes(32, raw, 'key') as SymmetricKey);
  raw.fill(0);
  return key;
}

function encode(crypto: CryptoProvider, kind: SealedKind, { cost, salt, box }: Sealed): string {
  const fields = { kind, version: VERSION, scrypt: cost, salt: hex(salt), box: hex(box) };
  return `${JSON.stringify({ ...fields, check: check(crypto, fields) }, null, 2)}\n`;
}

function decode(crypto: CryptoProvider, kind: SealedKind, text: string): Sealed {
  const file = parse(kind, text);
  if (file.kind !== kind || file.version !== VERSION) {
    throw new StoreError('foreign', `this is not a ${kind} of version ${VERSION}`);
  }
  if (file.check !== check(crypto, file)) throw damaged(kind);
  return { cost: file.scrypt, salt: unhex(file.salt), box: unhex(file.box) };
}

function parse(kind: SealedKind, text: string): z.infer<typeof SealedFile> {
  try {
    return SealedFile.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(kind, cause);
  }
}

/** Tells a damaged file from a wrong passphrase. */
function check(crypto: CryptoProvider, file: Omit<z.infer<typeof SealedFile>, 'check'>): string {
  const { kind, version, scrypt, salt, box } = file;
  const line = [kind, version, scrypt.N, scrypt.r, scrypt.p, salt, box].join(' ');
  return hex(crypto.hash(utf8(line)).subarray(0, CHECK_SIZE));
}

function damaged(kind: SealedKind, cause?: unknown): StoreError {
  return new StoreError('damaged', `the file of the ${kind} is damaged; restore a backup`, {
    cause,
  });
}

function associatedData(kind: SealedKind): Uint8Array {
  return utf8(kind);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
