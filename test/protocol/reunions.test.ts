/**
 * Goal: pinned contacts meet again without people, PROTOCOL §6, and nobody else costs them more
 * than an HMAC.
 * Method: two friends on a network that the test holds in its hand.
 */
import t from 'tap';
import { type CryptoProvider, type Hash, type KeyPair, openssl } from '../../src/crypto/index.ts';
import { friends, NOTHING, packetsOf, strangers, THEIRS } from '../support/pure-pairs.ts';
import { agree, PurePeer } from '../support/pure-peer.ts';
import { Random } from '../support/random.ts';

function typesOf(packets: readonly Uint8Array[]): readonly (number | undefined)[] {
  return packets.map(([type]) => type);
}

/** KK1 of a peer that has lost its sessions, so that each is another one. */
function freshOpening(peer: PurePeer): Uint8Array {
  peer.restart();
  return packetsOf(peer.trigger(1, 0))[0] ?? NOTHING;
}

t.test(
  'crossed: the smaller e stays initiator, and only the larger one is not answered',
  async (t) => {
    for (let seed = 0; seed < 10; seed += 1) {
      const { alice, bob, network } = friends(seed);
      const [[one = NOTHING], [other = NOTHING]] = [
        packetsOf(alice.trigger(1, 0)),
        packetsOf(bob.trigger(1, 0)),
      ];
      const aliceIsSmaller = Buffer.compare(one.subarray(8, 40), other.subarray(8, 40)) < 0;
      const [winner, loser] = aliceIsSmaller ? [alice, bob] : [bob, alice];
      const [small, large] = aliceIsSmaller ? [one, other] : [other, one];
      t.strictSame(packetsOf(winner.receive(large, THEIRS, 0)), [small], 'KK1 again');
      const answers = packetsOf(loser.receive(small, THEIRS, 0));
      t.strictSame(typesOf(answers), [8]);
      t.ok(loser.reunions.isOut(1, 0), 'its own stays out');
      network.post(
        loser,
        winner.receive(answers[0] ?? NOTHING, { exchange: 'mine', contact: 1 }, 0),
      );
      network.settle();
      t.ok(agree(alice, bob, 0));
    }
  },
);

t.test('the identical KK1 gets the identical KK2', async (t) => {
  const { alice, bob } = friends();
  const opening = freshOpening(alice);
  const [answer] = packetsOf(bob.receive(opening, THEIRS, 0));
  t.strictSame(packetsOf(bob.receive(opening, THEIRS, 1)), [answer]);
});

t.test('eight KK1 at once are read, and then two a second', async (t) => {
  const { alice, bob } = friends();
  const read = (now: number) => {
    const [reply] = bob.receive(freshOpening(alice), THEIRS, now);
    return reply?.kind === 'status' ? reply.code : reply?.kind;
  };
  const burst = Array.from({ length: 10 }, () => read(0));
  t.strictSame(burst, [...Array(8).fill('reply'), 'busy', 'busy']);
  t.strictSame([read(1_000), read(1_000), read(1_000)], ['reply', 'reply', 'busy']);
});

t.test('while a meeting is open KK1 is busy, and none is sent', async (t) => {
  const { alice, bob, network } = friends();
  network.post(alice, alice.trigger(1, 0, true));
  network.settle();
  const out = packetsOf(bob.trigger(1, 0));
  bob.trigger(1, 0, true);
  t.equal(out[0]?.[0], 7);
  t.notOk(bob.reunions.isOut(1, 0), 'it yields to what a person wants');
  t.strictSame(bob.trigger(1, 0), []);
  const opening = freshOpening(alice);
  t.strictSame(bob.receive(opening, THEIRS, 0), [{ kind: 'status', code: 'busy', about: opening }]);
});

