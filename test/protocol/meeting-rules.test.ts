/**
 * Goal: each rule of PROTOCOL §5 holds by itself.
 * Method: two pure peers, on a network that the test holds in its hand; a test for each rule, which
 * fails when that rule is left out.
 */
import t from 'tap';
import type { Network } from '../support/pure-network.ts';
import { friends, NOTHING, packetsOf, strangers, THEIRS } from '../support/pure-pairs.ts';
import { agree, type PurePeer } from '../support/pure-peer.ts';

/** What lies on the line, by packet type, e.g. `XX1 > bob`. */
function onTheLine({ underWay }: Network): readonly string[] {
  return underWay.map((each) => {
    const what = 'packet' in each ? NAMES[each.packet[0] ?? 0] : each.code;
    return each.kind === 'success' ? 'success' : `${what} > ${each.to.self.introduce().name}`;
  });
}

const NAMES = [
  '',
  'XX1',
  'XX2',
  'XX3',
  'PSK1',
  'PSK2',
  'PSK3',
  'KK1',
  'KK2',
  'LETTER',
  'TRANSPORT',
];

/** Takes the packet off the line whose name stands first there. */
function takeNext(network: Network): Uint8Array {
  const [delivery] = network.underWay.splice(0, 1);
  if (delivery === undefined || !('packet' in delivery)) throw new Error('no packet under way');
  return delivery.packet;
}

t.test(
  'rule 1: a trigger answers a kept XX1, and a repeated trigger repeats the bytes',
  async (t) => {
    const { alice, bob, network, toBob, toAlice } = strangers();
    const [first, again] = [alice.trigger(toBob, 0), alice.trigger(toBob, 1)];
    t.strictSame(first, again, 'XX1');
    network.post(alice, first);
    network.settle();
    const answers = [bob.trigger(toAlice, 2), bob.trigger(toAlice, 3)];
    t.strictSame(answers[0], answers[1], 'XX2');
    network.post(bob, answers[0] ?? []);
    t.strictSame(onTheLine(network), ['XX2 > alice']);
    network.deliver();
    t.strictSame(onTheLine(network), ['XX3 > bob', 'success']);
    const [closing] = alice.trigger(toBob, 4);
    t.strictSame(closing && 'packet' in closing && closing.packet, takeNext(network), 'XX3');
  },
);

t.test('rule 2: the smaller e stays initiator, and an equal one is refused', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.post(bob, bob.trigger(toAlice, 0));
  const ephemerals = [alice.meetings.ephemeral(toBob, 0), bob.meetings.ephemeral(toAlice, 0)];
  const aliceIsSmaller = Buffer.compare(ephemerals[0] ?? NOTHING, ephemerals[1] ?? NOTHING) < 0;
  const [loser, winner] = aliceIsSmaller ? ['bob', 'alice'] : ['alice', 'bob'];
  const before = [...network.underWay];
  network.deliver();
  network.deliver();
  t.strictSame(
    onTheLine(network)
      .filter((line) => line !== 'success')
      .sort(),
    [`XX1 > ${loser}`, `XX2 > ${winner}`].sort(),
  );
  const reflected = before.find(({ to }) => to.self.introduce().name === loser);
  const { refusals } = winner === 'alice' ? alice : bob;
  if (reflected?.kind === 'request') reflected.from.receive(reflected.packet, THEIRS, 0);
  t.strictSame(refusals, ['refused'], 'its own XX1 came back');
});

t.test('rule 3: another XX1 while XX2 is out gets a new XX2 at once', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  const lost = takeNext(network);
  alice.restart();
  network.post(alice, alice.trigger(toBob, 0));
  network.deliver();
  t.strictSame(onTheLine(network), ['XX2 > alice', 'success']);
  t.notSame(
    network.underWay[0] && 'packet' in network.underWay[0] && network.underWay[0].packet,
    lost,
  );
  network.settle();
  t.ok(agree(alice, bob, 0));
});

t.test('rule 4: who hears stale forgets that XX1 and triggers itself again', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  alice.restart();
  network.post(bob, bob.trigger(toAlice, 0));
  network.deliver();
  t.strictSame(onTheLine(network), ['stale > bob', 'success']);
  network.deliver();
  t.strictSame(onTheLine(network), ['success', 'XX1 > alice']);
  network.settle();
  t.equal(bob.meetings.waiting(0).length, 0);
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  t.ok(agree(alice, bob, 0));
});

