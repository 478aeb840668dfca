/**
 * Goal: both providers compute the published functions, and one another's, and refuse the same.
 * Method: the figures of test/vectors/crypto.json on each; then properties that give both the
 * same input, hostile ones included, and compare what comes out.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { concat } from '../src/bytes.ts';
import {
  AuthenticationError,
  type CryptoProvider,
  equal,
  openssl,
  type PrivateKey,
  type PublicKey,
  providerOf,
  type ScryptCost,
  type SymmetricKey,
  systemRandomBytes,
} from '../src/crypto/index.ts';
import { rounds } from './support/counts.ts';
import { hex, readVectors, toHex } from './vectors.ts';

const noble = await providerOf('noble');

/** Fields of one figure, all of them text. */
type Figure<Names extends string> = Readonly<Record<Names, string>>;

const vectors = readVectors('crypto') as {
  readonly low_order: readonly string[];
  readonly x25519: readonly Figure<'private' | 'public' | 'remote' | 'shared'>[];
  readonly aes_gcm: readonly Figure<
    'key' | 'counter' | 'associated_data' | 'plaintext' | 'ciphertext'
  >[];
  readonly hkdf: readonly Figure<'secret' | 'salt' | 'info' | 'output'>[];
  readonly hmac: readonly Figure<'key' | 'data' | 'output'>[];
  readonly sha256: readonly Figure<'data' | 'output'>[];
  readonly scrypt: readonly (Figure<'passphrase' | 'salt' | 'output'> & ScryptCost)[];
};

const PROVIDERS = [noble, openssl];
const NOTHING = new Uint8Array(0);
const keyOf = (crypto: CryptoProvider, key: Uint8Array) =>
  crypto.importSymmetricKey(key as SymmetricKey);
const pairOf = (crypto: CryptoProvider, key: Uint8Array) =>
  crypto.importPrivateKey(key as PrivateKey);

/** What `run` returns, or the name of what it throws: comparable between providers. */
function outcome(run: () => Uint8Array): string {
  try {
    return toHex(run());
  } catch (error) {
    return error instanceof AuthenticationError ? error.name : `bug: ${String(error)}`;
  }
}

function agree(run: (crypto: CryptoProvider) => Uint8Array): string {
  const [first, second] = PROVIDERS.map((crypto) => outcome(() => run(crypto)));
  assert.equal(first, second);
  assert(first !== undefined && !first.startsWith('bug'), first);
  return first;
}

