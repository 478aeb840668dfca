/**
 * Goal: the list of what was sent holds every message once, in the order of sending, although texts
 * are noted there only now and then; and row numbers that were given out are not given out again.
 * Method: random steps on a real file and on an array, compared at every look; then removals.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { Store } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, NOW, open, options, received, utf8 } from './support.ts';

const who = fc.constantFrom(0, 1);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('text' as const), who }) },
  fc.record({ do: fc.constant('many' as const), who }),
  fc.record({ do: fc.constant('file' as const), who }),
  fc.record({ do: fc.constant('letter' as const), who }),
  fc.record({ do: fc.constant('undo' as const), who }),
  fc.record({ do: fc.constant('acknowledge' as const), who }),
  fc.record({ do: fc.constant('look' as const), who }),
  fc.record({ do: fc.constant('reopen' as const), who }),
  fc.record({ do: fc.constant('bring back' as const), who }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What was sent to the contacts of one run: names, oldest first. */
class Model {
  readonly contacts: readonly number[];
  readonly sent: { readonly to: number; readonly name: string }[] = [];

  constructor(contacts: readonly number[]) {
    this.contacts = contacts;
  }

  /** Sends one more of `kind` to `to`, for which `send` gets its name and a time of its own. */
  add(to: number, kind: string, send: (name: Uint8Array, at: Date) => void): void {
    const name = `${kind} ${this.sent.length}`;
    send(utf8(name), new Date(NOW.getTime() + this.sent.length));
    this.sent.push({ to, name });
  }
}

function sendFile(store: Store, to: number, name: Uint8Array, at: Date): void {
  const staged = store.outbox.stage(to, at);
  for (const slice of [name, utf8('more')]) staged.append(slice);
  staged.queue();
}

function sendLetter(store: Store, to: number, name: Uint8Array, at: Date): void {
  const id = { epoch: 1n, sequence: BigInt(at.getTime()) };
  store.sent.add({
    contact: to,
    id,
    count: 1,
    carrier: 'file',
    at,
    size: name.length,
    start: name,
  });
}

function undo(store: Store, to: number): void {
  store.transaction(() => {
    store.outbox.append(to, utf8('never'), NOW);
    store.sent.list({ limit: 10 });
    store.outbox.remove(to, store.outbox.lowest(to) + 1n, []);
    throw new Error('undo');
  });
}

function apply(store: Store, model: Model, step: Step): void {
  const to = model.contacts[step.who] ?? 0;
  const text = () => model.add(to, 'text', (name, at) => store.outbox.append(to, name, at));
  if (step.do === 'text') text();
  else if (step.do === 'many') store.transaction(() => repeat(150, text));
  else if (step.do === 'file') model.add(to, 'file', (...sent) => sendFile(store, to, ...sent));
  else if (step.do === 'letter')
    model.add(to, 'letter', (...sent) => sendLetter(store, to, ...sent));
  else if (step.do === 'undo') assert.throws(() => undo(store, to), /undo/);
  else if (step.do === 'acknowledge') store.outbox.remove(to, store.outbox.lowest(to) + 2n, []);
  else if (step.do === 'look') look(store, model);
}

function repeat(times: number, work: () => void): void {
  for (let i = 0; i < times; i += 1) work();
}

function look(store: Store, model: Model): void {
  const shown = (list: ReturnType<Store['sent']['list']>) =>
    list.map(({ contact, start }) => ({ to: contact, name: new TextDecoder().decode(start) }));
  const newest = [...model.sent].reverse();
  assert.deepEqual(shown(store.sent.list({ limit: newest.length })), newest);
  const [first = 0] = model.contacts;
  const ofFirst = newest.filter(({ to }) => to === first);
  assert.deepEqual(shown(store.sent.list({ contact: first, limit: 10_000 })), ofFirst);
}

t.test('the list agrees with the model', async () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 20 });
  const folder = temporaryFolder(t);
  let store = await open(folder);
  let runs = 0;
  const insert = () => store.contacts.insert(contact(`contact ${runs++}`)).id;
  const property = fc.asyncProperty(steps, async (steps) => {
    const model = new Model([insert(), insert()]);
    for (const step of steps) {
      if (step.do === 'reopen' || step.do === 'bring back') {
        store.close();
        if (step.do === 'bring back') rmSync(join(folder, 'peer.run'));
        store = await open(folder);
      } else apply(store, model, step);
    }
    look(store, model);
    for (const id of model.contacts) store.contacts.remove(id);
    assert.equal(store.sent.list({ limit: 1 }).length, 0, 'a contact takes along what it was sent');
  });
  await fc.assert(property, { numRuns: rounds({ reduced: 25, full: 1_000 }) });
  store.close();
});

t.test('texts that were queued while the clock went back are noted once', async (t) => {
  const folder = temporaryFolder(t);
  const first = await open(folder);
  const { id } = first.contacts.insert(contact('alice'));
  for (const ago of [0, 1_000, 2_000]) {
    first.outbox.append(id, utf8('text'), new Date(NOW.getTime() - ago));
  }
  first.close();
  // The first look notes them, the second must not do so again.
  for (const look of ['first', 'second']) {
    const store = await open(folder);
    const numbers = store.sent.list({ limit: 10 }).map(({ id }) => id.sequence);
    t.strictSame(numbers.sort(), [0n, 1n, 2n], look);
    store.close();
  }
});

t.test('the newest 20,000 are kept', async (t) => {
  const store = await open(temporaryFolder(t));
  t.teardown(() => store.close());
  const { id } = store.contacts.insert(contact('alice'));
  store.transaction(() => repeat(20_300, () => store.outbox.append(id, utf8('text'), NOW)));
  const kept = store.sent.list({ limit: 30_000 });
  t.equal(kept.length, 20_000);
  t.equal(kept[0]?.id.sequence, 20_299n);
  t.equal(store.outbox.count(id).messages, 20_300, 'all of them wait');
});

t.test('the number of a message that was deleted is not given to another', async (t) => {
  const folder = temporaryFolder(t);
  let store = await openStore(options(folder));
  const { id } = store.contacts.insert(contact('alice'));
  const arrive = (sequence: bigint) => {
    store.inbox.add(received(id, 1n, sequence), utf8('\u0001text'));
    const [newest] = store.inbox.list({ limit: 1 });
    store.inbox.open([newest?.row ?? 0], new Date(0));
    return newest?.row;
  };
  t.strictSame([arrive(0n), arrive(1n)], [1, 2]);
  t.equal(store.prune({ messages: NOW }), 2);
  t.equal(arrive(2n), 3);
  t.equal(store.prune({ messages: NOW }), 1);
  store.close();
  store = await openStore(options(folder));
  t.equal(arrive(3n), 4, 'nor after a start');
  store.close();
});
