/**
 * Goal: what arrived stays, in order and whole; windows of the last 16 epochs stay.
 * Method: random arrivals, in slices in any order, on a real file and on a Map, with rollbacks
 * and restarts between; then the cases that a random step never meets.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Received, Store } from '../../src/messenger/index.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, failureOf, joined, open, received, utf8 } from './support.ts';

interface Arrived {
  readonly received: Received;
  readonly content: Uint8Array;
}

const EPOCH = 0xffff_ffff_ffff_fff0n;

/** A content cut into slices, and the order in which they come. */
const cut = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 5 })
  .chain((slices) =>
    fc.record({
      slices: fc.constant(slices),
      order: fc.shuffledSubarray([...slices.keys()], { minLength: 1 }),
    }),
  );
const step = fc.oneof(
  fc.record({ do: fc.constant('whole' as const), content: fc.uint8Array({ minLength: 1 }) }),
  fc.record({ do: fc.constant('parts' as const), cut }),
  fc.record({ do: fc.constant('undo' as const), cut }),
  fc.record({ do: fc.constant('reopen' as const) }),
);

class Inboxes {
  sequence: bigint;
  readonly arrived: Arrived[] = [];
  readonly unfinished: { first: bigint; parts: number; count: number }[] = [];
  bytes = 0;

  constructor(sequence = 0n) {
    this.sequence = sequence;
  }

  whole(store: Store, from: number, content: Uint8Array): void {
    const id = received(from, EPOCH, this.sequence++);
    store.inbox.add(id, content);
    this.arrived.push({ received: id, content });
  }

  parts(
    store: Store,
    from: number,
    { slices, order }: typeof cut extends fc.Arbitrary<infer C> ? C : never,
  ): void {
    const first = this.sequence;
    const count = slices.length;
    this.sequence += BigInt(count);
    for (const [nth, index] of order.entries()) {
      const slice = slices[index] ?? new Uint8Array(0);
      const id = received(from, EPOCH, first + BigInt(index));
      const whole = store.inbox.addPart(id, { index, count }, slice);
      assert.equal(whole, nth + 1 === count);
      if (!whole) assert.equal(store.inbox.addPart(id, { index, count }, slice), false);
    }
    if (order.length === count) {
      this.arrived.push({ received: received(from, EPOCH, first), content: joined(slices) });
      return;
    }
    this.unfinished.push({ first, parts: order.length, count });
    for (const index of order) this.bytes += slices[index]?.length ?? 0;
  }

  compare(store: Store, from: number): void {
    const envelopes = store.inbox.unopened(from);
    const found = envelopes.map(({ row, contentType, size, openedAt, ...received }) => {
      const content = joined(store.inbox.content(row));
      assert.equal(contentType, content[0]);
      assert.equal(size, content.length);
      assert.equal(openedAt, undefined);
      return { received, content };
    });
    assert.deepEqual(found, this.arrived);
    assert.deepEqual(store.inbox.arriving(from), this.unfinished);
    assert.equal(store.inbox.partBytes(from), this.bytes);
  }
}

t.test('agrees with the model', async (t) => {
  const folder = temporaryFolder(t);
  let store = await open(folder);
  let runs = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
    const from = store.contacts.insert(contact(`contact ${runs++}`)).id;
    const model = new Inboxes();
    for (const step of steps) {
      if (step.do === 'whole') model.whole(store, from, step.content);
      if (step.do === 'parts') model.parts(store, from, step.cut);
      if (step.do === 'undo') {
        assert.throws(
          () =>
            store.transaction(() => {
              new Inboxes(model.sequence).parts(store, from, step.cut);
              throw new Error('undo');
            }),
          /undo/,
        );
      }
      if (step.do === 'reopen') {
        store.close();
        store = await open(folder);
      }
      model.compare(store, from);
    }
    store.contacts.remove(from);
    assert.equal(store.inbox.partBytes(from), 0);
    assert.equal(store.inbox.unopened(from).length, model.arrived.length);
  });
  await fc.assert(property, { numRuns: rounds({ reduced: 40, full: 2000 }) });
  store.close();
});

