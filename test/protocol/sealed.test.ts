/**
 * Goal: what is sealed or derived is what docs/PROTOCOL.md says, down to whole meetings.
 * Method: the figures of test/vectors, which a second implementation computed from that page, on
 * both providers; then every byte changed, every length cut, in another session and once more.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Bytes } from '../../src/bytes.ts';
import {
  type CryptoProvider,
  type Hash,
  openssl,
  type PrivateKey,
  type PublicKey,
  providerOf,
  type SymmetricKey,
} from '../../src/crypto/index.ts';
import {
  CipherState,
  commitment,
  comparisonCode,
  decodePacket,
  decodePairingCode,
  decodePlaintext,
  type Established,
  encodeHandshake,
  encodePairingCode,
  fingerprint,
  fingerprintOfPair,
  gateKeyOf,
  gateOf,
  gateOpens,
  HandshakeState,
  hintOf,
  imageKeyOf,
  keyCheckValue,
  type LetterPacket,
  LocalProtocolError,
  openLetter,
  openTransport,
  PATTERNS,
  PairingCodeError,
  type PairingSecret,
  type Payload,
  type PresharedKey,
  prologueOf,
  pskOf,
  RemoteProtocolError,
  ReplayWindow,
  type ReunionPacket,
  sealLetter,
  sealTransport,
  type TransportPacket,
} from '../../src/protocol/index.ts';
import { rounds } from '../support/counts.ts';
import { bytesOf, type Case, field, hex, readCases, readVectors, toHex } from '../vectors.ts';

const PROVIDERS = [await providerOf('noble'), openssl];
const MALFORMED = { name: 'RemoteProtocolError', reason: 'malformed' } as const;
const UNAUTHENTICATED = { name: 'RemoteProtocolError', reason: 'unauthenticated' } as const;
const REPLAYED = { name: 'RemoteProtocolError', reason: 'replayed' } as const;

const publicKeyOf = (item: Case, name: string) => bytesOf(item, name) as PublicKey;
const pairOf = (crypto: CryptoProvider, item: Case, name: string) =>
  crypto.importPrivateKey(bytesOf(item, name) as PrivateKey);
const cipherOf = (crypto: CryptoProvider, key: Uint8Array, nonce?: bigint) =>
  new CipherState(crypto.importSymmetricKey(key as SymmetricKey), nonce);

function transportPacket(packet: Uint8Array): TransportPacket {
  const decoded = decodePacket(packet);
  assert(decoded.type === 'TRANSPORT');
  return decoded;
}

function letterPacket(packet: Uint8Array): LetterPacket {
  const decoded = decodePacket(packet);
  assert(decoded.type === 'LETTER');
  return decoded;
}

for (const crypto of PROVIDERS) {
  t.test(`${crypto.name}: transport packets`, async (t) => {
    const vectors = readCases<'packets' | 'refused'>('transport');
    for (const item of vectors.packets) {
      const [index, counter] = [Number(field(item, 'index')), BigInt(field(item, 'counter'))];
      const packet = transportPacket(bytesOf(item, 'packet'));
      t.strictSame([packet.index, packet.counter], [index, counter]);
      const open = () =>
        openTransport(cipherOf(crypto, bytesOf(item, 'key')), new ReplayWindow(), packet);
      if (String(item['note']).includes('malformed')) {
        assert.throws(open, MALFORMED);
        continue;
      }
      const payloads = decodePlaintext(bytesOf(item, 'plaintext'));
      t.strictSame(open(), payloads);
      const sending = cipherOf(crypto, bytesOf(item, 'key'), counter);
      t.equal(toHex(sealTransport(sending, index, payloads)), field(item, 'packet'));
    }
    for (const item of vectors.refused) {
      const cipher = cipherOf(crypto, bytesOf(item, 'key'));
      const open = () => {
        const packet = transportPacket(bytesOf(item, 'packet'));
        // What names another session is not for this key.
        if (packet.index !== item['index']) throw new RemoteProtocolError('unknown_session');
        return openTransport(cipher, new ReplayWindow(), packet);
      };
      t.throws(open, RemoteProtocolError, String(item['note']));
    }
  });

  t.test(`${crypto.name}: letters`, async (t) => {
    const file = readVectors('letter') as Case;
    const { letters, refused } = readCases<'letters' | 'refused'>('letter');
    const sender = pairOf(crypto, file, 'sender_private');
    const receiver = pairOf(crypto, file, 'receiver_private');
    const sending = { crypto, staticKeys: sender, remoteStatic: receiver.publicKey };
    const receiving = { crypto, staticKeys: receiver, remoteStatic: sender.publicKey };
    for (const item of letters) {
      const payloads = decodePlaintext(bytesOf(item, 'plaintext'));
      const random = () => bytesOf(file, 'ephemeral_private');
      const packet = sealLetter(sending, random, Number(field(file, 'hint')), payloads);
      t.equal(toHex(packet), field(item, 'packet'));
      t.strictSame(openLetter(receiving, letterPacket(packet)), payloads);
    }
    for (const item of refused) {
      const packet = letterPacket(bytesOf(item, 'packet'));
      assert.throws(() => openLetter(receiving, packet), MALFORMED, String(item['note']));
    }
  });

  t.test(`${crypto.name}: gates, hints and what hides a letter`, async (t) => {
    for (const item of readCases<'cases'>('gate').cases) {
      const receiver = pairOf(crypto, item, 'receiver_private');
      const sender = publicKeyOf(item, 'sender_public');
      const gateKey = gateKeyOf(crypto, receiver.dh(sender));
      t.equal(toHex(gateKey), field(item, 'gate_key'));
      t.equal(toHex(imageKeyOf(crypto, receiver.dh(sender))), field(item, 'image_key'));
      t.equal(hintOf(crypto, gateKey, sender), item['hint']);
      const gated = bytesOf(item, 'before_gate');
      const gate = gateOf(crypto, gateKey, sender, gated);
      t.equal(toHex(gate), field(item, 'gate'));
      t.ok(gateOpens(crypto, gateKey, sender, { gate, gated }));
      // Reflected to its sender, it is somebody else's.
      t.notOk(gateOpens(crypto, gateKey, receiver.publicKey, { gate, gated }));
      const changed = gate.map((byte, index) => (index === 15 ? byte ^ 1 : byte)) as Bytes<16>;
      t.notOk(gateOpens(crypto, gateKey, sender, { gate: changed, gated }));
    }
  });

  t.test(`${crypto.name}: what people compare`, async (t) => {
    const vectors = readCases<
      'commits' | 'codes' | 'key_checks' | 'fingerprints' | 'pair_fingerprints'
    >('comparison');
    for (const item of vectors.commits) {
      const staticA = publicKeyOf(item, 's_A');
      const ephemeralA = publicKeyOf(item, 'e_A');
      const randomA = bytesOf(item, 'r_A') as Bytes<16>;
      const commit = commitment(crypto, { staticA, ephemeralA, randomA });
      t.equal(toHex(commit), field(item, 'commit'));
    }
    for (const item of vectors.codes) {
      const met = {
        randomA: bytesOf(item, 'r_A') as Bytes<16>,
        randomB: bytesOf(item, 'r_B') as Bytes<16>,
        ephemeralA: publicKeyOf(item, 'e_A'),
        ephemeralB: publicKeyOf(item, 'e_B'),
        staticA: publicKeyOf(item, 's_A'),
        staticB: publicKeyOf(item, 's_B'),
      };
      t.equal(comparisonCode(crypto, met), field(item, 'code'), String(item['note']));
    }
    for (const item of vectors.key_checks) {
      t.equal(keyCheckValue(crypto, bytesOf(item, 'h') as Hash), field(item, 'key_check'));
    }
    for (const item of vectors.fingerprints) {
      t.equal(fingerprint(crypto, publicKeyOf(item, 'key')), field(item, 'fingerprint'));
    }
    for (const item of vectors.pair_fingerprints) {
      const [own, remote] = [publicKeyOf(item, 'own'), publicKeyOf(item, 'remote')];
      t.equal(fingerprintOfPair(crypto, own, remote), field(item, 'fingerprint'));
    }
  });

  t.test(`${crypto.name}: pairing codes`, async (t) => {
    const vectors = readCases<'codes' | 'spellings' | 'with_address' | 'refused'>('pairing_code');
    for (const item of [...vectors.codes, ...vectors.spellings, ...vectors.with_address]) {
      const secret = bytesOf(item, 'secret') as PairingSecret;
      const address = item['address']?.toString();
      t.strictSame(decodePairingCode(crypto, field(item, 'text')), { secret, address });
      if (vectors.spellings.includes(item)) continue;
      t.equal(encodePairingCode(crypto, { secret, address }), field(item, 'text'));
      if (item['psk'] !== undefined) t.equal(toHex(pskOf(crypto, secret)), item['psk']);
    }
    for (const item of vectors.refused) {
      const decode = () => decodePairingCode(crypto, field(item, 'text'));
      t.throws(decode, PairingCodeError, String(item['note']));
    }
    const [good] = vectors.codes;
    for (const address of ['', 'b', 'http://b', 'http://b:1/', 'http://b:1@c']) {
      t.throws(() => decodePairingCode(crypto, `${good?.['text']}@${address}`), PairingCodeError);
    }
  });

  t.test(`${crypto.name}: whole meetings`, async (t) => {
    const file = readVectors('handshakes_sotto') as Case;
    const { handshakes } = readVectors('handshakes_sotto') as {
      readonly handshakes: readonly (Case & { readonly packets: never })[];
    };
    t.equal(handshakes.length, 3);
    for (const item of handshakes) meet(t, crypto, file, item, item.packets);
  });
}

const FIRST_TYPE = { XX: 'XX1', XXpsk3: 'PSK1', KKpsk0: 'KK1' } as const;

/** Replays a meeting from its fixed keys, up to each direction's first transport packet. */
function meet(
  t: Test,
  crypto: CryptoProvider,
  file: Case,
  item: Case,
  packets: readonly Case[],
): void {
  const pattern = field(item, 'pattern') as keyof typeof FIRST_TYPE;
  const prologue = prologueOf(FIRST_TYPE[pattern]);
  t.equal(toHex(prologue), field(item, 'prologue'));
  const state = (side: 'initiator' | 'responder', own: 'A' | 'B', remote: 'A' | 'B') =>
    new HandshakeState({
      crypto,
      side,
      prologue,
      pattern: PATTERNS[pattern],
      staticKeys: pairOf(crypto, file, `s_${own}_private`),
      remoteStatic: pattern === 'KKpsk0' ? publicKeyOf(file, `s_${remote}`) : undefined,
      psk: item['psk'] === undefined ? undefined : (bytesOf(item, 'psk') as PresharedKey),
      randomBytes: () => bytesOf(file, `e_${own}_private`),
    });
  const [a, b] = [state('initiator', 'A', 'B'), state('responder', 'B', 'A')];
  packets.forEach((each, step) => {
    const [writer, reader] = step % 2 === 0 ? [a, b] : [b, a];
    const packet = decodePacket(bytesOf(each, 'packet'));
    assert('noise' in packet);
    t.equal(toHex(writer.writeMessage(bytesOf(each, 'payload'))), toHex(packet.noise));
    t.equal(toHex(reader.readMessage(packet.noise)), field(each, 'payload'));
    assert(packet.type !== 'KK1' || gateOpensFor(crypto, file, packet));
  });
  const sessions = [a.finish(), b.finish()] as const;
  for (const { handshakeHash } of sessions) {
    t.equal(toHex(handshakeHash), field(item, 'handshake_hash'));
    t.equal(keyCheckValue(crypto, handshakeHash), field(item, 'key_check'));
  }
  carry(t, ...sessions, bytesOf(item, 'transport_from_initiator'));
  carry(t, sessions[1], sessions[0], bytesOf(item, 'transport_from_responder'));
}

