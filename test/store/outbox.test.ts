/**
 * Goal: the outbox numbers, keeps, cuts and forgets as the obvious model does, through rollbacks
 * and restarts.
 * Method: random steps on a real file and on an array of items, compared after every step.
 * Removals and starts are drawn around the lowest and the next sequence, where mistakes live.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { OutboxItem, Store } from '../../src/messenger/index.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, NOW, open, utf8 } from './support.ts';

/** What the outbox of one contact should hold. */
class Model {
  next = 0n;
  items: OutboxItem[] = [];

  append(content: Uint8Array): bigint {
    this.items.push({ sequence: this.next, part: undefined, content });
    return this.next++;
  }

  queue(slices: readonly Uint8Array[]): bigint {
    const first = this.next;
    for (const [index, content] of slices.entries()) {
      const part = { index, count: slices.length };
      this.items.push({ sequence: this.next++, part, content });
    }
    return first;
  }

  lowest(): bigint {
    return this.items[0]?.sequence ?? this.next;
  }

  remove(next: bigint, sequences: readonly bigint[]): number {
    const before = this.items.length;
    this.items = this.items.filter((i) => i.sequence >= next && !sequences.includes(i.sequence));
    return before - this.items.length;
  }

  pending(from: bigint, rows: number, bytes: number): OutboxItem[] {
    const taken: OutboxItem[] = [];
    let room = bytes;
    for (const item of this.items.filter(({ sequence }) => sequence >= from)) {
      if (taken.length === rows) break;
      if (taken.length > 0 && item.content.length > room) break;
      room -= item.content.length;
      taken.push(item);
    }
    return taken;
  }

  count() {
    const messages = this.items.map(({ sequence, part }) => sequence - BigInt(part?.index ?? 0));
    return {
      messages: new Set(messages).size,
      items: this.items.length,
      bytes: this.items.reduce((sum, { content }) => sum + content.length, 0),
    };
  }
}

const content = fc.uint8Array({ minLength: 1, maxLength: 40 });
const slices = fc.array(content, { minLength: 1, maxLength: 6 });
const near = fc.bigInt({ min: -3n, max: 9n });
const step = fc.oneof(
  fc.record({ do: fc.constant('append' as const), content }),
  fc.record({ do: fc.constant('queue' as const), slices }),
  fc.record({ do: fc.constant('discard' as const), slices }),
  fc.record({ do: fc.constant('abandon' as const), slices }),
  fc.record({ do: fc.constant('undo' as const), content, slices, near }),
  fc.record({ do: fc.constant('remove' as const), near, others: fc.array(near, { maxLength: 4 }) }),
  fc.record({ do: fc.constant('reopen' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function stage(store: Store, to: number, slices: readonly Uint8Array[]) {
  const staged = store.outbox.stage(to, NOW);
  for (const slice of slices) staged.append(slice);
  return staged;
}

function apply(
  store: Store,
  model: Model,
  to: number,
  step: Exclude<Step, { do: 'reopen' }>,
): void {
  if (step.do === 'append') {
    assert.equal(store.outbox.append(to, step.content, NOW), model.append(step.content));
  } else if (step.do === 'queue') {
    assert.equal(stage(store, to, step.slices).queue(), model.queue(step.slices));
  } else if (step.do === 'discard') {
    stage(store, to, step.slices).discard();
  } else if (step.do === 'abandon') {
    stage(store, to, step.slices);
  } else if (step.do === 'remove') {
    const next = model.lowest() + step.near;
    const others = step.others.map((near) => model.lowest() + near);
    assert.equal(store.outbox.remove(to, next, others), model.remove(next, others));
  } else {
    assert.throws(() => undo(store, to, step), /undo/);
  }
}

function undo(store: Store, to: number, step: Extract<Step, { do: 'undo' }>): void {
  store.transaction(() => {
    store.outbox.append(to, step.content, NOW);
    stage(store, to, step.slices).queue();
    store.outbox.remove(to, store.outbox.lowest(to) + step.near, []);
    throw new Error('undo');
  });
}

function compare(store: Store, model: Model, to: number): void {
  assert.equal(store.outbox.lowest(to), model.lowest());
  assert.deepEqual(store.outbox.count(to), model.count());
  const all = store.outbox.pending(to, 0n, 1000, 2 ** 20);
  assert.deepEqual(all, model.pending(0n, 1000, 2 ** 20));
  for (const [off, rows, bytes] of [
    [1n, 2, 1000],
    [2n, 1000, 30],
    [4n, 1, 0],
  ] as const) {
    const from = model.lowest() + off;
    assert.deepEqual(store.outbox.pending(to, from, rows, bytes), model.pending(from, rows, bytes));
  }
}

t.test('agrees with the model', async (t) => {
  const steps = fc.array(step, { minLength: 1, maxLength: 25 });
  const folder = temporaryFolder(t);
  let store = await open(folder);
  let runs = 0;
  const other = store.contacts.insert(contact('other')).id;
  store.outbox.append(other, utf8('stays'), NOW);
  const property = fc.asyncProperty(steps, async (steps) => {
    const to = store.contacts.insert(contact(`contact ${runs++}`)).id;
    const model = new Model();
    for (const step of steps) {
      if (step.do === 'reopen') {
        store.close();
        store = await open(folder);
      } else apply(store, model, to, step);
      compare(store, model, to);
    }
    store.contacts.remove(to);
  });
  await fc.assert(property, { numRuns: rounds({ reduced: 40, full: 2000 }) });
  t.equal(store.outbox.count(other).items, 1);
  store.close();
});
