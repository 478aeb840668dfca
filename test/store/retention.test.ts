/**
 * Goal: what is to be kept for a limited time goes when that is over, whole and at once bounded,
 * and nothing that somebody still waits for goes with it.
 * Method: a store with old and new of everything; then a real peer that is told to forget, and one
 * whose clock libfaketime moves years ahead.
 */
import t from 'tap';
import { main } from '../../src/cli/index.ts';
import type { Reading } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { MovedClock } from '../support/moved-clock.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact as contactOf, failureOf, joined, options, received, utf8 } from './support.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

async function filled(folder: string) {
  const store = await openStore(options(folder));
  const { id } = store.contacts.insert(contactOf('alice'));
  const from = (sequence: bigint) => received(id, 1n, sequence);
  store.inbox.add(from(0n), utf8('\u0001old and opened'));
  store.inbox.add(from(1n), utf8('\u0001new and opened'));
  store.inbox.add(from(2n), utf8('\u0001old, but nobody has seen it'));
  for (const index of [0, 1]) {
    store.inbox.addPart(from(BigInt(3 + index)), { index, count: 2 }, utf8('\u0009large'));
  }
  const [first, second, , large] = store.inbox.unopened();
  store.inbox.open([first?.row ?? 0, large?.row ?? 0], daysAgo(40));
  store.inbox.open([second?.row ?? 0], daysAgo(20));
  store.outbox.append(id, utf8('\u0001arrived'), daysAgo(40));
  store.outbox.append(id, utf8('\u0001on its way'), daysAgo(40));
  store.outbox.remove(id, 1n, []);
  const reading = (days: number) => {
    const at = daysAgo(days);
    return { contact: id, name: 'temp', unit: 'Cel', at, sure: true, value: days };
  };
  store.readings.add([reading(500), reading(399), reading(0)]);
  store.readings.add(Array.from({ length: 6000 }, (_, index) => reading(600 + index / 1e4)));
  return { store, id, large: large?.row ?? 0 };
}

/** What buckets of `every_ms` hold, the slow way. */
function modelOf(readings: readonly Reading[], from: Date, to: Date, every_ms: number) {
  const buckets = new Map<number, Reading[]>();
  for (const reading of readings) {
    if (reading.at < from || reading.at >= to) continue;
    const begin = Math.floor(reading.at.getTime() / every_ms) * every_ms;
    buckets.set(begin, [...(buckets.get(begin) ?? []), reading]);
  }
  return [...buckets]
    .sort(([one], [other]) => one - other)
    .map(([begin, held]) => {
      const values = held.map(({ value }) => value);
      return {
        at: new Date(begin),
        count: held.length,
        min: Math.min(...values),
        mean: values.reduce((sum, value) => sum + value, 0) / held.length,
        max: Math.max(...values),
        sure: held.every(({ sure }) => sure),
      };
    });
}

const HOUR_MS = 3_600_000;

/** Times of five days around 1970, many of them on the hour. */
function timesFrom(random: Random) {
  const anyTime = () => new Date(random.below(120 * HOUR_MS) - 60 * HOUR_MS);
  const onEdge = () => new Date((random.below(120) - 60) * HOUR_MS + random.below(3) - 1);
  const time = () => (random.below(4) === 0 ? onEdge() : anyTime());
  const inOrder = (...times: Date[]) =>
    times.sort((one, other) => one.getTime() - other.getTime()) as [Date, Date];
  const range = () => inOrder(random.below(2) ? anyTime() : onEdge(), time());
  /** One after the other as a sensor measures, or in any order as what was kept back. */
  const batch = () => {
    const times = Array.from({ length: 1 + random.below(30) }, time);
    return random.below(2) === 0 ? inOrder(...times) : times;
  };
  return { batch, range };
}