for (const crypto of PROVIDERS) {
  t.test(`${crypto.name} computes the published figures`, async (t) => {
    for (const vector of vectors.x25519) {
      const pair = pairOf(crypto, hex(vector.private));
      t.equal(toHex(pair.publicKey), vector.public);
      t.equal(toHex(pair.dh(hex(vector.remote) as PublicKey)), vector.shared);
    }
    for (const vector of vectors.aes_gcm) {
      const key = keyOf(crypto, hex(vector.key));
      const ad = hex(vector.associated_data);
      const sealed = key.seal(BigInt(vector.counter), ad, hex(vector.plaintext));
      t.equal(toHex(sealed), vector.ciphertext);
      t.equal(toHex(key.open(BigInt(vector.counter), ad, sealed)), vector.plaintext);
    }
    for (const { secret, salt, info, output } of vectors.hkdf) {
      t.equal(toHex(crypto.derive(hex(secret), hex(salt), hex(info), output.length / 2)), output);
    }
    for (const { key, data, output } of vectors.hmac) {
      t.equal(toHex(crypto.hmac(hex(key), hex(data))), output);
    }
    for (const { data, output } of vectors.sha256) t.equal(toHex(crypto.hash(hex(data))), output);
    for (const { passphrase, salt, N, r, p, output } of vectors.scrypt) {
      const length = output.length / 2;
      const key = await crypto.scrypt(hex(passphrase), hex(salt), { N, r, p }, length);
      t.equal(toHex(key), output);
    }
  });

  t.test(`${crypto.name} puts the counter big-endian into the nonce`, async (t) => {
    const key = new Uint8Array(32).fill(7);
    const nonce = hex('00000000' + '0102030405060708');
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    const expected = concat(cipher.update('text'), cipher.final(), cipher.getAuthTag());
    const text = new TextEncoder().encode('text');
    t.strictSame(keyOf(crypto, key).seal(0x0102030405060708n, NOTHING, text), expected);
  });

  t.test(`${crypto.name} refuses every public key of low order`, async (t) => {
    const pair = pairOf(crypto, new Uint8Array(32).fill(1));
    for (const point of vectors.low_order) {
      // X25519 ignores the top bit, RFC 7748 §5: with it set the point is of low order still.
      const masked = hex(point);
      masked[31] = (masked[31] ?? 0) | 0x80;
      t.throws(() => pair.dh(hex(point) as PublicKey), AuthenticationError, point);
      t.throws(() => pair.dh(masked as PublicKey), AuthenticationError, point);
    }
  });

  t.test(`${crypto.name} copies what it imports, and forgets it when wiped`, async (t) => {
    const secret = new Uint8Array(32).fill(9);
    const pair = pairOf(crypto, secret);
    const key = keyOf(crypto, secret);
    const before = [pair.dh(pair.publicKey), key.seal(0n, NOTHING, NOTHING)];
    secret.fill(0);
    t.strictSame([pair.dh(pair.publicKey), key.seal(0n, NOTHING, NOTHING)], before);
    pair.wipe();
    key.wipe();
    t.throws(() => pair.dh(pair.publicKey), { message: 'private key was wiped' });
    t.throws(() => key.seal(0n, NOTHING, NOTHING), { message: 'symmetric key was wiped' });
    t.throws(() => key.open(0n, NOTHING, new Uint8Array(16)), { message: /was wiped/ });
  });

  t.test(`${crypto.name} generates from the randomness given, and wipes it`, async (t) => {
    const random = new Uint8Array(32).fill(3);
    const pair = crypto.generateKeyPair(() => random);
    t.strictSame(pair.publicKey, pairOf(crypto, new Uint8Array(32).fill(3)).publicKey);
    t.strictSame(random, new Uint8Array(32));
    t.throws(() => crypto.generateKeyPair(() => new Uint8Array(31)), { name: 'LengthError' });
  });

  t.test(
    `${crypto.name} generates from the randomness of the system, each time another`,
    async (t) => {
      const [pair, second] = [0, 1].map(() => crypto.generateKeyPair(systemRandomBytes));
      assert(pair && second);
      t.notSame(pair.publicKey, second.publicKey);
      for (const other of [noble, openssl]) {
        const theirs = other.generateKeyPair(systemRandomBytes);
        t.strictSame(pair.dh(theirs.publicKey), theirs.dh(pair.publicKey), other.name);
      }
      pair.wipe();
      t.throws(() => pair.dh(second.publicKey), { message: 'private key was wiped' });
    },
  );

  t.test(`${crypto.name} refuses a tag of any other length`, async (t) => {
    const key = keyOf(crypto, new Uint8Array(32));
    const sealed = key.seal(1n, NOTHING, new Uint8Array(40));
    for (let size = 0; size < sealed.length; size += 1) {
      t.throws(() => key.open(1n, NOTHING, sealed.subarray(0, size)), AuthenticationError);
    }
    t.throws(() => key.open(1n, NOTHING, concat(sealed, Uint8Array.of(0))), AuthenticationError);
  });

  t.test(`${crypto.name} returns arrays whose slice() copies`, async (t) => {
    const key = keyOf(crypto, new Uint8Array(32));
    const sealed = key.seal(0n, NOTHING, new Uint8Array(1));
    const pair = pairOf(crypto, new Uint8Array(32).fill(1));
    const results = {
      hash: crypto.hash(NOTHING),
      hmac: crypto.hmac(new Uint8Array(32), NOTHING),
      derived: crypto.derive(NOTHING, NOTHING, NOTHING, 8),
      sealed,
      opened: key.open(0n, NOTHING, sealed),
      publicKey: pair.publicKey,
      shared: pair.dh(pair.publicKey),
    };
    for (const [name, result] of Object.entries(results)) {
      t.equal(Object.getPrototypeOf(result), Uint8Array.prototype, name);
    }
  });
}

