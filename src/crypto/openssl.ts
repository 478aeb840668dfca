/**
 * The suite on Node's OpenSSL: the same functions as noble.ts, many times faster.
 *
 * Node is given keys as KeyObject: of a raw one it asks first, dearly, whether it is one. The tag
 * length is always given, because without it Node accepts tags of 4 bytes. Results leave as plain
 * Uint8Array, because Node's own subclass shares memory where a slice() should copy.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject,
  scrypt,
} from 'node:crypto';
import { bytes, concat, nameOf, release } from '../bytes.ts';
import { nonceBytes } from './nonce.ts';
import {
  type AeadKey,
  AuthenticationError,
  type CryptoProvider,
  HASH_SIZE,
  type Hash,
  type IncrementalHash,
  KEY_SIZE,
  type KeyPair,
  type PrivateKey,
  type PublicKey,
  type ScryptCost,
  type SharedSecret,
  type SymmetricKey,
  TAG_SIZE,
} from './provider.ts';
import { systemRandomBytes } from './random.ts';

const CIPHER = 'aes-256-gcm';
const CIPHER_OPTIONS = { authTagLength: TAG_SIZE };

export const openssl: CryptoProvider = {
  name: 'openssl',
  importPrivateKey: (privateKey) => new OpensslKeyPair(privateKeyObject(privateKey)),
  generateKeyPair(randomBytes) {
    // The same source: OpenSSL asks it itself, and has nothing to decode then, a third of the time.
    if (randomBytes === systemRandomBytes) {
      return new OpensslKeyPair(generateKeyPairSync('x25519').privateKey);
    }
    const privateKey = bytes(KEY_SIZE, randomBytes(KEY_SIZE), 'private key') as PrivateKey;
    const keyPair = new OpensslKeyPair(privateKeyObject(privateKey));
    privateKey.fill(0);
    return keyPair;
  },
  importSymmetricKey: (key) => new OpensslAeadKey(key),
  hash: (...parts) => digest(joined(parts)),
  createHash(): IncrementalHash {
    const digester = createHash('sha256');
    return {
      update: (data) => void digester.update(data),
      digest: () => plain(digester.digest()) as Hash,
    };
  },
  hmac,
  derive: (secret, salt, info, length) =>
    new Uint8Array(hkdfSync('sha256', createSecretKey(secret), salt, info, length)),
  scrypt: scryptAsync,
};

class OpensslKeyPair implements KeyPair {
  readonly publicKey: PublicKey;
  #privateKey: KeyObject | undefined;

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.publicKey = publicKeyOf(privateKey);
  }

  dh(publicKey: PublicKey): SharedSecret {
    if (this.#privateKey === undefined) throw new Error('private key was wiped');
    const remote = publicKeyObject(publicKey);
    try {
      const secret = diffieHellman({ privateKey: this.#privateKey, publicKey: remote });
      return plain(secret) as SharedSecret;
    } catch (cause) {
      throw new AuthenticationError('public key is of low order', { cause });
    }
  }

  wipe(): void {
    this.#privateKey = undefined;
  }
}

/**
 * HASH(). A hash is no secret, so it may come as a string: Node makes one in a third of the time that
 * the memory of a small Buffer takes, outside of the heap.
 */
function digest(data: Uint8Array): Hash {
  return fromBinary(hash('sha256', data, 'binary')) as Hash;
}

const HMAC_BLOCK_SIZE = 64;
const [INNER_PAD, OUTER_PAD] = [0x36, 0x5c];

/** RFC 2104, of two hashes at once: to make an Hmac object of Node takes longer than both. */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Hash {
  const short = key.length > HMAC_BLOCK_SIZE ? digest(key) : key;
  const inner = concat(new Uint8Array(HMAC_BLOCK_SIZE).fill(INNER_PAD), ...parts);
  const outer = new Uint8Array(HMAC_BLOCK_SIZE + HASH_SIZE).fill(OUTER_PAD);
  for (let at = 0; at < short.length; at += 1) {
    const byte = short[at] ?? 0;
    inner[at] = INNER_PAD ^ byte;
    outer[at] = OUTER_PAD ^ byte;
  }
  outer.set(digest(inner), HMAC_BLOCK_SIZE);
  const code = digest(outer);
  inner.fill(0, 0, HMAC_BLOCK_SIZE);
  outer.fill(0);
  return code;
}

/** A session's two, of the sessions that are busiest. */
const HANDLES_MAX = 32;
/** Of the keys used last, oldest first. */
const handles = new Map<OpensslAeadKey, KeyObject>();