function gateOpensFor(crypto: CryptoProvider, file: Case, packet: ReunionPacket): boolean {
  const secret = pairOf(crypto, file, 's_B_private').dh(publicKeyOf(file, 's_A'));
  return gateOpens(crypto, gateKeyOf(crypto, secret), publicKeyOf(file, 's_A'), packet);
}

/** Opens `packet` on one side, and seals the same again on the other. */
function carry(t: Test, from: Established, to: Established, packet: Uint8Array): void {
  const decoded = transportPacket(packet);
  const payloads = openTransport(to.receiving, new ReplayWindow(), decoded);
  t.equal(toHex(sealTransport(from.sending, decoded.index, payloads)), toHex(packet));
}

const outbox: Payload = { kind: 'outbox', epoch: 1n, lowest: 0n };
const text: Payload = { kind: 'message', sequence: 0n, content: hex('0168692e') };

/** One direction of a session, ready to seal and to open. */
function direction(key = 7) {
  const bytes = new Uint8Array(32).fill(key);
  return {
    sending: cipherOf(openssl, bytes),
    receiving: cipherOf(openssl, bytes),
    window: new ReplayWindow(),
  };
}

t.test('a transport packet changed in any byte or cut anywhere leaves no trace', async (t) => {
  const { sending, receiving, window } = direction();
  const packet = sealTransport(sending, 5, [outbox, text]);
  const open = (bytes: Uint8Array) => openTransport(receiving, window, transportPacket(bytes));
  for (let index = 0; index < packet.length; index += 1) {
    const changed = packet.slice();
    changed[index] = (changed[index] ?? 0) ^ 0x41;
    assert.throws(() => transportRefused(changed, open), RemoteProtocolError, `byte ${index}`);
    assert.throws(() => open(packet.subarray(0, index)), RemoteProtocolError);
  }
  t.strictSame(open(packet), [outbox, text]);
  assert.throws(() => open(packet), REPLAYED);
});

