/** W, C, T: handshakes that are not what they seem: in the middle, under a false name or key. */
import assert from 'node:assert/strict';
import { type KeyPair, openssl, type PublicKey, type SharedSecret } from '../src/crypto/index.ts';
import { staticKeyOf } from '../src/identity.ts';
import { openStore } from '../src/store/index.ts';
import { silentLog } from '../test/support/http.ts';
import { type PeerProcess, until } from '../test/support/peer-process.ts';
import type { Attempt } from './attempt.ts';
import { Rogue } from './rogue.ts';
import { post, Wire } from './wire.ts';
import { asOperator, heard, refused, shown, sum, type World } from './world.ts';

const XX1 = 1;

async function contactIn(peer: PeerProcess, name: string) {
  const contacts: readonly {
    readonly name: string;
    readonly state: string;
    readonly session: string;
    readonly code?: string;
    readonly fingerprint?: string;
  }[] = (await shown(peer)).contacts;
  return contacts.find((each) => each.name === name);
}

const middle: Attempt<World> = {
  by: 'W',
  tried: 'the man in the middle of a first meeting: one session with each of two people',
  async run({ alice, bob, toAlice, toBob }) {
    const [dave, carla] = [await Rogue.open('dave'), await Rogue.open('carla')];
    try {
      await dave.meet(alice, toAlice.address);
      await carla.meet(bob, toBob.address);
      const codes = [
        (await contactIn(alice, 'dave'))?.code,
        (await contactIn(bob, 'carla'))?.code,
      ] as const;
      assert.ok(codes[0] && codes[1], 'both people are shown a code');
      assert.notEqual(codes[0], codes[1], 'and the codes are the same');
      const other = await asOperator(alice, '/verify', { to: 'dave', code: codes[1] });
      assert.equal(other.status, 409, "the other's code verifies");
      const differs = { to: 'dave', code: codes[0], differs: true };
      assert.equal((await asOperator(alice, '/verify', differs)).status, 200);
      const left = await contactIn(alice, 'dave');
      assert.equal(left?.session ?? 'none', 'none', 'the session outlives "they differ"');
      return `two codes, ${codes.join(' and ')}; the other's is 409, and "they differ" ended pin and session`;
    } finally {
      for (const rogue of [dave, carla]) rogue.close();
    }
  },
};

const byCode: Attempt<World> = {
  by: 'W',
  tried: 'the man in the middle of a pairing code: 40 PSK3 under other codes',
  async run({ alice }) {
    const { status } = await asOperator(alice, '/pair', {});
    assert.ok(status < 300, 'alice holds a code');
    const before = (await refused(alice))['unauthenticated'] ?? 0;
    for (let guess = 0; guess < 40; guess += 1) {
      const mallory = await Rogue.open(`guesser-${guess}`);
      const contact = mallory.peer.book.add('alice', alice.origin);
      const secret = mallory.peer.random.bytes(16) as Parameters<
        typeof mallory.peer.triggerByCode
      >[1];
      await mallory.carry(mallory.peer.triggerByCode(contact, secret, mallory.now));
      assert.equal(mallory.peer.sessions.standing(contact, mallory.now), 'none');
      mallory.close();
    }
    const counted = ((await refused(alice))['unauthenticated'] ?? 0) - before;
    const { contacts } = await shown(alice);
    assert.ok(!contacts.some(({ name }) => name.startsWith('guesser')), 'one became a contact');
    assert.ok(counted > 0 && counted <= 5, `${counted} guesses were answered`);
    return `${counted} of 40 guesses at 128 bits were looked at (rate and number are limited); none became a contact`;
  },
};

/** The private key of a peer, as who has stolen its disk with the key file has it. */
async function stolenKeyOf(peer: PeerProcess): Promise<KeyPair> {
  const options = {
    folder: peer.folder,
    key: 'key file',
    log: silentLog,
    crypto: openssl,
  } as const;
  const store = await openStore(options);
  const keys = openssl.importPrivateKey(staticKeyOf(store.settings));
  store.close();
  return keys;
}

const compromised: Attempt<World> = {
  by: 'T',
  tried: "key compromise impersonation: bob's own private key, to pass for alice before him",
  async run(world) {
    const { bob, alice } = world;
    const aliceKey = Buffer.from((await shown(alice)).public_key, 'hex');
    await bob.stop();
    const stolen = await stolenKeyOf(bob);
    await bob.start();
    world.toBob.target = bob.origin;
    const own = openssl.generateKeyPair((size) => crypto.getRandomValues(new Uint8Array(size)));
    const mask: KeyPair = {
      publicKey: new Uint8Array(aliceKey) as PublicKey,
      // The one secret that bob's key gives away; for all others alice's would be needed.
      dh: (key) =>
        Buffer.from(key).equals(stolen.publicKey) ? stolen.dh(mask.publicKey) : own.dh(key),
      wipe: () => undefined,
    };
    const mallory = await Rogue.open('alice', mask);
    try {
      const contact = mallory.peer.book.add('bob', bob.origin, stolen.publicKey);
      await mallory.carry(mallory.peer.trigger(contact, mallory.now));
      assert.equal(
        mallory.peer.sessions.standing(contact, mallory.now),
        'none',
        'she has a session',
      );
      assert.ok(mallory.peer.refusals.includes('unauthenticated'), 'she could not read KK2');
      return 'KK1 passes (its keys are those two), KK2 cannot be read without her key: no session, nothing delivered';
    } finally {
      mallory.close();
    }
  },
};

