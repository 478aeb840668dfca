/**
 * Goal: people who trigger in any order end with one session, one code on both sides, and a pin;
 * and every rule of PROTOCOL §5, §6 and §7 holds on its own.
 * Method: two or three pure peers on a network that a test holds in its hand.
 */
import t from 'tap';
import { friends, NOTHING, packetsOf, secretOf, strangers, THEIRS } from '../support/pure-pairs.ts';
import { agree, type Parcel, type PurePeer } from '../support/pure-peer.ts';

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

t.test('whom the code makes a contact of had none before', async (t) => {
  const { alice, bob, network, toBob } = strangers();
  bob.book.contacts.length = 0;
  bob.meetings.holdCode(secretOf(1), 600_000);
  network.post(alice, alice.triggerByCode(toBob, secretOf(1), 0));
  network.settle();
  t.strictSame(
    bob.book.contacts.map(({ name, address, publicKey }) => [name, address, publicKey]),
    [['alice', alice.address, alice.self.staticKeys.publicKey]],
  );
});

t.test(
  'who cannot be called needs a pairing code, and polls with the identical PSK1',
  async (t) => {
    const { alice, bob, network, toBob } = strangers(1, { canBeCalled: false });
    bob.book.change(1, { address: undefined });
    t.strictSame(bob.trigger(1, 0), []);
    t.strictSame(bob.failures, ['cannot_be_called']);
    bob.meetings.holdCode(secretOf(1), 600_000);
    const first = alice.triggerByCode(toBob, secretOf(1), 0);
    t.strictSame(alice.tick(1_000), first, 'the first one was lost');
    network.post(alice, alice.tick(3_000));
    network.settle();
    t.ok(agree(alice, bob, 3_000));
  },
);

t.test('each packet of a meeting by code may be lost', async (t) => {
  for (let lost = 0; lost < 4; lost += 1) {
    const { alice, bob, network, toBob } = strangers();
    bob.meetings.holdCode(secretOf(1), 600_000);
    network.post(alice, alice.triggerByCode(toBob, secretOf(1), 0));
    for (let count = 0; count < lost; count += 1) {
      while (network.underWay[0]?.kind === 'success') network.deliver();
      network.deliver();
    }
    network.underWay.length = 0;
    network.pass(10_000);
    t.ok(agree(alice, bob, network.now), `packet ${lost + 1} was lost`);
  }
});

t.test('another code does not authenticate, and does not use up the right one', async (t) => {
  const { alice, bob, network, toBob } = strangers();
  bob.meetings.holdCode(secretOf(1), 600_000);
  network.post(alice, alice.triggerByCode(toBob, secretOf(2), 0));
  network.settle();
  t.strictSame(bob.refusals, ['unauthenticated']);
  t.equal(alice.sessions.standing(toBob, 0), 'none');
  network.post(alice, alice.triggerByCode(toBob, secretOf(1), 0));
  network.settle();
  t.ok(agree(alice, bob, 0));
});

t.test('who holds a code refuses plain XX until the code is used or over', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  bob.meetings.holdCode(secretOf(1), 600_000);
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.strictSame([alice.failures, bob.refusals], [['forbidden'], ['refused']]);
  network.now = 600_000;
  t.notOk(bob.meetings.holdsCode(600_000));
  network.post(alice, alice.trigger(toBob, 600_000));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 600_000));
  network.settle();
  t.ok(agree(alice, bob, 600_000));
});

t.test('PSK1 where no code is held is refused', async (t) => {
  const { alice, bob, network, toBob } = strangers();
  network.post(alice, alice.triggerByCode(toBob, secretOf(1), 0));
  network.settle();
  t.strictSame([alice.failures, bob.refusals], [['forbidden'], ['refused']]);
});

t.test('a serial line forbids plain XX on both of its ends', async (t) => {
  const { alice, bob, network, toBob } = strangers(1, { meetings: { forbidsPlain: true } });
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.strictSame(bob.refusals, ['refused']);
  alice.book.change(toBob, { needsCode: true });
  t.strictSame(alice.trigger(toBob, 0), []);
  t.strictSame(alice.failures, ['code_needed']);
});

t.test('both hold a code and use the other one: crossed PSK1 make one session', async (t) => {
  for (let seed = 0; seed < 10; seed += 1) {
    const { alice, bob, network, toBob, toAlice } = strangers(seed);
    alice.meetings.holdCode(secretOf(1), 600_000);
    bob.meetings.holdCode(secretOf(2), 600_000);
    network.post(alice, alice.triggerByCode(toBob, secretOf(2), 0));
    network.post(bob, bob.triggerByCode(toAlice, secretOf(1), 0));
    network.settle();
    t.ok(agree(alice, bob, 0));
    t.strictSame([alice.promotions.length, bob.promotions.length], [1, 1]);
  }
});