t.test('a changed number of parts is a conflict and changes nothing', async (t) => {
  const store = await open(temporaryFolder(t));
  const from = store.contacts.insert(contact('alice')).id;
  store.inbox.addPart(received(from, 1n, 7n), { index: 0, count: 2 }, utf8('a'));
  const other = () =>
    store.inbox.addPart(received(from, 1n, 8n), { index: 1, count: 3 }, utf8('b'));
  t.equal(failureOf(other), 'conflict');
  t.strictSame(store.inbox.arriving(from), [{ first: 7n, parts: 1, count: 2 }]);
  store.close();
});

t.test('lists backwards in pages, and opens once', async (t) => {
  const store = await open(temporaryFolder(t));
  const [alice, bob] = ['alice', 'bob'].map((name) => store.contacts.insert(contact(name)).id);
  if (alice === undefined || bob === undefined) return;
  for (let i = 0n; i < 6n; i += 1n) {
    store.inbox.add(received(i % 2n === 0n ? alice : bob, 1n, i), utf8(`message ${i}`));
  }
  const sequences = (query: Parameters<Store['inbox']['list']>[0]) =>
    store.inbox.list(query).map(({ id }) => Number(id.sequence));
  t.strictSame(sequences({ limit: 4 }), [5, 4, 3, 2]);
  const before = store.inbox.list({ limit: 4 }).at(-1)?.row ?? 0;
  t.strictSame(sequences({ limit: 4, before }), [1, 0]);
  t.strictSame(sequences({ contact: bob, limit: 4 }), [5, 3, 1]);

  const rows = store.inbox.unopened(alice).map(({ row }) => row);
  const opened = new Date('2026-02-01T00:00:00Z');
  store.inbox.open(rows, opened);
  store.inbox.open(rows, new Date('2027-01-01T00:00:00Z'));
  t.strictSame(store.inbox.unopened(alice), []);
  t.equal(store.inbox.unopened().length, 3);
  t.equal(store.inbox.unopened(bob, 2).length, 2);
  t.strictSame(
    [alice, bob].map((id) => store.inbox.countUnopened(id)),
    [0, 3],
  );
  t.strictSame(store.inbox.list({ contact: alice, limit: 1 })[0]?.openedAt, opened);
  t.equal(
    failureOf(() => store.inbox.content(99)),
    'missing',
  );
  store.close();
});

t.test('keeps the windows of the 16 epochs used last, of each kind', async (t) => {
  const folder = temporaryFolder(t);
  let store = await open(folder);
  const from = store.contacts.insert(contact('alice')).id;
  const save = (epoch: bigint, state: string) =>
    store.inbox.saveWindow(from, 'outbox', { epoch, state: utf8(state) });
  const top = 2n ** 64n - 1n;
  for (let i = 0n; i < 16n; i += 1n) save(top - i, `${i}`);
  save(top, 'again');
  save(5n, 'new');
  store.inbox.saveWindow(from, 'letter', { epoch: 1n, state: utf8('letter') });
  store.close();
  store = await open(folder);
  const windows = store.inbox.windows(from, 'outbox');
  t.equal(windows.length, 16);
  t.strictSame(windows.slice(0, 2), [
    { epoch: 5n, state: utf8('new') },
    { epoch: top, state: utf8('again') },
  ]);
  t.notOk(
    windows.some(({ epoch }) => epoch === top - 1n),
    'the one used longest ago went',
  );
  t.strictSame(store.inbox.windows(from, 'letter'), [{ epoch: 1n, state: utf8('letter') }]);
  store.contacts.remove(from);
  t.strictSame(store.inbox.windows(from, 'outbox'), []);
  store.close();
});