/** Another type is for another reader. */
function transportRefused(packet: Uint8Array, open: (packet: Uint8Array) => unknown): unknown {
  if (decodePacket(packet).type !== 'TRANSPORT') throw new RemoteProtocolError('malformed');
  return open(packet);
}

t.test('a packet of another session or direction is unauthenticated', async () => {
  const [one, other] = [direction(1), direction(2)];
  const packet = transportPacket(sealTransport(one.sending, 5, []));
  const open = () => openTransport(other.receiving, other.window, packet);
  assert.throws(open, UNAUTHENTICATED);
});

t.test('packets open in any order, each once', async () => {
  const order = fc.shuffledSubarray([...new Array(40).keys()], { minLength: 40 });
  fc.assert(
    fc.property(order, (order) => {
      const { sending, receiving, window } = direction();
      const packets = order.map(() => transportPacket(sealTransport(sending, 5, [outbox, text])));
      for (const index of order) {
        const packet = packets[index];
        assert(packet);
        assert.deepEqual(openTransport(receiving, window, packet), [outbox, text]);
        assert.throws(() => openTransport(receiving, window, packet), REPLAYED);
      }
    }),
    { numRuns: rounds({ reduced: 20, full: 500 }) },
  );
});

t.test('an authentic packet that is malformed does not move the window', async () => {
  const { sending, receiving, window } = direction();
  const header = transportPacket(sealTransport(sending, 5, [])).header;
  const ciphertext = cipherOf(openssl, new Uint8Array(32).fill(7)).encryptWithAd(
    header,
    new Uint8Array(16),
  );
  const packet: TransportPacket = { type: 'TRANSPORT', index: 5, counter: 0n, header, ciphertext };
  assert.throws(() => openTransport(receiving, window, packet), MALFORMED);
  assert(!window.hasSeen(0n));
});

