/**
 * Goal: of the packets that make a session, each byte counts, each belongs to one moment and one
 * receiver, and what is refused leaves no trace.
 * Method: three walks (XX, XXpsk3, KK) with everything seeded. Before a packet arrives, its
 * receiver gets it with each byte changed and cut at each length; after it, once more; its sender
 * gets it back; a third peer gets it; and at each moment everybody gets all packets of another
 * walk. Then the walk has to go on with exactly the bytes of a walk that nobody disturbed.
 */
import assert from 'node:assert/strict';
import t from 'tap';
import type { Via } from '../../src/protocol/index.ts';
import type { Delivery } from '../support/pure-network.ts';
import { friends, NOTHING, packetsOf, secretOf, strangers, THEIRS } from '../support/pure-pairs.ts';
import { agree, contactOf, indexIn, PurePeer } from '../support/pure-peer.ts';
import { Random } from '../support/random.ts';

type Carrier = Delivery & { readonly packet: Uint8Array };
type Walk = ReturnType<typeof strangers>;

/** How two peers come to a session, from the triggers on. */
const WALKS = {
  XX: {
    prepare: strangers,
    go({ alice, bob, network, toBob, toAlice }: Walk) {
      network.post(alice, alice.trigger(toBob, 0));
      network.settle();
      network.post(bob, bob.trigger(toAlice, 0));
      network.settle();
    },
  },
  XXpsk3: {
    prepare: strangers,
    go({ alice, bob, network, toBob }: Walk) {
      bob.meetings.holdCode(secretOf(7), 600_000);
      network.post(alice, alice.triggerByCode(toBob, secretOf(7), 0));
      network.settle();
    },
  },
  KK: {
    prepare: friends,
    go({ alice, network, toBob }: Walk) {
      network.post(alice, alice.trigger(toBob, 0));
      network.settle();
    },
  },
} as const;

type Pattern = keyof typeof WALKS;

/** Lets a walk happen; `watch` sees each packet before it arrives. Returns what was on the wire. */
function walk(pattern: Pattern, watch: (delivery: Carrier, world: Walk) => void): Uint8Array[] {
  const { prepare, go } = WALKS[pattern];
  const world = prepare(1);
  const wire: Uint8Array[] = [];
  world.network.watch = (delivery) => {
    if (delivery.kind !== 'request' && delivery.kind !== 'reply') return;
    wire.push(delivery.packet);
    watch(delivery, world);
  };
  go(world);
  const { alice, bob } = world;
  assert(agree(alice, bob, 0), `${pattern} did not come to a session`);
  return wire;
}

function viaOf(delivery: Delivery): Via {
  return delivery.kind === 'reply' ? { exchange: 'mine', contact: delivery.contact } : THEIRS;
}

/** All that can be seen of a peer; `drawn` also shows what it began and gave up. */
function state({ sessions, meetings, reunions, book, random, shown, promotions }: PurePeer) {
  return JSON.stringify({
    contacts: book.contacts.map(({ id, name, address, publicKey }) => [
      [id, name, address, publicKey && Buffer.from(publicKey).toString('hex')],
      [sessions.standing(id, 0), sessions.currentIndex(id), sessions.nextTick()],
      [meetings.standing(id, 0), meetings.nextTick(), meetings.holdsCode(0)],
      [reunions.isOut(id, 0), reunions.nextTick()],
    ]),
    drawn: random.drawn,
    shown: shown.length,
    promotions: promotions.length,
  });
}

/** Whether a packet was refused, or kept or answered as before, and changed nothing. */
function assertNoTrace(peer: PurePeer, packet: Uint8Array, via: Via, allowed: readonly string[]) {
  const before = state(peer);
  const effects = peer.judge(packet, via, 0);
  const what = `type ${packet[0]} of ${packet.length} bytes`;
  for (const { kind } of effects) assert(allowed.includes(kind), `${what}: ${kind}`);
  assert.equal(effects.length > 0, true, `${what}: neither refused nor answered`);
  assert.equal(state(peer), before, `${what} left a trace`);
}

const REFUSED = ['refused'];

function changedAt(packet: Uint8Array, place: number): Uint8Array {
  const changed = packet.slice();
  changed[place] = (changed[place] ?? 0) ^ (1 << (place % 8));
  return changed;
}

/** XX1 is in clear: what has another form is refused, anything else is kept, as a stranger's is. */
function allowedFor(packet: Uint8Array): readonly string[] {
  return packet[0] === 1 ? [...REFUSED, 'kept'] : REFUSED;
}