t.test('a contact that has forgotten us says so, and no session ends by it', async (t) => {
  const { alice, bob, network } = friends();
  bob.book.change(1, { publicKey: undefined });
  network.post(alice, alice.trigger(1, 0));
  network.settle();
  t.strictSame(alice.failures, ['forgotten']);
  t.equal(alice.sessions.standing(1, 0), 'current');
  t.strictSame(bob.refusals, ['unknown_session']);
});

t.test('a stranger does not pass the gate', async (t) => {
  const { alice, bob } = friends();
  const opening = freshOpening(alice);
  opening[opening.length - 1] = 1 + (opening.at(-1) ?? 0);
  t.strictSame(bob.receive(opening, THEIRS, 0), [
    { kind: 'status', code: 'unknown', about: opening },
  ]);
  const carol = new PurePeer('carol', new Random(4));
  carol.book.add('bob', bob.address, bob.self.staticKeys.publicKey);
  bob.receive(freshOpening(carol), THEIRS, 0);
  t.strictSame(bob.refusals, ['unauthenticated', 'unknown_session']);
});

t.test('hints that collide, contacts that come later, and pins that go', async (t) => {
  const crypto: CryptoProvider = {
    ...openssl,
    // Every hint is the same; gates still differ behind it.
    hmac: (key, ...parts) => openssl.hmac(key, ...parts).fill(0, 0, 4) as Hash,
  };
  const bob = new PurePeer('bob', new Random(1), { crypto });
  const meet = (name: string, seed: number) => {
    const peer = new PurePeer(name, new Random(seed), { crypto });
    peer.book.add('bob', bob.address, bob.self.staticKeys.publicKey);
    return { peer, id: bob.book.add(name, peer.address, peer.self.staticKeys.publicKey) };
  };
  const answers = (peer: PurePeer) =>
    bob.receive(freshOpening(peer), THEIRS, 0).map(({ kind }) => kind);
  const [alice, carol] = [meet('alice', 2), meet('carol', 3)];
  t.strictSame(answers(carol.peer), ['reply']);
  t.strictSame(answers(alice.peer), ['reply']);
  const later = meet('dave', 4);
  t.strictSame(answers(later.peer), ['reply'], 'not among those who had this hint before');
  bob.book.change(alice.id, { publicKey: undefined });
  t.strictSame(answers(alice.peer), ['status']);
  const anew = new PurePeer('alice', new Random(5), { crypto });
  anew.book.add('bob', bob.address, bob.self.staticKeys.publicKey);
  bob.book.change(alice.id, { publicKey: anew.self.staticKeys.publicKey });
  t.strictSame(answers(anew), ['reply'], 'by the new key');
  t.strictSame(answers(alice.peer), ['status'], 'and not by the old one');
});

/** OpenSSL's suite, and how often it has multiplied. */
function counting() {
  const count = { made: 0, multiplied: 0 };
  const counted = (keys: KeyPair): KeyPair => ({
    publicKey: keys.publicKey,
    wipe: () => keys.wipe(),
    dh(publicKey) {
      count.multiplied += 1;
      return keys.dh(publicKey);
    },
  });
  const crypto: CryptoProvider = {
    ...openssl,
    generateKeyPair(random) {
      count.made += 1;
      return counted(openssl.generateKeyPair(random));
    },
  };
  return { crypto, count };
}

/** Bob, whose multiplications are counted, and alice; both are pinned. */
function countedFriends() {
  const { crypto, count } = counting();
  const bob = new PurePeer('bob', new Random(1), { crypto });
  const alice = new PurePeer('alice', new Random(2));
  alice.book.add('bob', bob.address, bob.self.staticKeys.publicKey);
  bob.book.add('alice', alice.address, alice.self.staticKeys.publicKey);
  return { alice, bob, count };
}

t.test('to be met again takes five X25519 after a start, and four from then on', async (t) => {
  const { alice, bob, count } = countedFriends();
  for (const expected of [4, 3]) {
    const opening = freshOpening(alice);
    Object.assign(count, { made: 0, multiplied: 0 });
    t.strictSame(typesOf(packetsOf(bob.receive(opening, THEIRS, 0))), [8]);
    t.strictSame(count, { made: 1, multiplied: expected });
  }
});