const sharedKey: Attempt<World> = {
  by: 'W',
  tried: "unknown key share: alice is to take bob for 'mirror', by relaying every packet",
  async run({ alice, bob }) {
    const mirror = await Wire.open();
    mirror.target = bob.origin;
    try {
      const before = (await refused(alice))['refused'] ?? 0;
      await asOperator(alice, '/send_keys', { to: 'mirror', address: mirror.address });
      await asOperator(bob, '/send_keys', { to: 'alice', again: true });
      await until('XX1 passed', () => mirror.packets().find(([type]) => type === XX1));
      await until('XX2 is refused', async () =>
        ((await refused(alice))['refused'] ?? 0) > before ? true : undefined,
      );
      const seen = await contactIn(alice, 'mirror');
      assert.notEqual(seen?.session, 'current', 'mirror has a session');
      assert.notEqual(seen?.state, 'paired', "mirror is pinned to bob's key");
      assert.ok(!seen?.fingerprint, 'mirror has a key');
      return "the key is bob's, whom alice knows already: refused, and 'mirror' is nobody";
    } finally {
      mirror.close();
    }
  },
};

const othersKey: Attempt<World> = {
  by: 'C',
  tried: "bob's public key as one's own, without the private one",
  async run({ alice, bob, toAlice }) {
    const bobKey = new Uint8Array(Buffer.from((await shown(bob)).public_key, 'hex')) as PublicKey;
    const own = openssl.generateKeyPair((size) => crypto.getRandomValues(new Uint8Array(size)));
    const mallory = await Rogue.open('parrot', {
      ...own,
      dh: (key) => own.dh(key),
      publicKey: bobKey,
    });
    try {
      const contact = mallory.peer.book.add('alice', toAlice.address);
      const to = { to: 'parrot', address: mallory.address };
      await asOperator(alice, '/send_keys', to);
      await until('XX1 came', () => mallory.received.find(([type]) => type === XX1));
      const before = (await refused(alice))['unauthenticated'] ?? 0;
      await mallory.carry(mallory.peer.trigger(contact, mallory.now));
      assert.equal((await refused(alice))['unauthenticated'], before + 1, 'XX2 was not looked at');
      assert.equal(mallory.peer.sessions.standing(contact, mallory.now), 'none');
      assert.notEqual((await contactIn(alice, 'parrot'))?.session, 'current');
      return 'XX2 does not authenticate; no session';
    } finally {
      mallory.close();
    }
  },
};

const downgrade: Attempt<World> = {
  by: 'C',
  tried: 'a handshake of another version, and of another suite, by a pinned contact',
  async run({ bob, toBob }) {
    const mallory = await Rogue.open('old-timer');
    try {
      const contact = await mallory.meet(bob, toBob.address);
      const before = (await refused(bob))['unauthenticated'] ?? 0;
      const promotions = mallory.peer.promotions.length;
      for (const prologue of ['sotto\u0000\u0001', 'sotto\u0002\u0001', 'sotto\u0001\u0002']) {
        mallory.prologue = prologue;
        await mallory.carry(mallory.peer.trigger(contact, mallory.now));
        mallory.peer.restart();
      }
      assert.equal(mallory.peer.promotions.length, promotions, 'one of them was answered');
      const counted = ((await refused(bob))['unauthenticated'] ?? 0) - before;
      assert.equal(counted, 3);
      return '3 handshakes: unauthenticated; there is nothing to negotiate';
    } finally {
      mallory.close();
    }
  },
};

const lowOrderAnswer: Attempt<World> = {
  by: 'W',
  tried: 'points of low order where they are computed with: as the ephemeral key of XX2',
  async run({ alice, toAlice }) {
    const trap = await Rogue.open('trapper');
    try {
      const contact = trap.peer.book.add('alice', toAlice.address);
      await asOperator(alice, '/send_keys', { to: 'trapper', address: trap.address });
      const xx1 = await until('XX1 came', () => trap.received.find(([type]) => type === XX1));
      const before = (await refused(alice))['unauthenticated'] ?? 0;
      for (const point of LOW_ORDER) {
        trap.ephemeral = lowOrderKeys(point);
        trap.peer.restart();
        trap.peer.receive(xx1, { exchange: 'theirs' }, trap.now);
        await trap.carry(trap.peer.trigger(contact, trap.now));
      }
      assert.equal(((await refused(alice))['unauthenticated'] ?? 0) - before, LOW_ORDER.length);
      assert.notEqual((await contactIn(alice, 'trapper'))?.session, 'current');
      return `${LOW_ORDER.length} points: refused, counted, no session`;
    } finally {
      trap.close();
    }
  },
};

