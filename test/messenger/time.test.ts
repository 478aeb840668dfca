/**
 * Goal: sessions renew by themselves while messages flow both ways over a bad wire, and nothing is
 * lost; clocks that jump by years, forth or back, cost nothing either.
 * Method: two messengers on real stores whose clocks the test moves; a wire that loses and repeats
 * by a seed; sessions are counted by the receiver indices that passed on it.
 */
import t, { type Test } from 'tap';
import type { Clock } from '../../src/messenger/index.ts';
import { decodeBundle, decodePacket, PEER_LIMITS } from '../../src/protocol/index.ts';
import { rounds } from '../support/counts.ts';
import { Random } from '../support/random.ts';
import { pairedPeers, readTexts, realClock, type Side, text, until, type Wire } from './support.ts';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

/** Shows what the test sets; waits as long as any clock does. */
class MovedClock implements Clock {
  /** Added to the wall clock, and to the monotonic one. */
  wall_ms = 0;
  monotonicBy_ms = 0;

  now(): Date {
    return new Date(Date.now() + this.wall_ms);
  }

  monotonic_ms(): number {
    return performance.now() + this.monotonicBy_ms;
  }

  after = realClock.after;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return realClock.sleep(ms, signal);
  }
}

/** One exchange in eight comes to nothing, on either way, or arrives twice. */
function spoil(t: Test, wire: Wire): void {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = new Random(seed);
  const fates = ['lose_request', 'lose_reply', 'twice'] as const;
  wire.harm = () => (random.once(8) ? (random.pick(fates) ?? 'pass') : 'pass');
}

/** How many sessions TRANSPORT packets have named; each has two indices. */
function sessionsSeen(wire: Wire): number {
  const packets = wire.seen.flatMap((bundle) => decodeBundle(bundle)).map(decodePacket);
  const indices = packets.flatMap((packet) => (packet.type === 'TRANSPORT' ? [packet.index] : []));
  return new Set(indices).size / 2;
}

async function send({ messenger }: Side, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((each) => messenger.sendMessage(text(each))));
}

function nothingQueued(...sides: readonly Side[]): Promise<void> {
  const empty = ({ messenger }: Side) =>
    messenger.show().contacts.every(({ queued }) => queued.messages === 0);
  return until(() => sides.every(empty));
}

function assertArrived(t: Test, side: Side, texts: readonly string[]): void {
  t.strictSame(readTexts(side).sort(), [...texts].sort(), `each once at ${side.name}`);
}

t.test('sessions renew by age while messages flow both ways', async (t) => {
  const clock = new MovedClock();
  const { wire, alice, bob } = await pairedPeers(t, { clock });
  spoil(t, wire);
  const steps = rounds({ reduced: 30, full: 300 });
  const sent: { toBob: string[]; toAlice: string[] } = { toBob: [], toAlice: [] };
  for (let step = 0; step < steps; step += 1) {
    clock.monotonicBy_ms += 3 * MINUTE_MS;
    const texts = [0, 1, 2].map((index) => `${step}.${index}`);
    await Promise.all([send(alice, texts), send(bob, texts)]);
    sent.toBob.push(...texts);
    sent.toAlice.push(...texts);
    if (step % 2 === 0) await nothingQueued(alice, bob);
  }
  await nothingQueued(alice, bob);
  assertArrived(t, bob, sent.toBob);
  assertArrived(t, alice, sent.toAlice);
  const sessions = sessionsSeen(wire);
  // Ten minutes each, looked at every three. Without renewal they would be left after twenty.
  t.ok(sessions >= (steps * 3) / 15, `${sessions} sessions in ${steps * 3} minutes`);
});

t.test('sessions renew by count while messages flow both ways', async (t) => {
  const sessionLimits = { ...PEER_LIMITS, renewAfterPackets: 8n };
  const { wire, alice, bob } = await pairedPeers(t, { sessionLimits });
  spoil(t, wire);
  const texts: string[] = [];
  for (let step = 0; step < rounds({ reduced: 60, full: 600 }); step += 1) {
    const some = [0, 1, 2, 3].map((index) => `${step}.${index}`);
    texts.push(...some);
    await Promise.all([send(alice, some), send(bob, some)]);
    if (step % 3 === 0) await nothingQueued(alice, bob);
  }
  await nothingQueued(alice, bob);
  assertArrived(t, bob, texts);
  assertArrived(t, alice, texts);
  t.ok(sessionsSeen(wire) >= 4, `${sessionsSeen(wire)} sessions`);
});

t.test('a wall clock may jump by years', async (t) => {
  const clock = new MovedClock();
  const { alice, bob } = await pairedPeers(t, { clock });
  const texts: string[] = [];
  for (const years of [30, -60, 0, 5, -1, 900]) {
    clock.wall_ms = years * YEAR_MS;
    texts.push(`sent at ${years}`);
    await send(alice, [`sent at ${years}`]);
    await nothingQueued(alice);
  }
  const opened = bob.messenger.decryptMessages({});
  t.strictSame(
    opened.map(({ content }) => content.type === 'text' && content.text),
    texts,
    'in order of arrival, not of date',
  );
  t.ok(opened.every(({ at }) => !Number.isNaN(at.getTime())));
});

t.test('a machine that slept for years meets again by itself', async (t) => {
  const clock = new MovedClock();
  const { wire, alice, bob } = await pairedPeers(t, { clock });
  await send(alice, ['before']);
  await nothingQueued(alice);
  clock.monotonicBy_ms += 3 * YEAR_MS;
  clock.wall_ms += 3 * YEAR_MS;
  await Promise.all([send(alice, ['after']), send(bob, ['good morning'])]);
  await nothingQueued(alice, bob);
  assertArrived(t, bob, ['before', 'after']);
  assertArrived(t, alice, ['good morning']);
  t.ok(sessionsSeen(wire) >= 2, 'on another session');
});