t.test('a letter changed in any byte, cut anywhere, or of somebody else is refused', async (t) => {
  const [sender, receiver, stranger] = [1, 2, 3].map((seed) =>
    openssl.importPrivateKey(new Uint8Array(32).fill(seed) as PrivateKey),
  );
  assert(sender && receiver && stranger);
  const random = (length: number) => new Uint8Array(length).fill(9);
  const to = { crypto: openssl, staticKeys: sender, remoteStatic: receiver.publicKey };
  const from = { crypto: openssl, staticKeys: receiver, remoteStatic: sender.publicKey };
  const packet = sealLetter(to, random, 77, [outbox, text]);
  for (let index = 8; index < packet.length; index += 1) {
    const changed = packet.slice();
    changed[index] = (changed[index] ?? 0) ^ 0x01;
    assert.throws(() => openLetter(from, letterPacket(changed)), UNAUTHENTICATED);
    assert.throws(() => openLetter(from, letterPacket(packet.subarray(0, index))), {
      name: 'RemoteProtocolError',
    });
  }
  const letter = letterPacket(packet);
  t.strictSame([letter.hint, openLetter(from, letter)], [77, [outbox, text]]);
  const asStranger = { ...from, staticKeys: stranger };
  assert.throws(() => openLetter(asStranger, letter), UNAUTHENTICATED);
  const fromStranger = { ...from, remoteStatic: stranger.publicKey };
  assert.throws(() => openLetter(fromStranger, letter), UNAUTHENTICATED);
  for (const payloads of [[], [outbox], [text], [{ ...outbox, lowest: 1n }, text]]) {
    t.throws(() => sealLetter(to, random, 77, payloads), LocalProtocolError);
  }
  const ack: Payload = { kind: 'ack', epoch: 1n, next: 0n, bitmap: new Uint8Array(0) };
  t.throws(() => sealLetter(to, random, 77, [outbox, text, ack]), LocalProtocolError);
  t.equal(toHex(encodeHandshake('LETTER', letter.noise, 77)), toHex(packet));
});

t.test('a pairing code with one character changed, or two swapped, is refused', async () => {
  const characters = fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ');
  const secret = fc.uint8Array({ minLength: 16, maxLength: 16 });
  let missed = 0;
  fc.assert(
    fc.property(secret, fc.nat(29), characters, fc.nat(28), (secret, at, character, swap) => {
      const text = encodePairingCode(openssl, {
        secret: secret as PairingSecret,
        address: undefined,
      }).replaceAll('-', '');
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      const [left, right] = [text.charAt(swap), text.charAt(swap + 1)];
      const swapped = text.slice(0, swap) + right + left + text.slice(swap + 2);
      for (const typed of [changed, swapped].filter((each) => each !== text)) {
        if (reads(typed)) missed += 1;
      }
    }),
    { numRuns: rounds({ reduced: 500, full: 20_000 }) },
  );
  // 20 bits let one in a million pass: four of some thousands would be a broken check.
  assert(missed < 4);
});

function reads(typed: string): boolean {
  try {
    decodePairingCode(openssl, typed);
    return true;
  } catch (error) {
    assert(error instanceof PairingCodeError);
    return false;
  }
}
