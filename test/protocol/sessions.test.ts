/**
 * Goal: a packet is read on the session it was sealed for, once; sessions replace one another only
 * as PROTOCOL §5 rule 6 and §6 say, grow old, and are wiped.
 * Method: two friends, and a clock that the test moves.
 */
import t from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import {
  decodePacket,
  LocalProtocolError,
  PEER_LIMITS,
  RemoteProtocolError,
  type Sessions,
} from '../../src/protocol/index.ts';
import { friends, NOTHING, packetsOf, THEIRS } from '../support/pure-pairs.ts';
import { agree, type PurePeer } from '../support/pure-peer.ts';

const MINUTE = 60_000;

/** What opening the packet comes to: `ok`, or why it was refused. */
function open(sessions: Sessions, packet: Uint8Array, now: number): string {
  const decoded = decodePacket(packet);
  if (decoded.type !== 'TRANSPORT') throw new Error(`${decoded.type} instead of TRANSPORT`);
  try {
    sessions.open(decoded, now);
    return 'ok';
  } catch (cause) {
    if (cause instanceof RemoteProtocolError) return cause.reason;
    throw cause;
  }
}

/** KK1 of a peer that has lost its sessions, so that each is another one. */
function freshReunion(peer: PurePeer, now = 0): Uint8Array {
  peer.restart();
  return packetsOf(peer.trigger(1, now))[0] ?? NOTHING;
}

t.test('a packet is read once, in any order, within the window', async (t) => {
  const { alice, bob } = friends();
  const packets = Array.from({ length: 1_100 }, () => alice.sessions.seal(1, [], 0));
  const [first = NOTHING, second = NOTHING] = packets;
  const last = packets.at(-1) ?? NOTHING;
  t.equal(open(bob.sessions, second, 0), 'ok');
  t.equal(open(bob.sessions, first, 0), 'ok');
  t.equal(open(bob.sessions, second, 0), 'replayed');
  t.equal(open(bob.sessions, last, 0), 'ok');
  t.equal(open(bob.sessions, packets[2] ?? NOTHING, 0), 'replayed', 'too old to tell');
  t.equal(open(bob.sessions, packets[900] ?? NOTHING, 0), 'ok');
});

t.test('no two packets have the same counter', async (t) => {
  const { alice } = friends();
  const headers = Array.from({ length: 500 }, () => {
    const packet = alice.sessions.seal(1, [], 0);
    return Buffer.from(packet.subarray(0, 16)).toString('hex');
  });
  t.equal(new Set(headers).size, headers.length);
});

t.test('the session before the current one receives for 60 s, and then is gone', async (t) => {
  const { alice, bob, network } = friends();
  const early = [alice.sessions.seal(1, [], 0), alice.sessions.seal(1, [], 0)];
  network.post(bob, bob.trigger(1, 0));
  network.settle();
  t.equal(open(bob.sessions, early[0] ?? NOTHING, 59_999), 'ok');
  t.equal(open(bob.sessions, early[1] ?? NOTHING, 60_000), 'unknown_session');
  bob.sessions.tick(60_000);
  t.equal(open(bob.sessions, early[1] ?? NOTHING, 0), 'unknown_session', 'wiped');
});

t.test('there are at most four unconfirmed sessions, and the oldest gives way', async (t) => {
  const { alice, bob } = friends();
  const indices = [0, 1, 2, 3, 4].map((life) => {
    const now = 10_000 + life * 1_000;
    const [effect] = bob.judge(freshReunion(alice), THEIRS, now);
    if (effect?.kind !== 'answer') throw new Error('KK1 was not answered');
    return remoteIndexIn(alice, effect.packet, now);
  });
  const places = indices.map((index) => bob.sessions.placeOf(index));
  t.strictSame(places, ['none', 'next', 'next', 'next', 'next']);
});

/** The index that KK2 gives; alice, who reads it, has the session then. */
function remoteIndexIn(alice: PurePeer, packet: Uint8Array, now: number): number {
  alice.receive(packet, { exchange: 'mine', contact: 1 }, now);
  const sealed = decodePacket(alice.sessions.seal(1, [], now));
  return sealed.type === 'TRANSPORT' ? sealed.index : 0;
}

t.test('a promotion drops older unconfirmed sessions and keeps newer ones', async (t) => {
  const { alice, bob } = friends();
  const made = [0, 1, 2].map((life) => {
    const now = 10_000 + life * 1_000;
    const [effect] = bob.judge(freshReunion(alice), THEIRS, now);
    if (effect?.kind !== 'answer') throw new Error('KK1 was not answered');
    const index = remoteIndexIn(alice, effect.packet, now);
    return { index, packet: alice.sessions.seal(1, [], now) };
  });
  t.equal(open(bob.sessions, made[1]?.packet ?? NOTHING, 13_000), 'ok');
  const places = made.map(({ index }) => bob.sessions.placeOf(index));
  t.strictSame(places, ['none', 'current', 'next']);
});