t.test('rule 4: stale about XX3 lets a kept XX1 be answered, after a new trigger', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.deliver();
  bob.restart();
  const [opening = NOTHING] = packetsOf(bob.trigger(toAlice, 0));
  alice.receive(opening, THEIRS, 0);
  const [closing = NOTHING] = packetsOf(alice.trigger(toBob, 0));
  t.equal(closing[0], 3, 'XX1 may have crossed ours long ago');
  t.strictSame(bob.receive(closing, THEIRS, 0), [
    { kind: 'status', code: 'stale', about: closing },
  ]);
  t.equal(packetsOf(alice.hear('stale', closing, toBob, 0))[0]?.[0], 2, 'but it had not');
});

t.test('rule 5: identical packets get identical replies, and after a restart none', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  const wire: Uint8Array[] = [];
  network.watch = (delivery) => void ('packet' in delivery && wire.push(delivery.packet));
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.settle();
  const [xx1, xx2, xx3] = [1, 2, 3].map(
    (type) => wire.find((packet) => packet[0] === type) ?? NOTHING,
  );
  t.strictSame(packetsOf(bob.receive(xx1 ?? NOTHING, THEIRS, 5)), [xx2]);
  t.strictSame(packetsOf(alice.receive(xx2 ?? NOTHING, THEIRS, 5)), [xx3]);
  t.strictSame(
    packetsOf(bob.receive(xx3 ?? NOTHING, THEIRS, 5)).map((packet) => packet[0]),
    [10],
  );
  t.ok(agree(alice, bob, 5));
  bob.restart();
  alice.restart();
  t.strictSame(packetsOf(bob.receive(xx1 ?? NOTHING, THEIRS, 5)), []);
  t.strictSame(packetsOf(alice.receive(xx2 ?? NOTHING, THEIRS, 5)), []);
  t.strictSame(packetsOf(bob.receive(xx3 ?? NOTHING, THEIRS, 5)), []);
  t.strictSame([alice.refusals, bob.refusals], [['stale'], ['stale']]);
});

t.test('rule 5: an XX1 that has lost by rule 2 gets the same answer as long', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  const openings = [alice.trigger(toBob, 0), bob.trigger(toAlice, 0)].flatMap(packetsOf);
  const [own = NOTHING, other = NOTHING] = openings;
  const aliceIsSmaller = Buffer.compare(own.subarray(4, 36), other.subarray(4, 36)) < 0;
  const [winner, loser] = aliceIsSmaller ? [alice, bob] : [bob, alice];
  const [small, large] = aliceIsSmaller ? [own, other] : [other, own];
  t.strictSame(packetsOf(winner.receive(large, THEIRS, 0)), [small]);
  const [answer = NOTHING] = packetsOf(loser.receive(small, THEIRS, 0));
  t.equal(packetsOf(winner.receive(answer, THEIRS, 0))[0]?.[0], 3);
  // The person triggers once more: that buys attempts, and must not spend them on the past.
  winner.trigger(1, 0);
  t.strictSame(packetsOf(winner.receive(large, THEIRS, 0)), [small]);
  t.equal(network.underWay.length, 0);
});

t.test('rule 5: of XX1 that lose by the thousand only the first few are remembered', async (t) => {
  const { alice, bob, toBob, toAlice } = strangers();
  const [own = NOTHING] = packetsOf(alice.trigger(toBob, 0));
  const losing = Array.from({ length: 1_000 }, (_, at) => {
    const packet = own.slice();
    packet.set([0xff, at, at >> 8], 4);
    return packet;
  });
  const answered = () =>
    losing.filter((packet) => packetsOf(alice.receive(packet, THEIRS, 0))[0] !== undefined).length;
  t.equal(answered(), losing.length, 'while ours is out each is answered by it');
  bob.receive(own, THEIRS, 0);
  const [answer = NOTHING] = packetsOf(bob.trigger(toAlice, 0));
  t.equal(packetsOf(alice.receive(answer, THEIRS, 0))[0]?.[0], 3, 'and an honest XX2 by XX3');
  t.equal(answered(), 8);
});

t.test('rule 6: XX2 is repeated for 60 s, at growing intervals, and then given up', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  const [first] = bob.trigger(toAlice, 0);
  const times: number[] = [];
  for (let now = 0; now <= 70_000; now += 500) {
    for (const parcel of bob.tick(now)) {
      t.strictSame(parcel, first);
      times.push(now);
    }
  }
  t.strictSame(times, [1_000, 3_000, 7_000, 15_000, 31_000]);
  t.strictSame(bob.failures, ['unanswered']);
  t.equal(bob.meetings.standing(toAlice, 70_000), 'none');
  t.equal(bob.meetings.waiting(70_000).length, 1, 'XX1 is kept for the next trigger');
});

