/**
 * `npm run soak -- [SECONDS] [--seed N]`: two peers, a bad wire, and whatever can happen to a
 * process and a disk, for 60 s or so many. Then the ledger outside of them is held against what
 * arrived. A second half, as long, without kills, looks for memory and descriptors that grow.
 * Exit code 1 if something was lost, repeated, or grew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  holdingOf,
  open,
  openPair,
  type Pair,
  received,
  type Side,
  send,
  start,
  untilDrained,
} from '../soak/pair.ts';
import { Random } from '../test/support/random.ts';

const AT_ONCE = 3;
const PAUSE_MS = 400;
const EVENT_EVERY_MS = 1_500;
const FULL_MS = 1_000;
const GROWTH_MAX = 1.05;
/** So that both measurements find the same caches filled. */
const WARM_UP = 0.34;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: `${Date.now() % 2 ** 31}` } },
});
const seconds = Number(positionals[0] ?? 60);
const seed = Number(values.seed);
const random = new Random(seed);

async function main(): Promise<number> {
  console.log(`seed ${seed}, ${seconds} s of faults and ${seconds} s without kills`);
  const pair = await openPair(random);
  let wrong: string[] = [];
  try {
    await faults(pair);
    wrong = await audit(pair);
    wrong.push(...(await growth(pair)));
  } finally {
    await pair.close();
  }
  for (const each of wrong.slice(0, 20)) console.error(`WRONG  ${each}`);
  console.log(
    wrong.length === 0 ? 'nothing lost, nothing repeated, nothing grew' : `${wrong.length} wrong`,
  );
  return wrong.length === 0 ? 0 : 1;
}

/** Kills, pauses and a full disk, while both send. */
async function faults(pair: Pair): Promise<void> {
  const { alice, bob, disk } = pair;
  if (!disk.isSmall) console.log('NOT TRIED HERE: a full disk, which takes root to mount one');
  const stop = new AbortController();
  const senders = [alice, bob].map((side) => keepSending(side, 'f', stop.signal));
  const readers = [read(alice, stop.signal), read(bob, stop.signal)];
  const events = new Map<string, number>();
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const side = random.pick([alice, bob]) ?? alice;
    const event = random.pick(EVENTS) ?? kill;
    events.set(event.name, (events.get(event.name) ?? 0) + 1);
    side.up = event(side, pair);
    await side.up;
    await sleep(random.below(EVENT_EVERY_MS));
  }
  stop.abort();
  await Promise.all([...senders, ...readers]);
  console.log('events:', Object.fromEntries(events));
}

async function kill(side: Side): Promise<void> {
  await side.peer.stop('SIGKILL');
  await start(side);
}

async function restart(side: Side): Promise<void> {
  await side.peer.stop();
  await start(side);
}

/** Longer than an exchange waits, at times. */
async function pause({ peer }: Side): Promise<void> {
  process.kill(peer.pid ?? 0, 'SIGSTOP');
  await sleep(random.below(4_000));
  process.kill(peer.pid ?? 0, 'SIGCONT');
}

async function fullDisk(_: Side, { disk }: Pair): Promise<void> {
  disk.fill();
  await sleep(FULL_MS);
  disk.free();
}

const EVENTS = [kill, kill, restart, pause, fullDisk];

async function keepSending(side: Side, mark: string, stop: AbortSignal): Promise<void> {
  let sequence = 0;
  const sender = async () => {
    while (!stop.aborted) {
      sequence += 1;
      const size = random.once(20) ? 100_000 : random.below(400);
      await send(side, `${side.peer.name} ${mark}${sequence} ${'x'.repeat(size)}`);
      await sleep(random.below(PAUSE_MS));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
}

async function read(side: Side, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await open(side);
    await sleep(PAUSE_MS);
  }
}

/** With a good wire, everything that was accepted has to arrive. */
async function audit({ alice, bob }: Pair): Promise<string[]> {
  for (const { wire } of [alice, bob]) {
    console.log(
      `wire to ${wire === alice.wire ? 'alice' : 'bob'}:`,
      Object.fromEntries(wire.faults),
    );
    wire.isBad = false;
  }
  await Promise.all([untilDrained(alice), untilDrained(bob)]);
  for (const [receiver, sender] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await open(receiver);
    for (const text of await received(receiver)) sender.ledger.arrived(text);
  }
  for (const { peer, ledger } of [alice, bob]) {
    const [accepted, unknown, refused] = (['accepted', 'posted', 'refused'] as const).map((fate) =>
      ledger.count(fate),
    );
    console.log(
      `${peer.name}: ${accepted} accepted, ${unknown} without an answer, ${refused} refused, ${ledger.arrivedCount} arrived`,
    );
  }
  const counted = [alice, bob].every(({ ledger }) => ledger.count('accepted') > seconds);
  return [
    ...(counted ? [] : ['too few messages were accepted to prove anything']),
    ...[alice, bob].flatMap(({ ledger }) => ledger.audit()),
  ];
}

async function growth(pair: Pair): Promise<string[]> {
  const { alice, bob } = pair;
  const phase = async (mark: string, part: number) => {
    const stop = new AbortController();
    const work = [
      keepSending(alice, mark, stop.signal),
      keepSending(bob, mark, stop.signal),
      read(alice, stop.signal),
      read(bob, stop.signal),
    ];
    await sleep(seconds * 1_000 * part);
    stop.abort();
    await Promise.all(work);
    await Promise.all([untilDrained(alice), untilDrained(bob)]);
    return Promise.all([holdingOf(alice), holdingOf(bob)]);
  };
  const before = await phase('w', WARM_UP);
  const after = await phase('g', 1 - WARM_UP);
  return [alice, bob].flatMap(({ peer }, at) => {
    const [was, is] = [before[at], after[at]];
    if (was === undefined || is === undefined) return [`${peer.name} did not tell what it holds`];
    const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    console.log(
      `${peer.name}: ${mib(was.heap)} → ${mib(is.heap)} MiB after a collection, ${was.descriptors} → ${is.descriptors} descriptors`,
    );
    return [
      ...(is.heap > was.heap * GROWTH_MAX ? [`${peer.name}'s memory grew`] : []),
      ...(is.descriptors > was.descriptors + 2 ? [`${peer.name} leaks descriptors`] : []),
    ];
  });
}

process.exitCode = await main();
