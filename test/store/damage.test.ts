/**
 * Goal: what is damaged is noticed and never shown as if it were whole; a full disk loses nothing.
 * Method: a real file cut and flipped at many places, held against what it should say; a real disk
 * of three megabytes.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StoreError } from '../../src/failures.ts';
import type { Store } from '../../src/messenger/index.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, failureOf, filled, flip, NOW, open, readAll, received } from './support.ts';

/** In SQLite's header: another number there means "a later SQLite: do not write". */
const WRITE_VERSION = 18;

t.test('a database that is cut or flipped anywhere is never taken for whole', async (t) => {
  const folder = await filled(t);
  const path = join(folder, 'peer.db');
  const intact = await open(folder);
  const expected = readAll(intact);
  intact.close();
  copyFileSync(path, `${path}.good`);
  const size = statSync(path).size;
  const spoil = async (change: () => void) => {
    copyFileSync(`${path}.good`, path);
    change();
    try {
      const store = await open(folder);
      try {
        return readAll(store) === expected ? 'unharmed' : 'changed';
      } finally {
        store.close();
      }
    } catch (cause) {
      if (cause instanceof StoreError) return cause.failure;
      throw cause;
    }
  };
  for (const [kept, failure] of [
    [size - 1, 'damaged'],
    [size / 2, 'damaged'],
    [8192, 'damaged'],
    [1000, 'damaged'],
    [20, 'damaged'],
    [10, 'foreign'],
  ] as const) {
    t.equal(await spoil(() => truncateSync(path, kept)), failure, `cut to ${kept} bytes`);
  }
  const seen = { damaged: 0, unharmed: 0, foreign: 0, wrong_key: 0, changed: 0, other: 0 };
  const count = rounds({ reduced: 120, full: 3000 });
  for (let i = 0; i < count; i += 1) {
    const offset = i < 24 ? i : Math.floor(Math.random() * size);
    const outcome = await spoil(() => flip(path, offset));
    if (outcome in seen) seen[outcome as keyof typeof seen] += 1;
    else if (outcome === 'unwritable' && offset === WRITE_VERSION) seen.damaged += 1;
    else seen.other += 1;
    if (outcome === 'changed') t.fail(`byte ${offset} flipped, and read as if it were whole`);
  }
  t.equal(seen.other, 0, 'no other error');
  // The rest hit pages of tables that are empty, or bytes that the cipher does not use.
  t.ok(seen.damaged > count / 4, `${seen.damaged} of ${count} noticed as damage`);
  t.comment(seen);
});

t.test('a full disk: says so, keeps what it has, and goes on when there is space', async (t) => {
  const folder = temporaryFolder(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    t.comment('SKIPPED: a real small disk needs the right to mount; run as root');
    return;
  }
  t.teardown(() => execFileSync('umount', [folder]));
  const peer = join(folder, 'peer');
  let store = await open(peer);
  const alice = store.contacts.insert(contact('alice')).id;
  const content = new Uint8Array(10_000).fill(7);
  let kept = 0;
  const failure = failureOf(() => {
    for (;;) {
      store.transaction(() => {
        store.outbox.append(alice, content, NOW);
        store.inbox.add(received(alice, 1n, BigInt(kept)), content);
      });
      kept += 1;
    }
  });
  t.equal(failure, 'full');
  t.ok(kept > 20, `${kept} were taken before`);
  t.equal(store.outbox.count(alice).items, kept);
  t.equal(store.inbox.unopened().length, kept);
  swallowed(t, store, alice, content);
  store.close();
  store = await open(peer);
  t.equal(store.outbox.pending(alice, 0n, 10_000, 2 ** 30).length, kept, 'all are there');
  t.equal(store.inbox.unopened().length, kept);
  store.close();
  execFileSync('mount', ['-o', 'remount,size=16m', folder]);
  store = await open(peer);
  store.outbox.append(alice, content, NOW);
  t.equal(store.outbox.remove(alice, 1n << 40n, []), kept + 1);
  store.close();
});

/** Whoever catches `full` inside a transaction must not get half of it. */
function swallowed(t: Test, store: Store, to: number, content: Uint8Array): void {
  const before = store.outbox.count(to);
  const failures: unknown[] = [];
  const outer = failureOf(() =>
    store.transaction(() => {
      for (let i = 0; i < 300; i += 1) {
        failures.push(failureOf(() => store.outbox.append(to, content, NOW)));
      }
    }),
  );
  t.equal(outer, 'full');
  t.ok(failures.includes('full') || failures.every((failure) => failure === undefined));
  t.strictSame(store.outbox.count(to), before);
}