t.test(
  'the initiator renews after 9 to 10 minutes, the other at 15; both stop at 20',
  async (t) => {
    const { alice, bob } = friends();
    // Alice has sent XX1.
    t.equal(alice.sessions.standing(1, 9 * MINUTE - 1), 'current');
    t.equal(alice.sessions.standing(1, 10 * MINUTE), 'to_be_renewed');
    t.equal(bob.sessions.standing(1, 15 * MINUTE - 1), 'current');
    t.equal(bob.sessions.standing(1, 15 * MINUTE), 'to_be_renewed');
    for (const { sessions } of [alice, bob]) {
      t.equal(sessions.standing(1, 20 * MINUTE - 1), 'to_be_renewed');
      t.equal(sessions.standing(1, 20 * MINUTE), 'expired');
      t.throws(() => sessions.seal(1, [], 20 * MINUTE), LocalProtocolError);
    }
  },
);

t.test('packets count in either direction', async (t) => {
  const limits = { ...PEER_LIMITS, renewAfterPackets: 8n };
  const { alice, bob } = friends(1, { limits });
  const standings = Array.from({ length: 18 }, () => {
    if (alice.sessions.standing(1, 0) !== 'expired') {
      open(bob.sessions, alice.sessions.seal(1, [], 0), 0);
    }
    return [alice.sessions.standing(1, 0), bob.sessions.standing(1, 0)];
  });
  // One packet each went to confirm the session.
  const count = (side: 0 | 1, what: string) =>
    standings.filter((each) => each[side] === what).length;
  t.equal(count(0, 'current'), 6, 'the initiator renews at 8');
  t.equal(count(1, 'current'), 10, 'the other at 12');
  t.equal(
    standings.findIndex(([own]) => own === 'expired'),
    14,
    'and nothing is sent past 16',
  );
});

t.test('renewal is spread over the last tenth of the time', async (t) => {
  const times = new Set<number>();
  for (let seed = 0; seed < 20; seed += 1) {
    const { alice } = friends(seed);
    let now = 9 * MINUTE;
    while (alice.sessions.standing(1, now) === 'current') now += 1_000;
    t.ok(now <= 10 * MINUTE);
    times.add(now);
  }
  t.ok(times.size > 10, `${times.size} different times`);
});

t.test('30 minutes after its promotion nothing of a session is left', async (t) => {
  const { alice, bob } = friends();
  const packet = alice.sessions.seal(1, [], 0);
  t.equal(bob.sessions.standing(1, 30 * MINUTE), 'none');
  t.equal(open(bob.sessions, packet, 30 * MINUTE), 'unknown_session');
  bob.sessions.tick(30 * MINUTE);
  t.equal(bob.sessions.nextTick(), undefined);
  t.equal(bob.sessions.currentIndex(1), undefined);
});

t.test(
  'where the pin cannot be stored, nothing is promoted; the next packet does it',
  async (t) => {
    const { alice, bob, network } = friends();
    bob.restart();
    network.post(alice, alice.trigger(1, 0));
    network.deliver();
    network.deliver();
    bob.book.isFull = true;
    t.throws(() => network.settle(), /disk full/);
    t.equal(bob.sessions.standing(1, 0), 'none');
    bob.book.isFull = false;
    t.equal(open(bob.sessions, alice.sessions.seal(1, [], 0), 0), 'ok');
    t.ok(agree(alice, bob, 0));
  },
);

t.test('a key that was pinned for somebody else meanwhile is not promoted', async (t) => {
  const { alice, bob, network } = friends();
  bob.restart();
  network.post(alice, alice.trigger(1, 0));
  network.deliver();
  network.deliver();
  const other = openssl.generateKeyPair((size) => new Uint8Array(size).fill(9)).publicKey;
  bob.book.change(1, { publicKey: other });
  t.equal(open(bob.sessions, alice.sessions.seal(1, [], 0), 0), 'refused');
  t.equal(bob.sessions.standing(1, 0), 'none');
});

t.test('what was forgotten can neither send nor receive', async (t) => {
  const { alice, bob } = friends();
  const packet = alice.sessions.seal(1, [], 0);
  bob.sessions.forget(1);
  t.equal(open(bob.sessions, packet, 0), 'unknown_session');
  t.throws(() => bob.sessions.seal(1, [], 0), LocalProtocolError);
});