for (const pattern of Object.keys(WALKS) as Pattern[]) {
  const undisturbed = walk(pattern, () => {});

  t.test(`${pattern}: no packet is taken with a byte changed, or shorter or longer`, async (t) => {
    let count = 0;
    const wire = walk(pattern, (delivery) => {
      const { to, packet } = delivery;
      for (let place = 0; place < packet.length; place += 1) {
        // XX1 is in clear, and has a test of its own.
        if (packet[0] === 1) continue;
        assertNoTrace(to, changedAt(packet, place), viaOf(delivery), REFUSED);
        count += 1;
      }
      for (let size = 0; size <= packet.length + 1; size += 1) {
        if (size === packet.length) continue;
        const cut = new Uint8Array(size);
        cut.set(packet.subarray(0, size));
        if (packet[0] !== 1) assertNoTrace(to, cut, viaOf(delivery), REFUSED);
        count += 1;
      }
    });
    t.strictSame(wire, undisturbed, `${count} changed packets changed nothing`);
  });

  t.test(`${pattern}: a packet that comes again is refused, or gets the same answer`, async (t) => {
    let last: (() => void) | undefined;
    const wire = walk(pattern, (delivery) => {
      last?.();
      const { to, packet } = delivery;
      const again = ['refused', 'answer', 'send', 'confirm', 'kept'];
      last = () => assertNoTrace(to, packet, viaOf(delivery), again);
    });
    last?.();
    t.strictSame(wire, undisturbed);
  });

  t.test(`${pattern}: its sender and a third peer refuse each packet`, async (t) => {
    const carol = new PurePeer('carol', new Random(9));
    carol.book.add('alice', 'http://alice:5000');
    carol.book.add('bob', 'http://bob:5000');
    const wire = walk(pattern, ({ to, packet }, { alice, bob }) => {
      const sender = to === alice ? bob : alice;
      const asReply = { exchange: 'mine', contact: contactOf(sender, to) } as const;
      // XX1 that its sender has forgotten is anybody's; this one it has out.
      for (const via of [THEIRS, asReply]) assertNoTrace(sender, packet, via, REFUSED);
      assertNoTrace(carol, packet, THEIRS, allowedFor(packet));
    });
    t.strictSame(wire, undisturbed);
  });

  t.test(`${pattern}: an answer that comes in an exchange with another is refused`, async (t) => {
    const wire = walk(pattern, ({ to, packet }) => {
      const isAnswer = [2, 3, 5, 8].includes(packet[0] ?? 0);
      if (isAnswer) assertNoTrace(to, packet, { exchange: 'mine', contact: 99 }, REFUSED);
    });
    t.strictSame(wire, undisturbed);
  });

  for (const other of Object.keys(WALKS) as Pattern[]) {
    t.test(
      `${pattern}: at no moment does a packet of an earlier ${other} do anything`,
      async (t) => {
        const earlier = packetsOfAnEarlier(other);
        const wire = walk(pattern, (_, { alice, bob }) => {
          for (const peer of [alice, bob]) {
            for (const packet of earlier) assertNoTrace(peer, packet, THEIRS, REFUSED);
          }
        });
        t.strictSame(wire, undisturbed);
      },
    );
  }
}

/**
 * Of the same two peers, in a life of which they remember nothing but their keys. Without XX1,
 * PSK1 and KK1, which begin something whenever they come: tests below say what becomes of it.
 */
function packetsOfAnEarlier(pattern: Pattern): readonly Uint8Array[] {
  const { prepare, go } = WALKS[pattern];
  const world = prepare(1);
  world.alice.random.bytes(1);
  world.bob.random.bytes(1);
  const wire: Uint8Array[] = [];
  world.network.watch = (delivery) => void ('packet' in delivery && wire.push(delivery.packet));
  go(world);
  return wire.filter(([type = 0]) => ![1, 4, 7].includes(type));
}

t.test('XX1 with a byte changed is refused, or leads to an XX2 that is', async (t) => {
  const [first = NOTHING] = walk('XX', () => {});
  let kept = 0;
  for (let place = 0; place < first.length; place += 1) {
    const { alice, bob, toBob, toAlice } = strangers(1);
    alice.trigger(toBob, 0);
    bob.receive(changedAt(first, place), THEIRS, 0);
    const [answer = NOTHING] = packetsOf(bob.trigger(toAlice, 0));
    if (answer[0] !== 2) continue;
    kept += 1;
    assertNoTrace(alice, answer, THEIRS, REFUSED);
  }
  t.ok(kept > 32, `${kept} of ${first.length} look like an XX1`);
});

t.test('XX1 cut at any length is malformed', async (t) => {
  const [first = NOTHING] = walk('XX', () => {});
  const { bob } = strangers(1);
  for (let size = 0; size < first.length; size += 1) {
    assertNoTrace(bob, first.subarray(0, size), THEIRS, REFUSED);
  }
  t.equal(bob.meetings.waiting(0).length, 0);
});

t.test('a replayed KK1 makes unconfirmed sessions, few, and replaces nothing', async (t) => {
  const { alice, bob, network, toBob, toAlice } = friends(1);
  const openings: Uint8Array[] = [];
  for (let life = 0; life < 7; life += 1) {
    alice.restart();
    openings.push(...packetsOf(alice.trigger(toBob, 0)));
  }
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  const before = bob.sessions.currentIndex(toAlice);
  // Slower than two a second, so that none is refused as too many.
  const answers = openings.map((packet, place) => {
    const [effect] = bob.judge(packet, THEIRS, 10_000 + place * 1_000);
    return effect?.kind === 'answer' ? indexIn(effect.packet) : 0;
  });
  t.equal(bob.sessions.currentIndex(toAlice), before);
  t.ok(agree(alice, bob, 20_000));
  t.notOk(answers.includes(0), 'each was answered');
  t.equal(bob.promotions.length, 2);
});