t.test('kept hours and days say what the readings say, however those come and go', async (t) => {
  const random = new Random(7);
  const { batch, range } = timesFrom(random);
  const folder = temporaryFolder(t);
  let store = await openStore(options(folder));
  t.teardown(() => store.close());
  const { id: contact } = store.contacts.insert(contactOf('board'));
  let readings: readonly Reading[] = [];
  // Whole numbers, so that the order of a sum does not matter.
  const reading = (at: Date): Reading => {
    const value = random.below(1000) - 500;
    return { contact, name: 'a', unit: 'm', at, sure: random.below(9) > 0, value };
  };
  const compare = (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      const [from, to] = range();
      const every_ms = HOUR_MS * ([1, 2, 5, 24, 24, 48][random.below(6)] ?? 1);
      const held = store.readings.series({ from, to, every_ms, limit: 1000 });
      const seen = held.map(({ contact: _, name: __, unit: ___, ...bucket }) => bucket);
      t.strictSame(seen, modelOf(readings, from, to, every_ms), `${from} ${to} ${every_ms}`);
    }
  };
  const reopen = async () => {
    store.close();
    store = await openStore(options(folder));
  };
  const add = (isUndone: boolean) => {
    const added = batch().map(reading);
    try {
      store.transaction(() => {
        store.readings.add(added);
        if (isUndone) throw new Error('undone');
      });
      readings = [...readings, ...added];
    } catch (error) {
      if (!isUndone) throw error;
    }
  };
  for (let round = 0; round < 60; round += 1) {
    add(random.below(3) === 0);
    if (random.below(20) === 0) await reopen();
    compare(3);
  }
  for (const hours of [-31.7, 3.4, 20, 200]) {
    const since = new Date(hours * HOUR_MS);
    while (store.prune({ readings: since }) > 0);
    readings = readings.filter(({ at }) => at >= since);
    compare(10);
    if (hours > 10) await reopen();
    add(false);
    compare(10);
  }
});

t.test('what is older goes, in bounded steps; what is waited for stays', async (t) => {
  const { store, id, large } = await filled(temporaryFolder(t));
  t.teardown(() => store.close());
  t.equal(store.prune({}), 0, 'nothing unless asked');
  t.equal(joined(store.inbox.content(large)).length, 12);
  const since = { messages: daysAgo(30), readings: daysAgo(400) };
  const first = store.prune(since);
  t.ok(first > 5000 && first < 5100, `${first} at once`);
  t.ok(store.prune(since) > 0);
  t.equal(store.prune(since), 0);
  const left = store.inbox.list({ limit: 10 }).map(({ size }) => size);
  t.strictSame(left.sort(), [15, 28]);
  t.equal(
    failureOf(() => joined(store.inbox.content(large))),
    'missing',
  );
  t.equal(store.outbox.count(id).items, 1, 'what has not arrived');
  t.equal(store.sent.list({ limit: 10 }).length, 1);
  const all = { from: new Date(0), to: new Date(), limit: 10_000 };
  t.strictSame(
    store.readings.series(all).map(({ mean }) => mean),
    [399, 0],
  );
});

t.test('what takes more than it may goes, the oldest first', async (t) => {
  const { store, id } = await filled(temporaryFolder(t));
  t.teardown(() => store.close());
  const { limits } = store;
  const size = () => [...limits.readingSizes()].reduce((sum, each) => sum + each, 0);
  t.equal(size(), 6003 * 29);
  let excess = size() - 100 * 29;
  const steps: number[] = [];
  while (excess > 0) {
    const step = limits.removeOldestReadings(excess);
    steps.push(step / 29);
    excess -= step;
  }
  t.strictSame(steps, [2000, 2000, 1903], 'bounded');
  const all = { from: new Date(0), to: new Date(), limit: 10_000 };
  const left = store.readings.series(all).map(({ mean }) => mean);
  t.strictSame([left.length, left.at(-1), left.at(-2)], [100, 0, 399], 'the newest stay');

  const sizes = () => store.inbox.list({ limit: 10 }).map(({ size }) => size);
  t.strictSame(sizes().sort(), [12, 15, 15, 28]);
  t.equal(limits.pruneMessages(1_000), 0);
  t.equal(limits.pruneMessages(20), 3, 'what was opened, or has arrived, long ago');
  t.equal(limits.pruneMessages(0), 1, 'what was opened since');
  t.equal(limits.pruneMessages(0), 0);
  t.strictSame(sizes(), [28], 'what nobody has seen stays');
  t.equal(store.outbox.count(id).items, 1, 'and what has not arrived');
  t.equal(store.sent.list({ limit: 10 }).length, 1);
});

