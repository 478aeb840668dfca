/**
 * Goal: the handshakes are Noise, not merely consistent with themselves, and a message that is
 * refused changes nothing.
 * Method: replay published vectors on both sides and on both providers, byte for byte, handshake,
 * hash and transport; then damage messages in every place and go on as if nothing had come.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  type CryptoProvider,
  openssl,
  type PrivateKey,
  type PublicKey,
  providerOf,
} from '../../src/crypto/index.ts';
import {
  HandshakeState,
  LocalProtocolError,
  NOISE_MESSAGE_SIZE_MAX,
  PATTERNS,
  type Pattern,
  type PresharedKey,
  RemoteProtocolError,
  type Side,
  withPsk,
} from '../../src/protocol/index.ts';
import { hex, readVectors, toHex } from '../vectors.ts';

const noble = await providerOf('noble');

type Party = 'init' | 'resp';
type Vector = Readonly<
  Partial<Record<`${Party}_${'static' | 'ephemeral' | 'remote_static'}`, string>> &
    Partial<Record<`${Party}_psks`, readonly string[]>> &
    Record<`${Party}_prologue` | 'protocol_name' | 'handshake_hash', string>
> & { readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[] };

const PROVIDERS = [noble, openssl];
const NOTHING = new Uint8Array(0);

/** Patterns of the specification, §7.4 and §7.5, that this protocol does not use. */
const OTHERS: readonly Pattern[] = [
  { name: 'N', known: ['responder'], messages: [['e', 'es']] },
  { name: 'X', known: ['responder'], messages: [['e', 'es', 's', 'ss']] },
  { name: 'NN', known: [], messages: [['e'], ['e', 'ee']] },
  { name: 'KN', known: ['initiator'], messages: [['e'], ['e', 'ee', 'se']] },
  {
    name: 'NK',
    known: ['responder'],
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
    ],
  },
  { name: 'NX', known: [], messages: [['e'], ['e', 'ee', 's', 'es']] },
  { name: 'KX', known: ['initiator'], messages: [['e'], ['e', 'ee', 'se', 's', 'es']] },
  { name: 'XN', known: [], messages: [['e'], ['e', 'ee'], ['s', 'se']] },
  {
    name: 'IN',
    known: [],
    messages: [
      ['e', 's'],
      ['e', 'ee', 'se'],
    ],
  },
  {
    name: 'XK',
    known: ['responder'],
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se'],
    ],
  },
  {
    name: 'IK',
    known: ['responder'],
    messages: [
      ['e', 'es', 's', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
  {
    name: 'IX',
    known: [],
    messages: [
      ['e', 's'],
      ['e', 'ee', 'se', 's', 'es'],
    ],
  },
  {
    name: 'KK',
    known: ['initiator', 'responder'],
    messages: [
      ['e', 'es', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
];

/** By name, from the ones we use where there is one: so that those are what is proven. */
function patternNamed(name: string): Pattern {
  const all = [...Object.values(PATTERNS), ...OTHERS];
  const found = all.find((pattern) => pattern.name === name);
  if (found !== undefined) return found;
  const [base = '', place] = name.split('psk');
  if (place === undefined) throw new Error(`no pattern named ${name}`);
  return withPsk(patternNamed(base), Number(place));
}

function party(crypto: CryptoProvider, vector: Vector, side: Side): HandshakeState {
  const prefix = side === 'initiator' ? 'init' : 'resp';
  const secret = vector[`${prefix}_static`];
  const remoteStatic = vector[`${prefix}_remote_static`];
  const psk = vector[`${prefix}_psks`]?.[0];
  return new HandshakeState({
    crypto,
    side,
    pattern: patternNamed(vector.protocol_name.split('_')[1] ?? ''),
    prologue: hex(vector[`${prefix}_prologue`]),
    randomBytes: () => hex(vector[`${prefix}_ephemeral`] ?? ''),
    staticKeys:
      secret === undefined ? undefined : crypto.importPrivateKey(hex(secret) as PrivateKey),
    remoteStatic: remoteStatic === undefined ? undefined : (hex(remoteStatic) as PublicKey),
    psk: psk === undefined ? undefined : (hex(psk) as PresharedKey),
  });
}

function pair(crypto: CryptoProvider, vector: Vector): [HandshakeState, HandshakeState] {
  return [party(crypto, vector, 'initiator'), party(crypto, vector, 'responder')];
}

function replay(crypto: CryptoProvider, vector: Vector): void {
  const [initiator, responder] = pair(crypto, vector);
  const handshake = patternNamed(vector.protocol_name.split('_')[1] ?? '').messages.length;
  vector.messages.slice(0, handshake).forEach(({ payload, ciphertext }, step) => {
    const [writer, reader] = step % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = writer.writeMessage(hex(payload));
    assert.equal(toHex(message), ciphertext);
    assert.deepEqual(reader.readMessage(message), hex(payload));
  });
  const [a, b] = [initiator.finish(), responder.finish()];
  assert.equal(toHex(a.handshakeHash), vector.handshake_hash);
  assert.equal(toHex(b.handshakeHash), vector.handshake_hash);
  vector.messages.slice(handshake).forEach(({ payload, ciphertext }, index) => {
    const fromInitiator = handshake === 1 || (handshake + index) % 2 === 0;
    const [sender, receiver] = fromInitiator ? [a, b] : [b, a];
    const message = sender.sending.encryptWithAd(NOTHING, hex(payload));
    assert.equal(toHex(message), ciphertext);
    assert.deepEqual(receiver.receiving.decryptWithAd(NOTHING, message), hex(payload));
  });
}

const used = ['noise_xx', 'noise_xxpsk3', 'noise_kkpsk0', 'noise_k'].flatMap(
  (name) => (readVectors(name) as { vectors: readonly Vector[] }).vectors,
);

for (const crypto of PROVIDERS) {
  t.test(`${crypto.name} replays the vectors of the patterns in use`, async (t) => {
    t.equal(used.length, 4);
    for (const vector of used) t.doesNotThrow(() => replay(crypto, vector), vector.protocol_name);
  });
}

const published = new URL('../../../shared/vectors/noise-cacophony.json', import.meta.url);
const absent = existsSync(published) ? false : `SKIPPED, there is no ${published.pathname}`;
if (absent) console.error(`noise.test.ts: the 36 published vectors are ${absent}`);

t.test('both providers replay all 36 published vectors', { skip: absent }, async (t) => {
  const { vectors } = JSON.parse(readFileSync(published, 'utf8')) as { vectors: readonly Vector[] };
  t.equal(vectors.length, 36);
  for (const crypto of PROVIDERS) {
    for (const vector of vectors) {
      t.doesNotThrow(() => replay(crypto, vector), `${crypto.name} ${vector.protocol_name}`);
    }
  }
});

/** Runs the handshake up to message `step`, and hands over who reads it, and the message. */
function upTo(vector: Vector, step: number): [HandshakeState, Uint8Array, HandshakeState] {
  const [initiator, responder] = pair(openssl, vector);
  for (let index = 0; ; index += 1) {
    const [writer, reader] = index % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = writer.writeMessage(hex(vector.messages[index]?.payload ?? ''));
    if (index === step) return [reader, message, writer];
    reader.readMessage(message);
  }
}

/** Every message of every pattern in use, in the hands of its reader. */
function everyMessage(): { name: string; vector: Vector; step: number }[] {
  return used.flatMap((vector) => {
    const { name, messages } = patternNamed(vector.protocol_name.split('_')[1] ?? '');
    return messages.map((_, step) => ({ name: `${name}, message ${step + 1}`, vector, step }));
  });
}

t.test('a message damaged in any byte is refused, and the right one still accepted', async (t) => {
  for (const { name, vector, step } of everyMessage()) {
    const [reader, message] = upTo(vector, step);
    // XX1 is not encrypted at all: damage shows in the message after it, tested below.
    if (name === 'XX, message 1') continue;
    for (let index = 0; index < message.length; index += 1) {
      const damaged = message.slice();
      damaged[index] = (damaged[index] ?? 0) ^ 0x01;
      const refuse = () => reader.readMessage(damaged);
      assert.throws(refuse, { name: 'RemoteProtocolError', reason: 'unauthenticated' });
    }
    const { payload = '' } = vector.messages[step] ?? {};
    t.equal(toHex(reader.readMessage(message)), payload, name);
  }
});

t.test('a message cut at any length is refused, and the right one still accepted', async (t) => {
  for (const { name, vector, step } of everyMessage()) {
    const [reader, message] = upTo(vector, step);
    const sizeMin = name === 'XX, message 1' ? 32 : message.length;
    for (let size = 0; size < sizeMin; size += 1) {
      assert.throws(() => reader.readMessage(message.subarray(0, size)), RemoteProtocolError);
    }
    const { payload = '' } = vector.messages[step] ?? {};
    t.equal(toHex(reader.readMessage(message)), payload, name);
  }
});

t.test('damage to XX1, which nothing protects, shows in XX2', async () => {
  const [vector] = used;
  assert(vector);
  for (let index = 0; index < 48; index += 1) {
    const [initiator, responder] = pair(openssl, vector);
    const message = initiator.writeMessage(hex(vector.messages[0]?.payload ?? ''));
    message[index] = (message[index] ?? 0) ^ 0x01;
    responder.readMessage(message);
    const answer = responder.writeMessage(NOTHING);
    assert.throws(() => initiator.readMessage(answer), { reason: 'unauthenticated' });
  }
});

// X25519 ignores the top bit and reduces, RFC 7748 §5: one key would have several spellings.
t.test('a public key in any but its one spelling is malformed', async () => {
  const [vector] = used;
  assert(vector);
  const p = Uint8Array.of(0xed, ...new Uint8Array(30).fill(0xff), 0x7f);
  const topBit = new Uint8Array(32).fill(0x80);
  for (const key of [p, topBit, new Uint8Array(32).fill(0xff)]) {
    const responder = party(openssl, vector, 'responder');
    assert.throws(() => responder.readMessage(key), { reason: 'malformed' });
    const initiator = party(openssl, vector, 'initiator');
    const honest = openssl.importPrivateKey(new Uint8Array(32).fill(5) as PrivateKey);
    const liar = new HandshakeState({
      crypto: openssl,
      pattern: PATTERNS.XX,
      side: 'responder',
      prologue: hex(vector.resp_prologue),
      randomBytes: (length) => new Uint8Array(length).fill(6),
      staticKeys: { publicKey: key as PublicKey, dh: (remote) => honest.dh(remote), wipe() {} },
    });
    liar.readMessage(initiator.writeMessage(NOTHING));
    const message = liar.writeMessage(NOTHING);
    assert.throws(() => initiator.readMessage(message), { reason: 'malformed' });
  }
  const largest = Uint8Array.of(0xec, ...new Uint8Array(30).fill(0xff), 0x7f);
  party(openssl, vector, 'responder').readMessage(largest);
});

t.test('a message that is too long is refused before it is looked at', async (t) => {
  const [vector] = used;
  assert(vector);
  const [initiator, responder] = pair(openssl, vector);
  const tooLong = new Uint8Array(NOISE_MESSAGE_SIZE_MAX + 1);
  assert.throws(() => responder.readMessage(tooLong), { reason: 'malformed' });
  t.throws(() => initiator.writeMessage(tooLong), LocalProtocolError);
  const message = initiator.writeMessage(new Uint8Array(NOISE_MESSAGE_SIZE_MAX - 32));
  t.equal(responder.readMessage(message).length, NOISE_MESSAGE_SIZE_MAX - 32);
});

t.test('an ephemeral key of low order is the remote side at fault, when it is used', async () => {
  const [vector] = used;
  assert(vector);
  for (const crypto of PROVIDERS) {
    const responder = party(crypto, vector, 'responder');
    responder.readMessage(new Uint8Array(32));
    assert.throws(() => responder.writeMessage(NOTHING), { reason: 'unauthenticated' });
  }
});

t.test('a judge refuses without a trace, knowing the key that the message brought', async (t) => {
  const [vector] = used;
  assert(vector);
  const [initiator, message] = upTo(vector, 1);
  const refusal = new RemoteProtocolError('refused');
  t.throws(
    () =>
      initiator.readMessage(message, (payload, learned) => {
        t.equal(toHex(payload), vector.messages[1]?.payload);
        t.equal(learned.remoteStatic?.length, 32);
        throw refusal;
      }),
    refusal,
  );
  t.strictSame(initiator.learned, { remoteEphemeral: undefined, remoteStatic: undefined });
  t.equal(initiator.turn(), 'read');
  initiator.readMessage(message);
  t.equal(initiator.learned.remoteStatic?.length, 32);
  t.equal(initiator.turn(), 'write');
});

t.test('out of turn, too early or twice is our own fault', async (t) => {
  const [vector] = used;
  assert(vector);
  const [initiator, responder] = pair(openssl, vector);
  t.throws(() => initiator.readMessage(NOTHING), LocalProtocolError);
  t.throws(() => responder.writeMessage(NOTHING), LocalProtocolError);
  t.throws(() => initiator.finish(), LocalProtocolError);
  responder.readMessage(initiator.writeMessage(NOTHING));
  initiator.readMessage(responder.writeMessage(NOTHING));
  responder.readMessage(initiator.writeMessage(NOTHING));
  t.equal(initiator.turn(), undefined);
  t.throws(() => initiator.writeMessage(NOTHING), LocalProtocolError);
  initiator.finish();
  t.throws(() => initiator.finish(), LocalProtocolError);
  responder.wipe();
  t.throws(() => responder.finish(), LocalProtocolError);
});

t.test('a pattern that lacks a key says so before anything is sent', async (t) => {
  const config = { crypto: openssl, side: 'initiator', prologue: NOTHING } as const;
  const randomBytes = (length: number) => new Uint8Array(length).fill(1);
  const start = () => new HandshakeState({ ...config, randomBytes, pattern: PATTERNS.K });
  t.throws(start, LocalProtocolError);
  const psk = new HandshakeState({
    ...config,
    randomBytes,
    pattern: withPsk(patternNamed('NN'), 0),
  });
  t.throws(() => psk.writeMessage(NOTHING), LocalProtocolError);
});

t.test('a cipher counts, takes the nonce it is told, and stops at the last one', async (t) => {
  const [vector] = used;
  assert(vector);
  const [initiator, responder] = pair(openssl, vector);
  responder.readMessage(initiator.writeMessage(NOTHING));
  initiator.readMessage(responder.writeMessage(NOTHING));
  responder.readMessage(initiator.writeMessage(NOTHING));
  const [{ sending }, { receiving }] = [initiator.finish(), responder.finish()];
  const messages = [sending, sending, sending].map((cipher) =>
    cipher.encryptWithAd(NOTHING, NOTHING),
  );
  t.equal(sending.nonce, 3n);
  receiving.setNonce(2n);
  t.strictSame(receiving.decryptWithAd(NOTHING, messages[2] ?? NOTHING), NOTHING);
  receiving.setNonce(1n);
  t.throws(() => receiving.decryptWithAd(NOTHING, messages[0] ?? NOTHING));
  t.equal(receiving.nonce, 1n, 'a refused message leaves the nonce');
  t.strictSame(receiving.decryptWithAd(NOTHING, messages[1] ?? NOTHING), NOTHING);
  sending.setNonce(2n ** 64n - 2n);
  sending.encryptWithAd(NOTHING, NOTHING);
  t.throws(() => sending.encryptWithAd(NOTHING, NOTHING), LocalProtocolError);
});