const forgedAnswers: Attempt<World> = {
  by: 'W',
  tried: '12 bundles of 4,096 forged XX2 each, as who has seen the index in XX1 can make them',
  async run({ alice, toAlice }) {
    const late = await Rogue.open('latecomer');
    try {
      const contact = late.peer.book.add('alice', toAlice.address);
      await asOperator(alice, '/send_keys', { to: 'latecomer', address: late.address });
      const xx1 = await until('XX1 came', () => late.received.find(([type]) => type === XX1));
      const before = await refused(alice);
      const [BUNDLES, EACH] = [12, 4_096];
      for (let bundle = 0; bundle < BUNDLES; bundle += 1) {
        const forged = Array.from({ length: EACH }, () => forgedAnswer(xx1.subarray(36, 40)));
        assert.equal((await post(alice.origin, forged)).status, 200);
      }
      const after = await refused(alice);
      const more = (reason: string) => (after[reason] ?? 0) - (before[reason] ?? 0);
      assert.equal(more('unauthenticated'), BUNDLES, 'more than one of a bundle was read');
      assert.equal(more('busy'), BUNDLES * (EACH - 1));
      await late.carry(late.peer.trigger(contact, late.now));
      assert.equal((await contactIn(alice, 'latecomer'))?.session, 'current', 'the honest one');
      return `one of each bundle was read, ${more('busy')} were not; the honest XX2 after them was, and they have met`;
    } finally {
      late.close();
    }
  },
};

/** A key that is one, and noise. */
function forgedAnswer(index: Uint8Array): Uint8Array {
  const packet = crypto.getRandomValues(new Uint8Array(200));
  packet.set([2, 0, 0, 0, ...index]);
  packet[39] = 0;
  return packet;
}

/** Whatever is multiplied with it is zero, so that who chose it knows the secret. */
function lowOrderKeys(point: string): KeyPair {
  const publicKey = new Uint8Array(Buffer.from(point, 'hex')) as PublicKey;
  return { publicKey, dh: () => new Uint8Array(32) as SharedSecret, wipe: () => {} };
}

const LOW_ORDER: readonly string[] = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
];

const exhausted: Attempt<World> = {
  by: 'C',
  tried: 'counters at the end of their range: 2^64 − 1, 2^64 − 2, and then small ones',
  async run(world) {
    const { bob, toBob } = world;
    const mallory = await Rogue.open('counter');
    try {
      const contact = await mallory.meet(bob, toBob.address);
      const text = Uint8Array.of(...Buffer.from('010010', 'hex'), ...new Uint8Array(15), 9);
      const before = await refused(bob);
      const last = 2n ** 64n - 1n;
      for (const counter of [last, last - 1n, last - 1n, last]) {
        await post(bob.origin, [mallory.sealBytes(contact, emptyOutbox(text), true, counter)]);
      }
      await post(bob.origin, [mallory.seal(contact, [])]);
      const after = await refused(bob);
      const more = (reason: string) => (after[reason] ?? 0) - (before[reason] ?? 0);
      assert.equal(more('malformed'), 2, 'the last counter, kept by Noise');
      assert.equal(more('replayed'), 2, 'the one before, again; and what lies far behind it');
      assert.deepEqual(await heard(world), []);
      return "2^64 − 1 is malformed, 2^64 − 2 counts once; then that session takes nothing more: the contact's own loss";
    } finally {
      mallory.close();
    }
  },
};

/** OUTBOX of 16 bytes. */
function emptyOutbox(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, 19);
}

const everySize: Attempt<World> = {
  by: 'W',
  tried: 'a packet of every type that passed, cut at every length and made longer',
  async run(world) {
    const passed = [...world.toBob.packets(), ...world.toAlice.packets()];
    const samples = new Map(passed.map((packet) => [packet[0] ?? 0, packet]));
    const bent = [...samples.values()].flatMap((packet) => [
      ...Array.from(packet.keys(), (size) => packet.subarray(0, size)).slice(1),
      ...[1, 16, 1_000, 65_535 - packet.length].map((size) =>
        Buffer.concat([packet, Buffer.alloc(size)]),
      ),
    ]);
    const before = sum(await refused(world.bob));
    for (let at = 0; at < bent.length; at += 200) {
      await post(world.bob.origin, bent.slice(at, at + 200).filter(fitsBundle()));
    }
    assert.deepEqual(await heard(world), [], 'something bent was delivered');
    const counted = sum(await refused(world.bob)) - before;
    assert.ok(counted > bent.length * 0.9, `only ${counted} of ${bent.length} were counted`);
    return `${bent.length} packets of ${samples.size} types: none delivered, ${counted} counted as refused`;
  },
};

/** While there is room in 1 MiB. */
function fitsBundle(): (packet: Uint8Array) => boolean {
  let room = 1_000_000;
  return ({ length }) => {
    room -= length + 2;
    return room > 0;
  };
}

export const HANDSHAKES: readonly Attempt<World>[] = [
  middle,
  byCode,
  sharedKey,
  othersKey,
  lowOrderAnswer,
  forgedAnswers,
  downgrade,
  exhausted,
  everySize,
  compromised,
];
