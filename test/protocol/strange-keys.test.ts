/**
 * Goal: nobody gets a session under a key that is not theirs: not the peer's own key, not another
 * contact's, not a new one for a pinned contact; and not even who has stolen the peer's own
 * private key can pass for its contacts (key compromise impersonation).
 * Method: pure peers with the wrong key pairs.
 */
import t from 'tap';
import { equal, type KeyPair } from '../../src/crypto/index.ts';
import { Offer } from '../support/mallory.ts';
import { Network } from '../support/pure-network.ts';
import { friends, NOTHING, packetsOf, secretOf, strangers, THEIRS } from '../support/pure-pairs.ts';
import { agree, PurePeer } from '../support/pure-peer.ts';
import { Random } from '../support/random.ts';

/** Somebody at bob's address, with these keys. */
function impostor(keys: KeyPair, alice: PurePeer): PurePeer {
  const bob = new PurePeer('bob', new Random(666), { staticKeys: keys });
  bob.book.add('alice', alice.address);
  return bob;
}

/** Lets alice and somebody at bob's address meet by XX; who triggers first is the initiator. */
function meet(alice: PurePeer, other: PurePeer, aliceFirst: boolean): Network {
  const network = new Network([alice, other]);
  for (const peer of aliceFirst ? [alice, other] : [other, alice]) {
    network.post(peer, peer.trigger(1, 0, true));
    network.settle();
  }
  return network;
}

/** Knows alice's private key and bob's public one, and computes with whatever that gives. */
function thief(alice: PurePeer, bob: PurePeer): KeyPair {
  const own = alice.self.crypto.generateKeyPair((size) => new Random(13).bytes(size));
  const { publicKey } = bob.self.staticKeys;
  const isAlice = (key: Uint8Array) => equal(key, alice.self.staticKeys.publicKey);
  return {
    publicKey,
    dh: (key) => (isAlice(key) ? alice.self.staticKeys.dh(publicKey) : own.dh(key)),
    wipe() {},
  };
}

t.test('the initiator refuses its own key', async (t) => {
  const { alice } = strangers();
  meet(alice, impostor(alice.self.staticKeys, alice), true);
  t.strictSame(alice.failures, ['own_key']);
  t.equal(alice.book.get(1)?.publicKey, undefined);
  t.equal(alice.sessions.standing(1, 0), 'none');
});

t.test('the responder refuses its own key', async (t) => {
  const { alice, bob, toBob } = strangers();
  const keys = alice.self.staticKeys;
  const mask = { random: new Random(1), keys, victim: alice, name: 'bob', address: bob.address };
  const offer = new Offer(mask);
  alice.receive(offer.packet, THEIRS, 0);
  offer.read(packetsOf(alice.trigger(toBob, 0))[0] ?? NOTHING);
  alice.receive(offer.close(), THEIRS, 0);
  t.strictSame(alice.failures, ['own_key']);
  t.equal(alice.book.get(1)?.publicKey, undefined);
  t.equal(alice.sessions.standing(1, 0), 'none');
});

for (const aliceFirst of [true, false]) {
  const side = aliceFirst ? 'initiator' : 'responder';

  t.test(`the ${side} refuses a key that another contact holds`, async (t) => {
    const { alice } = strangers();
    const carol = new PurePeer('carol', new Random(3));
    alice.book.add('carol', carol.address, carol.self.staticKeys.publicKey);
    meet(alice, impostor(carol.self.staticKeys, alice), aliceFirst);
    t.ok(alice.failures.includes('key_of_another'));
    t.equal(alice.book.get(1)?.publicKey, undefined);
  });

  t.test(
    `the ${side} refuses another key than the pinned one, and goes on as before`,
    async (t) => {
      const { alice, bob, toBob } = friends();
      const before = alice.sessions.currentIndex(toBob);
      const pinned = alice.book.get(toBob)?.publicKey;
      const keys = bob.self.crypto.generateKeyPair((size) => new Random(14).bytes(size));
      meet(alice, impostor(keys, alice), aliceFirst);
      t.ok(alice.failures.includes('key_changed'));
      t.equal(alice.shown.length, 1, 'no code but the first');
      t.equal(alice.sessions.currentIndex(toBob), before);
      t.equal(alice.book.get(toBob)?.publicKey, pinned);
      t.ok(agree(alice, bob, 0));
    },
  );

  t.test(`the ${side} is not deceived by who has its own private key`, async (t) => {
    const { alice, bob, toBob } = friends();
    const before = alice.sessions.currentIndex(toBob);
    meet(alice, impostor(thief(alice, bob), alice), aliceFirst);
    t.ok(alice.refusals.includes('unauthenticated'));
    t.equal(alice.promotions.length, 1);
    t.equal(alice.sessions.currentIndex(toBob), before);
    t.ok(agree(alice, bob, 0));
  });
}

t.test('an initiator that refuses a key has not written XX3', async (t) => {
  const { alice, bob, toBob } = friends();
  const keys = bob.self.crypto.generateKeyPair((size) => new Random(14).bytes(size));
  const mallory = impostor(keys, alice);
  mallory.receive(packetsOf(alice.trigger(toBob, 0, true))[0] ?? NOTHING, THEIRS, 0);
  const [answer = NOTHING] = packetsOf(mallory.trigger(1, 0, true));
  t.equal(answer[0], 2);
  t.strictSame(alice.receive(answer, THEIRS, 0), [
    { kind: 'status', code: 'refused', about: answer },
  ]);
});

t.test('KK1 of a thief opens the gate, and leads nowhere', async (t) => {
  const { alice, bob, toBob } = friends();
  const mallory = impostor(thief(alice, bob), alice);
  mallory.book.change(1, { publicKey: alice.self.staticKeys.publicKey });
  const before = alice.sessions.currentIndex(toBob);
  const network = new Network([alice, mallory]);
  network.post(mallory, mallory.trigger(1, 0));
  network.settle();
  t.strictSame(mallory.refusals, ['unauthenticated'], 'KK2 needs the private key of bob');
  t.equal(alice.sessions.currentIndex(toBob), before);
  t.equal(alice.promotions.length, 1);
  t.ok(agree(alice, bob, 0));
});

t.test('KK1 to a thief is answered by nothing that alice takes', async (t) => {
  const { alice, bob, toBob } = friends();
  const mallory = impostor(thief(alice, bob), alice);
  mallory.book.change(1, { publicKey: alice.self.staticKeys.publicKey });
  const network = new Network([alice, mallory]);
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.equal(alice.promotions.length, 1);
  t.ok(alice.reunions.isOut(toBob, 0), 'still waiting for bob');
});

t.test('a pairing code makes no contact of the own key, nor changes a pin', async (t) => {
  for (const isOwn of [true, false]) {
    const { alice, bob, network, toBob } = friends();
    const keys = alice.self.crypto.generateKeyPair((size) => new Random(14).bytes(size));
    const mallory = impostor(isOwn ? bob.self.staticKeys : keys, bob);
    const line = new Network([bob, mallory]);
    bob.meetings.holdCode(secretOf(1), 600_000);
    mallory.book.change(1, { address: bob.address });
    line.post(mallory, mallory.triggerByCode(1, secretOf(1), 0));
    line.settle();
    t.equal(bob.promotions.length, isOwn ? 1 : 2, 'another key is another contact');
    t.equal(bob.book.contacts.length, isOwn ? 1 : 2);
    t.strictSame(bob.book.get(1)?.publicKey, alice.self.staticKeys.publicKey);
    t.ok(agree(alice, bob, 0));
    t.equal(network.underWay.length + toBob, 1);
  }
});
