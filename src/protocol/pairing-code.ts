/** Pairing codes, PROTOCOL §7: 128 random bits that people carry from one peer to the other. */
import type { Bytes, Role } from '../bytes.ts';
import { type CryptoProvider, equal } from '../crypto/index.ts';
import { isAddress } from './address.ts';
import { label } from './fields.ts';
import type { PresharedKey } from './handshake-state.ts';

export type PairingSecret = Bytes<16> & Role<'PairingSecret'>;

export interface PairingCode {
  readonly secret: PairingSecret;
  /** Where its maker can be called, if it can be. */
  readonly address: string | undefined;
}

/** What a person typed is no pairing code. The message says why, and never repeats the code. */
export class PairingCodeError extends Error {
  override readonly name = 'PairingCodeError';
}

/** Without I, L, O and U, which are misread. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_SIZE = 16;
const SECRET_CHARACTERS = 26;
const CHARACTERS = 30;
const NOTHING = new Uint8Array(0);

export function pskOf(crypto: CryptoProvider, secret: PairingSecret): PresharedKey {
  return crypto.derive(secret, NOTHING, label('sotto-psk1'), 32) as PresharedKey;
}

export function encodePairingCode(crypto: CryptoProvider, code: PairingCode): string {
  const { secret, address } = code;
  const digits = base32(secret, SECRET_CHARACTERS) + base32(checkOf(crypto, secret), 4);
  const text = digits.replace(/.{5}(?=.)/g, '$&-');
  return address === undefined ? text : `${text}@${address}`;
}

/** @throws {PairingCodeError} */
export function decodePairingCode(crypto: CryptoProvider, text: string): PairingCode {
  const [typed = '', ...after] = text.trim().split('@');
  const address = after.length === 0 ? undefined : after.join('@');
  if (address !== undefined && !isAddress(address)) {
    throw new PairingCodeError('what stands behind the @ is not an address http://HOST:PORT');
  }
  const values = valuesOf(typed);
  const secret = bytesOf(values.slice(0, SECRET_CHARACTERS)) as PairingSecret;
  // The two bits that fill up the last character of the secret must be zero.
  const isFilled = ((values[SECRET_CHARACTERS - 1] ?? 0) & 0b11) === 0;
  const check = base32Values(checkOf(crypto, secret), 4);
  if (!isFilled || !equal(Uint8Array.from(values.slice(SECRET_CHARACTERS)), check)) {
    throw new PairingCodeError('the code was mistyped: its check characters do not fit');
  }
  return { secret, address };
}

/** 20 bits of a hash, at the front of what is returned. */
function checkOf(crypto: CryptoProvider, secret: PairingSecret): Uint8Array {
  return crypto.hash(label('sotto-code1'), secret);
}

/** The first 5 · `count` bits, most significant first; missing ones are zero. */
function base32Values(data: Uint8Array, count: number): Uint8Array {
  const bit = (index: number) => ((data[index >> 3] ?? 0) >> (7 - (index & 7))) & 1;
  return Uint8Array.from({ length: count }, (_, place) =>
    [0, 1, 2, 3, 4].reduce((value, offset) => (value << 1) | bit(place * 5 + offset), 0),
  );
}

function base32(data: Uint8Array, count: number): string {
  return Array.from(base32Values(data, count), (value) => ALPHABET.charAt(value)).join('');
}

function valuesOf(typed: string): readonly number[] {
  const digits = typed.toUpperCase().replace(/[-\s]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  if (digits.length !== CHARACTERS) {
    throw new PairingCodeError(
      `a code has ${CHARACTERS} characters, got ${digits.length}: copy all of it`,
    );
  }
  const values = Array.from(digits, (digit) => ALPHABET.indexOf(digit));
  if (values.includes(-1)) throw new PairingCodeError('a code has only digits and letters but U');
  return values;
}

function bytesOf(values: readonly number[]): Uint8Array {
  const bit = (index: number) => ((values[Math.floor(index / 5)] ?? 0) >> (4 - (index % 5))) & 1;
  return Uint8Array.from({ length: SECRET_SIZE }, (_, place) =>
    [0, 1, 2, 3, 4, 5, 6, 7].reduce((value, offset) => (value << 1) | bit(place * 8 + offset), 0),
  );
}