t.test('XX1 is matched by address, by name, or to the only meeting there is', async (t) => {
  const { alice, bob, toBob, toAlice } = strangers();
  const [opening = NOTHING] = packetsOf(alice.trigger(toBob, 0));
  const toCarol = bob.book.add('carol', 'http://carol:5000');
  bob.receive(opening, THEIRS, 0);
  t.equal(bob.meetings.waiting(0)[0]?.contact, toAlice, 'by address');
  bob.book.change(toAlice, { address: 'http://127.0.0.1:5000' });
  t.equal(bob.meetings.waiting(0)[0]?.contact, toAlice, 'by name');
  bob.book.change(toAlice, { name: 'al' });
  t.equal(bob.meetings.waiting(0)[0]?.contact, undefined);
  t.strictSame(typesOf(bob.trigger(toCarol, 0)), [2], 'the only one: a wrong guess here');
});

t.test('XX1 of strangers: the newest four are kept, for ten minutes', async (t) => {
  const { alice, bob, toBob } = strangers();
  for (let life = 0; life < 6; life += 1) {
    alice.restart();
    bob.receive(packetsOf(alice.trigger(toBob, 0))[0] ?? NOTHING, THEIRS, life * 1_000);
  }
  t.equal(bob.meetings.waiting(10_000).length, 4);
  t.equal(bob.meetings.waiting(602_000).length, 3);
  t.equal(bob.meetings.waiting(605_000).length, 0);
});

t.test('XX1 with a key of low order is forgotten when it is to be answered', async (t) => {
  const { alice, bob, toBob, toAlice } = strangers();
  const [opening = NOTHING] = packetsOf(alice.trigger(toBob, 0));
  opening.fill(0, 4, 36);
  bob.receive(opening, THEIRS, 0);
  t.equal(bob.meetings.waiting(0).length, 1);
  t.strictSame(typesOf(bob.trigger(toAlice, 0)), [1], 'as if it had not been there');
  t.equal(bob.meetings.waiting(0).length, 0);
});

t.test('where the pin cannot be stored XX3 leaves no trace, and may come again', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  bob.book.isFull = true;
  t.throws(() => network.settle(), /disk full/);
  t.strictSame([bob.shown, bob.promotions], [[], []]);
  t.equal(bob.sessions.standing(toAlice, 0), 'none');
  bob.book.isFull = false;
  network.pass(2_000);
  t.ok(agree(alice, bob, network.now), 'by the next XX2');
});

t.test('a contact that was removed while its exchange was under way does no harm', async (t) => {
  const { alice, bob, toBob } = strangers();
  const [opening = NOTHING] = packetsOf(alice.trigger(toBob, 0));
  const effects = bob.judge(opening, { exchange: 'mine', contact: 99 }, 0);
  t.strictSame(effects, [{ kind: 'kept' }]);
});

function typesOf(parcels: readonly Parcel[]): readonly (number | undefined)[] {
  return packetsOf(parcels).map(([type]) => type);
}

t.test('whoever has another code repeats in vain, and uses the code up by its fifth', async (t) => {
  const { alice, bob, toBob } = strangers();
  bob.meetings.holdCode(secretOf(1), 600_000);
  for (let handshake = 1; handshake <= 5; handshake += 1) {
    alice.meetings.forget(toBob);
    const now = handshake * 1_000;
    const [first] = alice.triggerByCode(toBob, secretOf(2), now);
    if (first?.kind !== 'request') throw new Error('PSK1 is a request');
    const [second] = bob.receive(first.packet, { exchange: 'theirs' }, now);
    if (second?.kind !== 'reply') throw new Error('PSK2 rides back');
    const [third] = alice.receive(second.packet, { exchange: 'mine', contact: toBob }, now);
    if (third?.kind !== 'request') throw new Error('PSK3 is a request');
    for (let time = 0; time < 6; time += 1) {
      bob.receive(third.packet, { exchange: 'theirs' }, now);
    }
    t.equal(bob.meetings.holdsCode(now), handshake < 5, `handshake ${handshake}`);
  }
});

t.test('a meeting that became a session stays over when that session is replaced', async (t) => {
  const { alice, bob, network, toBob, toAlice } = friends();
  network.post(bob, bob.trigger(toAlice, 0));
  network.settle();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.equal(alice.meetings.standing(toBob, 0), 'none');
  t.equal(bob.meetings.standing(toAlice, 0), 'none');
  t.ok(agree(alice, bob, 0));
});
