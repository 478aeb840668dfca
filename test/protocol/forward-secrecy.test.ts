/**
 * Goal: who recorded a session, and later comes by both static private keys and the pairing code,
 * reads nothing that was said in it. What opens to them is what the threat model says: letters, and
 * the introductions in KK1 and PSK1. The keys that would open the rest are wiped.
 * Method: pure peers whose every key is noted; Eve, test/support/eavesdropper.ts, with the whole
 * recording. That her schedule is right is shown by what one ephemeral key opens to her: all.
 */
import assert from 'node:assert/strict';
import t from 'tap';
import {
  type AeadKey,
  type CryptoProvider,
  type KeyPair,
  openssl,
  type PrivateKey,
  type SymmetricKey,
} from '../../src/crypto/index.ts';
import {
  decodePacket,
  decodePlaintext,
  encodeText,
  PATTERNS,
  type Pattern,
  type Payload,
  prologueOf,
  pskOf,
  sealLetter,
  type TransportPacket,
} from '../../src/protocol/index.ts';
import { eavesdrop, type Recording } from '../support/eavesdropper.ts';
import { Network } from '../support/pure-network.ts';
import { secretOf } from '../support/pure-pairs.ts';
import { PurePeer } from '../support/pure-peer.ts';
import { Random } from '../support/random.ts';

const MINUTE = 60_000;
const SECRET = secretOf(7);
/** A transport packet's header. A handshake's associated data is a hash. */
const HEADER_SIZE = 16;

/** OpenSSL's suite, with a note of whose keys are still there. */
class Noted {
  /** Ephemeral, in the order they were made, as who had stolen them in time would hold them. */
  readonly ephemerals: KeyPair[] = [];
  readonly alive = new Set<KeyPair>();
  /** Those that have sealed or opened a transport packet, and were not wiped. */
  readonly sessionKeys = new Set<AeadKey>();

  readonly crypto: CryptoProvider = {
    ...openssl,
    generateKeyPair: (randomBytes) => {
      const key = randomBytes(32);
      this.ephemerals.push(openssl.importPrivateKey(key.slice() as PrivateKey));
      const pair = openssl.importPrivateKey(key as PrivateKey);
      const noted: KeyPair = {
        publicKey: pair.publicKey,
        dh: (publicKey) => pair.dh(publicKey),
        wipe: () => {
          pair.wipe();
          this.alive.delete(noted);
        },
      };
      this.alive.add(noted);
      return noted;
    },
    importSymmetricKey: (key: SymmetricKey) => {
      const imported = openssl.importSymmetricKey(key);
      const used = (data: Uint8Array) => data.length === HEADER_SIZE && this.sessionKeys.add(noted);
      const noted: AeadKey = {
        seal: (counter, data, plaintext, target) => {
          used(data);
          return imported.seal(counter, data, plaintext, target);
        },
        open: (counter, data, ciphertext) => {
          used(data);
          return imported.open(counter, data, ciphertext);
        },
        wipe: () => {
          imported.wipe();
          this.sessionKeys.delete(noted);
        },
      };
      return noted;
    },
  };
}

/** Alice and bob, who know each other's addresses, and all that passes between them. */
function recorded() {
  const [forAlice, forBob] = [new Noted(), new Noted()];
  const staticA = openssl.generateKeyPair((size) => new Random(1).bytes(size));
  const staticB = openssl.generateKeyPair((size) => new Random(2).bytes(size));
  const ofAlice = { crypto: forAlice.crypto, staticKeys: staticA };
  const alice = new PurePeer('alice', new Random(3), ofAlice);
  const bob = new PurePeer('bob', new Random(4), { crypto: forBob.crypto, staticKeys: staticB });
  alice.book.add('bob', bob.address);
  bob.book.add('alice', alice.address);
  const network = new Network([alice, bob]);
  const wire: Uint8Array[] = [];
  network.watch = (delivery) => {
    if (delivery.kind === 'request' || delivery.kind === 'reply') wire.push(delivery.packet);
  };
  return { alice, bob, network, wire, staticA, staticB, forAlice, forBob };
}

type World = ReturnType<typeof recorded>;

const MEETINGS: Readonly<Record<'XX' | 'XXpsk3', (world: World) => void>> = {
  XX({ alice, bob, network }) {
    network.post(alice, alice.trigger(1, 0));
    network.settle();
    network.post(bob, bob.trigger(1, 0));
    network.settle();
  },
  XXpsk3({ alice, bob, network }) {
    bob.meetings.holdCode(SECRET, 10 * MINUTE);
    network.post(alice, alice.triggerByCode(1, SECRET, 0));
    network.settle();
  },
};

function renew({ alice, network }: World): void {
  network.post(alice, alice.trigger(1, 0));
  network.settle();
}

function payloadsOf(text: string): Payload[] {
  const content = encodeText(text);
  return [
    { kind: 'outbox', epoch: 7n, lowest: 0n },
    { kind: 'message', sequence: 0n, content },
  ];
}

/** Both say something on the session that is current; as it stands in the packets. */
function talk({ alice, bob, wire }: World, what: string): Payload[][] {
  return [alice, bob, alice, bob].map((sender, place) => {
    const payloads = payloadsOf(`${what}, ${place}`);
    const sealed = sender.sessions.seal(1, payloads, 0);
    wire.push(sealed);
    const packet = decodePacket(sealed);
    assert(packet.type === 'TRANSPORT');
    (sender === alice ? bob : alice).sessions.open(packet, 0);
    return payloads;
  });
}