t.test('what a stranger sends takes none, whatever it is', async (t) => {
  const { alice, bob, count } = countedFriends();
  const reunion = freshOpening(alice);
  bob.receive(reunion, THEIRS, 0);
  const carol = new PurePeer('carol', new Random(3));
  carol.book.add('bob', bob.address);
  const [meeting = NOTHING] = packetsOf(carol.trigger(1, 0));
  const random = new Random(4);
  /** Another one of the same form. */
  const another = (packet: Uint8Array, from: number, to: number) => {
    const changed = packet.slice();
    changed.set(random.bytes(to - from - 1), from);
    return changed;
  };
  Object.assign(count, { made: 0, multiplied: 0 });
  const codes = new Set<unknown>();
  for (let round = 0; round < 20; round += 1) {
    const now = round * 10_000;
    bob.receive(another(meeting, 4, 36), THEIRS, now);
    const hints = [another(reunion, 4, 8), another(reunion, 8, 40)];
    const others = [2, 3, 4, 5, 6, 8, 10].map((type) =>
      Uint8Array.of(type, 0, 0, 0, ...random.bytes(236)),
    );
    for (const packet of [...hints, ...others]) {
      for (const parcel of bob.receive(packet, THEIRS, now)) codes.add(parcel.kind);
    }
  }
  t.strictSame(count, { made: 0, multiplied: 0 });
  t.strictSame([...codes], ['status'], 'and is answered by hints');
  t.equal(bob.meetings.waiting(190_000).length, 4, 'XX1 waits for a person');
  t.ok(bob.refusals.filter((reason) => reason === 'unauthenticated').length >= 20, 'gates');
});

t.test('KK1 is repeated for 60 s, and then a fresh one is made', async (t) => {
  const { alice } = friends();
  const first = packetsOf(alice.trigger(1, 0));
  const times: number[] = [];
  for (let now = 0; now <= 61_000; now += 500) {
    for (const packet of packetsOf(alice.tick(now))) {
      t.strictSame(packet, first[0]);
      times.push(now);
    }
  }
  t.strictSame(times, [1_000, 3_000, 7_000, 15_000, 31_000]);
  t.strictSame(alice.failures, ['unanswered']);
  t.notSame(packetsOf(alice.trigger(1, 61_000)), first);
});

t.test('where the pin cannot be stored KK2 leaves no trace, and may come again', async (t) => {
  const { alice, bob, network } = friends();
  network.post(alice, alice.trigger(1, 0));
  network.deliver();
  const [reply] = network.underWay;
  if (reply?.kind !== 'reply') throw new Error('no KK2');
  const via = { exchange: 'mine', contact: 1 } as const;
  alice.book.isFull = true;
  t.throws(() => alice.receive(reply.packet, via, 0), /disk full/);
  t.ok(alice.reunions.isOut(1, 0));
  alice.book.isFull = false;
  network.post(alice, alice.receive(reply.packet, via, 0));
  network.settle();
  t.equal(alice.promotions.length, 2);
  t.ok(agree(alice, bob, 0));
});

t.test('a contact without an address waits to be called', async (t) => {
  const { alice, bob } = friends();
  alice.book.change(1, { address: undefined });
  t.strictSame(alice.trigger(1, 0), []);
  t.strictSame(alice.failures, ['cannot_be_called']);
  t.equal(typesOf(packetsOf(alice.receive(freshOpening(bob), THEIRS, 0)))[0], 8);
});

t.test('without a pin there is no KK1: the pin may have been removed just now', async (t) => {
  const { alice, toBob } = strangers();
  t.strictSame(alice.reunions.start(toBob, 0), []);
  t.strictSame(alice.reunions.start(99, 0), []);
});