t.test('rule 6: the old session serves until the new one is confirmed', async (t) => {
  const { alice, bob, network, toBob, toAlice } = friends();
  const before = [alice.sessions.currentIndex(toBob), bob.sessions.currentIndex(toAlice)];
  network.post(alice, alice.trigger(toBob, 0, true));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0, true));
  network.deliver();
  t.equal(alice.shown.length, 2, 'alice knows the new code');
  t.ok(agree(alice, bob, 0), 'and sends on the old session');
  t.strictSame([alice.sessions.currentIndex(toBob), bob.sessions.currentIndex(toAlice)], before);
  network.deliver();
  t.not(bob.sessions.currentIndex(toAlice), before[1], 'bob promotes on XX3');
  t.equal(alice.sessions.currentIndex(toBob), before[0], 'alice has not heard of it');
  network.settle();
  t.not(alice.sessions.currentIndex(toBob), before[0]);
  t.ok(agree(alice, bob, 0));
});

t.test('rule 6: what confirms a session is sent anew until it arrives', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.deliver();
  network.deliver();
  t.strictSame(onTheLine(network), ['success', 'TRANSPORT > alice']);
  network.underWay.length = 0;
  t.equal(alice.sessions.standing(toBob, 0), 'none');
  network.pass(1_000);
  t.ok(agree(alice, bob, network.now));
  t.strictSame(bob.tick(5_000), [], 'it was heard: no more of it');
});

t.test('rule 6: an exchange of an older session does not tell of a newer one', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.deliver();
  network.deliver();
  network.underWay.length = 0;
  const newer = bob.sessions.currentIndex(toAlice) ?? 0;
  bob.sessions.delivered(toAlice, newer ^ 1);
  t.match(bob.sessions.tick(1_000), [{ kind: 'confirm', contact: toAlice }]);
  bob.sessions.delivered(toAlice, newer);
  t.strictSame(bob.sessions.tick(3_000), []);
});

t.test('rule 7: a trigger buys four XX2, then nothing until the next trigger', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  const opened = () => {
    alice.restart();
    return packetsOf(bob.receive(packetsOf(alice.trigger(toBob, 0))[0] ?? NOTHING, THEIRS, 0));
  };
  const answers = [...packetsOf(bob.trigger(toAlice, 0)), ...opened(), ...opened(), ...opened()];
  t.strictSame(
    answers.map((packet) => packet[0]),
    [2, 2, 2, 2],
  );
  t.equal(new Set(answers.map((packet) => Buffer.from(packet).toString('hex'))).size, 4);
  t.strictSame([...opened(), ...opened()], []);
  t.strictSame(
    packetsOf(bob.trigger(toAlice, 0)).map((packet) => packet[0]),
    [2],
    'the newest one',
  );
});

t.test('rule 7: once a code was shown, XX1 is kept, and another XX2 is stale', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.deliver();
  bob.restart();
  const [again] = packetsOf(bob.trigger(toAlice, 0));
  t.strictSame(alice.receive(again ?? NOTHING, THEIRS, 0), []);
  t.equal(alice.meetings.waiting(0).length, 1);
  t.equal(alice.shown.length, 1);
});

t.test('rule 7: a fresh XX1 that rule 4 sends is an attempt too', async (t) => {
  const { alice, bob, network, toBob, toAlice } = strangers();
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  const [first] = packetsOf(bob.trigger(toAlice, 0));
  const [opening] = packetsOf(bob.hear('stale', first ?? NOTHING, toAlice, 0));
  t.equal(opening?.[0], 1, 'two attempts are used up');
  t.strictSame(bob.hear('stale', opening ?? NOTHING, toAlice, 0), [], 'XX1 is never stale');
  const third = answerTo(alice, bob, toBob);
  t.equal(third[0], 2);
  t.strictSame(bob.hear('stale', third, toAlice, 0), []);
  t.strictSame(bob.failures, ['attempts_used']);
});

/** What bob answers to a fresh XX1 of alice's whose key is smaller than his own. */
function answerTo(alice: PurePeer, bob: PurePeer, toBob: number): Uint8Array {
  for (;;) {
    alice.restart();
    const [opening] = packetsOf(alice.trigger(toBob, 0));
    const [answer] = packetsOf(bob.receive(opening ?? NOTHING, THEIRS, 0));
    if (answer === undefined || answer[0] === 2) return answer ?? NOTHING;
  }
}
