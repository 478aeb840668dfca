/**
 * Goal: people who trigger in any order end with one session, one code on both sides, and a pin;
 * and every rule of PROTOCOL §5, §6 and §7 holds on its own.
 * Method: two or three pure peers on a network that a test holds in its hand.
 */
import t from 'tap';
import { friends, secretOf, strangers } from '../support/pure-pairs.ts';
import { agree, type PurePeer } from '../support/pure-peer.ts';

function codes(peer: PurePeer): readonly string[] {
  return peer.shown.map(({ comparison }) => `${comparison.code} ${comparison.keyCheck}`);
}

t.test('the old walk: XX1 is kept until the second person triggers', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.equal(bob.meetings.waiting(0)[0]?.contact, toAlice);
  t.strictSame([alice.shown, bob.shown], [[], []]);
  network.post(bob, bob.trigger(toAlice, 0));
  network.settle();
  t.equal(codes(alice).length, 1);
  t.strictSame(codes(alice), codes(bob));
  t.strictSame(alice.book.get(toBob)?.publicKey, bob.self.staticKeys.publicKey);
  t.strictSame(bob.book.get(toAlice)?.publicKey, alice.self.staticKeys.publicKey);
  t.ok(agree(alice, bob, 0));
  t.strictSame([alice.failures, bob.failures, alice.refusals, bob.refusals], [[], [], [], []]);
});

t.test('both at once: one of the two stays initiator', async (t) => {
  for (let seed = 0; seed < 20; seed += 1) {
    const { alice, bob, network, toBob, toAlice } = strangers(seed);
    network.post(alice, alice.trigger(toBob, 0));
    network.post(bob, bob.trigger(toAlice, 0));
    network.settle();
    t.equal(codes(alice).length, 1);
    t.strictSame(codes(alice), codes(bob));
    t.ok(agree(alice, bob, 0));
  }
});

t.test('a pinned contact is met again without a person on its side', async (t) => {
  const { alice, bob, network, toAlice } = friends();
  const before = alice.sessions.currentIndex(1);
  network.post(bob, bob.trigger(toAlice, 0));
  network.settle();
  t.not(alice.sessions.currentIndex(1), before);
  t.ok(agree(alice, bob, 0));
  t.equal(codes(alice).length, 1);
});

t.test('a peer that restarted is met again as soon as somebody sends', async (t) => {
  const { alice, bob, network, toBob, toAlice } = friends();
  alice.restart();
  network.post(bob, bob.sendSomething(toAlice, 0));
  network.settle();
  t.ok(agree(alice, bob, 0));
  bob.restart();
  network.post(bob, bob.sendSomething(toAlice, 0));
  network.settle();
  t.ok(agree(alice, bob, 0));
  t.equal(toBob, 1);
});

t.test('with a pairing code one trigger is enough, and both sides are verified', async (t) => {
  const { alice, bob, network, toBob } = strangers();
  const secret = secretOf(1);
  bob.meetings.holdCode(secret, 600_000);
  network.post(alice, alice.triggerByCode(toBob, secret, 0));
  network.settle();
  t.ok(agree(alice, bob, 0));
  t.ok(alice.book.verified.has(toBob) && bob.book.verified.has(1));
  t.notOk(bob.meetings.holdsCode(0), 'the code is used up');
});