/**
 * Bytes, and a KeyObject only of the keys used last: one takes 1 KiB, a fleet has two keys a device,
 * and half of a handshake's are never used. To make one for each packet takes as long as to seal it,
 * where the code for it is not in the processor's caches.
 */
class OpensslAeadKey implements AeadKey {
  #key: Uint8Array | undefined;
  #wasUsed = false;

  constructor(key: SymmetricKey) {
    this.#key = new Uint8Array(key);
  }

  seal(
    counter: bigint,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
    target: Uint8Array = new Uint8Array(plaintext.length + TAG_SIZE),
  ): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#handle(), nonceBytes(counter), CIPHER_OPTIONS);
    cipher.setAAD(associatedData);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    bytes(ciphertext.length + TAG_SIZE, target, 'target').set(ciphertext);
    target.set(cipher.getAuthTag(), ciphertext.length);
    release(ciphertext);
    return target;
  }

  open(counter: bigint, associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    const size = ciphertext.length - TAG_SIZE;
    if (size < 0) throw new AuthenticationError('ciphertext is too short');
    const cipher = createDecipheriv(CIPHER, this.#handle(), nonceBytes(counter), CIPHER_OPTIONS);
    cipher.setAAD(associatedData);
    cipher.setAuthTag(ciphertext.subarray(size));
    const plaintext = cipher.update(ciphertext.subarray(0, size));
    try {
      cipher.final();
    } catch (cause) {
      plaintext.fill(0);
      throw new AuthenticationError('ciphertext does not authenticate', { cause });
    }
    return plain(plaintext);
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
    handles.delete(this);
  }

  #handle(): KeyObject {
    if (this.#key === undefined) throw new Error('symmetric key was wiped');
    const known = handles.get(this);
    if (known !== undefined) return known;
    const handle = createSecretKey(this.#key);
    // Most keys of a handshake are used once, and let go without a word.
    if (this.#wasUsed) remember(this, handle);
    this.#wasUsed = true;
    return handle;
  }
}

function remember(key: OpensslAeadKey, handle: KeyObject): void {
  const [oldest] = handles.keys();
  if (handles.size >= HANDLES_MAX && oldest !== undefined) handles.delete(oldest);
  handles.set(key, handle);
}

/** PKCS#8, RFC 8410 §7, up to the key. A JWK is a little faster, but a string cannot be wiped. */
const PKCS8_HEAD = Uint8Array.of(0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);

function privateKeyObject(privateKey: PrivateKey): KeyObject {
  const encoded = concat(PKCS8_HEAD, privateKey);
  // Node asks for a Buffer by type and takes any Uint8Array.
  const input = { key: encoded as never, format: 'der', type: 'pkcs8' } as const;
  const object = untraced(() => createPrivateKey(input));
  encoded.fill(0);
  return object;
}

/** OpenSSL has computed it with the import: to ask for it saves half of what a new key pair costs. */
function publicKeyOf(privateKey: KeyObject): PublicKey {
  // Node takes a private key here, of which it makes the public one.
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return bytes(KEY_SIZE, fromBase64url(String(x)), 'public key') as PublicKey;
}

/** A handshake uses each of its two remote keys twice. */
const IMPORTED_MAX = 4;
/** By their bytes, oldest first. */
const imported = new Map<string, KeyObject>();

/** A public key is imported as JWK, which is faster than DER. */
function publicKeyObject(publicKey: PublicKey): KeyObject {
  const name = nameOf(publicKey);
  const known = imported.get(name);
  if (known !== undefined) return known;
  const key = { kty: 'OKP', crv: 'X25519', x: toBase64url(name) };
  const object = untraced(() => createPublicKey({ key, format: 'jwk' }));
  const [oldest] = imported.keys();
  if (imported.size >= IMPORTED_MAX && oldest !== undefined) imported.delete(oldest);
  imported.set(name, object);
  return object;
}

/**
 * Node asks of what it imports whether it is a key already, by exceptions that it throws and catches
 * itself. Each would note where it was thrown: for all of them that takes half a multiplication.
 */
function untraced<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** @param data a character for each byte. */
function toBase64url(data: string): string {
  return btoa(data).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array {
  return fromBinary(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
}

/** @param data a character for each byte. */
function fromBinary(data: string): Uint8Array {
  const decoded = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 1) decoded[at] = data.charCodeAt(at);
  return decoded;
}

function scryptAsync(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  length: number,
): Promise<Uint8Array> {
  const options = { ...cost, maxmem: 256 * cost.N * cost.r + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, length, options, (error, key) => {
      if (error) reject(error);
      else resolve(plain(key));
    });
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : concat(...parts);
}

function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}