function recordingOf(
  { wire, staticA, staticB }: World,
  pattern: Pattern,
  types: readonly number[],
): Recording {
  const decoded = wire.map((packet) => decodePacket(packet));
  const first = decodePacket(wire.find(([type]) => type === types[0]) ?? new Uint8Array());
  assert(first.type === 'XX1' || first.type === 'PSK1' || first.type === 'KK1');
  const messages = types.map((type) => {
    const packet = decodePacket(wire.find((each) => each[0] === type) ?? new Uint8Array());
    assert('noise' in packet, `no packet of type ${type}`);
    return packet.noise;
  });
  return {
    pattern,
    prologue: prologueOf(first.type),
    messages,
    packets: decoded.filter((each): each is TransportPacket => each.type === 'TRANSPORT'),
    statics: [staticA.publicKey, staticB.publicKey],
  };
}

/** What was said, of what Eve has read: packets that confirm something are empty. */
function said(plaintexts: readonly Uint8Array[]): (readonly Payload[])[] {
  return plaintexts.map((each) => decodePlaintext(each)).filter(({ length }) => length > 0);
}

for (const [pattern, types] of [
  ['XX', [1, 2, 3]],
  ['XXpsk3', [4, 5, 6]],
] as const) {
  t.test(
    `${pattern}: both static keys, stolen later, open nothing that was recorded`,
    async (t) => {
      const world = recorded();
      MEETINGS[pattern](world);
      const spoken = talk(world, pattern);
      const recording = recordingOf(world, PATTERNS[pattern], types);
      const statics = [world.staticA, world.staticB];
      const psk = pskOf(openssl, SECRET);

      const stolen = eavesdrop(recording, { keys: statics, psk });
      // The code is enough for PSK1, which says what XX1 says in clear.
      t.strictSame(stolen.parts, pattern === 'XX' ? [] : ['1 payload']);
      t.strictSame(stolen.plaintexts, []);

      for (const { ephemerals } of [world.forAlice, world.forBob]) {
        const inTime = eavesdrop(recording, { keys: [...statics, ...ephemerals], psk });
        t.strictSame(
          said(inTime.plaintexts),
          spoken,
          'Eve does it right: an ephemeral key opens all',
        );
        t.equal(inTime.plaintexts.length, recording.packets.length);
        t.strictSame(inTime.parts, [...stolen.parts, '2 s', '2 payload', '3 s', '3 payload']);
      }
    },
  );
}

t.test('KKpsk0: they open the introduction in KK1, and nothing else', async (t) => {
  const world = recorded();
  MEETINGS.XX(world);
  world.wire.length = 0;
  const before = [world.forAlice.ephemerals.length, world.forBob.ephemerals.length];
  renew(world);
  const spoken = talk(world, 'KK');
  const recording = recordingOf(world, PATTERNS.KKpsk0, [7, 8]);
  const { staticA, staticB } = world;
  const psk = new Uint8Array(32);

  for (const keys of [[staticB], [staticA, staticB]]) {
    const stolen = eavesdrop(recording, { keys, psk });
    t.strictSame(stolen.parts, ['1 payload']);
    t.strictSame(stolen.plaintexts, []);
  }
  t.strictSame(eavesdrop(recording, { keys: [staticA], psk }), { parts: [], plaintexts: [] });

  for (const [place, { ephemerals }] of [world.forAlice, world.forBob].entries()) {
    const [own] = ephemerals.slice(before[place]);
    assert(own !== undefined);
    const inTime = eavesdrop(recording, { keys: [staticA, staticB, own], psk });
    t.strictSame(said(inTime.plaintexts), spoken, 'an ephemeral key opens all');
    t.strictSame(inTime.parts, ['1 payload', '2 payload']);
    const earlier = ephemerals.slice(0, before[place]);
    const ofXX = eavesdrop(recording, { keys: [staticA, staticB, ...earlier], psk });
    t.strictSame(ofXX.plaintexts, [], 'one of the session before opens nothing of this');
  }
});

t.test(
  'letters: the recipient’s key opens them, also later, and the sender’s does not',
  async (t) => {
    const { staticA, staticB } = recorded();
    const parties = { crypto: openssl, staticKeys: staticA, remoteStatic: staticB.publicKey };
    const packet = decodePacket(
      sealLetter(parties, (size) => new Random(5).bytes(size), 1, payloadsOf('a letter')),
    );
    assert(packet.type === 'LETTER');
    const recording: Recording = {
      pattern: PATTERNS.K,
      prologue: prologueOf('LETTER'),
      messages: [packet.noise],
      packets: [],
      statics: [staticA.publicKey, staticB.publicKey],
    };
    t.strictSame(eavesdrop(recording, { keys: [staticB] }).parts, ['1 payload']);
    t.strictSame(eavesdrop(recording, { keys: [staticA] }).parts, []);
  },
);

t.test('what would open a session is wiped: ephemeral keys with the handshake', async (t) => {
  const world = recorded();
  const { forAlice, forBob } = world;
  MEETINGS.XX(world);
  renew(world);
  talk(world, 'wiped');
  for (const { ephemerals, alive } of [forAlice, forBob]) {
    t.equal(ephemerals.length, 2, 'one for XX, one for KK');
    t.equal(alive.size, 0);
  }
});

t.test('and its own keys a minute after the next one stands, or after 30 minutes', async (t) => {
  const world = recorded();
  const { alice, forAlice, forBob, network } = world;
  const living = () => [forAlice, forBob].map(({ sessionKeys }) => sessionKeys.size);
  MEETINGS.XX(world);
  talk(world, 'first');
  t.strictSame(living(), [2, 2], 'one for each direction');
  renew(world);
  talk(world, 'second');
  t.strictSame(living(), [4, 4]);
  network.pass(MINUTE);
  t.strictSame(living(), [2, 2]);
  network.pass(29 * MINUTE, MINUTE);
  t.strictSame(living(), [0, 0]);
  t.equal(alice.sessions.standing(1, 30 * MINUTE), 'none');
});