const data = fc.uint8Array({ maxLength: 200 });
const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

t.test('the providers agree on hashes and derivations', async () => {
  const parts = fc.array(data, { maxLength: 4 });
  const length = fc.oneof(
    fc.constantFrom(1, 31, 32, 33, 64, 96, 8160),
    fc.integer({ min: 1, max: 300 }),
  );
  fc.assert(
    fc.property(parts, data, data, data, length, (parts, secret, salt, info, length) => {
      const whole = agree((crypto) => crypto.hash(...parts));
      assert.equal(
        whole,
        agree((crypto) => crypto.hash(concat(...parts))),
      );
      const streamed = agree((crypto) => {
        const hash = crypto.createHash();
        for (const part of parts) hash.update(part);
        return hash.digest();
      });
      assert.equal(whole, streamed);
      agree((crypto) => crypto.hmac(secret, ...parts));
      agree((crypto) => crypto.derive(secret, salt, info, length));
    }),
    { numRuns: rounds({ reduced: 200, full: 3000 }) },
  );
});

t.test('the providers agree on what is sealed, and on what does not open', async () => {
  const damage = fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })));
  fc.assert(
    fc.property(key32, counter, data, data, damage, (key, counter, ad, plaintext, damage) => {
      const sealed = agree((crypto) => keyOf(crypto, key).seal(counter, ad, plaintext));
      const received = hex(sealed);
      if (damage !== null) {
        const index = damage[0] % received.length;
        received[index] = (received[index] ?? 0) ^ damage[1];
      }
      const opened = agree((crypto) => keyOf(crypto, key).open(counter, ad, received));
      assert.equal(opened, damage === null ? toHex(plaintext) : 'AuthenticationError');
    }),
    { numRuns: rounds({ reduced: 300, full: 3000 }) },
  );
});

// Beside honest keys: points of low order, and encodings of u ≥ p, which RFC 7748 §5 reduces.
const nonCanonical = fc
  .tuple(fc.integer({ min: 0xed, max: 0xff }), fc.constantFrom(0x7f, 0xff))
  .map(([low, high]) => Uint8Array.of(low, ...new Uint8Array(30).fill(0xff), high));
const publicKey = fc.oneof(key32, nonCanonical, fc.constantFrom(...vectors.low_order.map(hex)));

t.test('the providers agree on every shared secret, or refuse together', async () => {
  const refused = new Set<string>();
  fc.assert(
    fc.property(key32, publicKey, (privateKey, remote) => {
      agree((crypto) => pairOf(crypto, privateKey).publicKey);
      const secret = agree((crypto) => pairOf(crypto, privateKey).dh(remote as PublicKey));
      if (secret === 'AuthenticationError') refused.add(toHex(remote));
    }),
    { numRuns: rounds({ reduced: 100, full: 1000 }) },
  );
  assert(refused.size > 0, 'the draw met no point of low order');
});

t.test("the system's randomness has the length asked for, and is another each time", async (t) => {
  const drawn = Array.from({ length: 100 }, () => toHex(systemRandomBytes(32)));
  t.ok(drawn.every((each) => each.length === 64));
  t.equal(new Set(drawn).size, drawn.length);
});

t.test('equal() compares contents and lengths', async () => {
  fc.assert(
    fc.property(data, data, (left, right) => {
      assert(equal(left, left.slice()));
      assert.equal(equal(left, right), Buffer.compare(left, right) === 0);
      assert(!equal(left, concat(left, Uint8Array.of(0))));
    }),
  );
});