t.test('a running peer forgets by itself, and readings unless told otherwise', async (t) => {
  const folder = temporaryFolder(t);
  (await filled(folder)).store.close();
  const count = async (...flags: string[]) => {
    const peer = await new PeerProcess({ name: 'pi', folder, flags }).start();
    t.teardown(() => peer.stop('SIGKILL'));
    const query = '/sensor?from=2020-01-01&limit=100000';
    const rows = async () => JSON.parse((await peer.call('GET', query)).text).length;
    return { peer, rows };
  };
  const silent = { print: () => {}, say: () => {}, paint: (_: unknown, text: string) => text };
  const io = { ...silent, read: async () => new Uint8Array(), stdinIsTerminal: false };
  t.equal(await main(['contacts', '--data-dir', folder], io), 0, 'a command deletes nothing');
  const careful = await count('--keep-readings', '0');
  t.equal(await careful.rows(), 6003, '0: for ever');
  await careful.peer.stop();
  const plain = await count();
  await until('the old ones are gone', async () => ((await plain.rows()) === 2 ? true : undefined));
  const { text } = await plain.peer.call('GET', '/messages');
  t.equal(JSON.parse(text).messages.length, 6, 'messages stay');
  await plain.peer.stop();
  const strict = await count('--keep-messages', '30');
  await until('old messages are gone', async () => {
    const answer = await strict.peer.call('GET', '/messages');
    return JSON.parse(answer.text).messages.length === 3 ? true : undefined;
  });
  t.equal(await strict.rows(), 2);
  await strict.peer.stop();
  const small = await openStore(options(folder));
  const [first] = small.contacts.all();
  const at = (index: number) => daysAgo(index / 1e4);
  const value = { contact: first?.id ?? 0, name: 'temp', unit: 'Cel', sure: true, value: 1 };
  small.readings.add(Array.from({ length: 40_000 }, (_, index) => ({ ...value, at: at(index) })));
  small.close();
  const tight = await count('--keep-readings-mib', '1', '--keep-messages-mib', '1');
  await until('they take a megabyte', async () => {
    const rows = await tight.rows();
    return rows === Math.floor(2 ** 20 / 29) ? true : undefined;
  });
});

t.test('a clock that has jumped years ahead deletes nothing', async (t) => {
  const clock = new MovedClock();
  t.teardown(() => clock.close());
  if (!clock.canMove) return t.comment('LEFT OUT for want of faketime: apt-get install faketime');
  const folder = temporaryFolder(t);
  (await filled(folder)).store.close();
  const peer = new PeerProcess({ name: 'pi', folder, environment: clock.environment() });
  t.teardown(() => peer.stop('SIGKILL'));
  const rows = async () => {
    const { text } = await peer.call('GET', '/sensor?from=2020-01-01&to=2060-01-01');
    return JSON.parse(text).length;
  };
  await peer.start();
  await until('the old ones are gone', async () => ((await rows()) === 2 ? true : undefined));
  await peer.stop();
  clock.moveTo((10 * 365 * DAY_MS) / 1_000);
  await peer.start();
  await until('the clock is doubted', () =>
    peer.log.find((line) => line.includes('clock_doubted') && line.includes('203')),
  );
  t.equal(await rows(), 2, 'what is younger than 400 days by any right clock');
  await peer.stop();
  clock.moveTo(0);
  await peer.start();
  t.equal(await rows(), 2);
});
