/**
 * Goal: a store of an older version is brought up to date whole or not at all; the files grow
 * with what is in them and no further; readings stay quick to find when there are many.
 * Method: a database file that version 1 wrote and that never changes; sizes on a real disk;
 * counting the steps that SQLite plans, not the time.
 */
import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import type { Store } from '../../src/messenger/index.ts';
import { KEY_FILE, loadDataKey } from '../../src/store/data-key.ts';
import { DATABASE, openDatabase } from '../../src/store/database.ts';
import { Folder } from '../../src/store/folder.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, joined, NOW, open, utf8 } from './support.ts';

const VERSION_1 = join(import.meta.dirname, '../vectors/store-version-1');

/** What write-version.ts had put there. */
function holdsAll(t: Test, store: Store): void {
  const [alice, bob] = store.contacts.all();
  t.match(alice, { name: 'alice', verified: true, publicKey: new Uint8Array(32).fill(7) });
  t.match(bob, { name: 'bob', address: undefined });
  const queued = store.outbox.pending(alice?.id ?? 0, 0n, 10, 1000);
  t.strictSame(
    queued.map(({ sequence, content }) => [sequence, new TextDecoder().decode(content)]),
    [
      [1n, 'second'],
      [2n, 'one '],
      [3n, 'two '],
      [4n, 'three'],
    ],
  );
  t.strictSame(store.outbox.count(alice?.id ?? 0), { messages: 2, items: 4, bytes: 19 });
  const [came] = store.inbox.unopened();
  t.strictSame(came?.id, { epoch: 2n ** 64n - 1n, sequence: 5n });
  t.strictSame(joined(store.inbox.content(came?.row ?? 0)), utf8('came'));
  t.strictSame(store.inbox.arriving(bob?.id ?? 0), [{ first: 0n, parts: 1, count: 2 }]);
  const window = { epoch: 9n, state: utf8('state') };
  t.strictSame(store.inbox.windows(bob?.id ?? 0, 'outbox'), [window]);
  t.equal(store.readings.latest()[0]?.value, 21.5);
  t.strictSame(store.settings.get('static_key'), utf8('secret'));
}

/** A copy of the file of version 1. */
function oldFolder(t: Test): string {
  const folder = join(temporaryFolder(t), 'peer');
  mkdirSync(folder);
  for (const name of [DATABASE, KEY_FILE]) copyFileSync(join(VERSION_1, name), join(folder, name));
  return folder;
}

async function openWith(path: string, migrations: readonly string[]) {
  const folder = new Folder(path);
  const key = await loadDataKey(folder, 'key file', openssl, false);
  return openDatabase(folder, key, openssl, migrations);
}

t.test('the file of version 1 opens, and holds everything', async (t) => {
  const store = await open(oldFolder(t));
  holdsAll(t, store);
  store.close();
});

t.test('each step is taken once, in order, whole or not at all', async (t) => {
  const folder = oldFolder(t);
  const next = [...MIGRATIONS, "alter table contact add column note text default 'none'"];
  const failing = [...next, 'create table more (a); insert into nowhere values (1)'];
  await t.rejects(openWith(folder, failing), /nowhere/);
  let database = await openWith(folder, next);
  t.equal(database.pragma('user_version', { simple: true }), next.length);
  const tables = database.prepare("select name from sqlite_master where name = 'more'").all();
  t.strictSame(tables, [], 'nothing of the step that failed');
  t.strictSame(database.prepare('select distinct note from contact').all(), [{ note: 'none' }]);
  database.close();
  database = await openWith(folder, next);
  t.equal(database.prepare('select count(*) from contact').pluck().get(), 2);
  database.close();
  await t.rejects(openWith(folder, MIGRATIONS), /newer version/);
});

t.test('the WAL stays small through a long upload, and the disk comes back', async (t) => {
  const folder = temporaryFolder(t);
  const size = (name: string) => statSync(join(folder, name)).size / 2 ** 20;
  let store = await open(folder);
  const alice = store.contacts.insert(contact('alice')).id;
  const staged = store.outbox.stage(alice, NOW);
  const slice = new Uint8Array(65_000).fill(1);
  let wal = 0;
  for (let i = 0; i < 1000; i += 1) {
    staged.append(slice);
    if (i % 50 === 0) wal = Math.max(wal, size('peer.db-wal'));
  }
  staged.queue();
  t.ok(wal < 24, `the WAL took ${wal.toFixed(0)} MiB at most`);
  t.equal(store.outbox.remove(alice, 1000n, []), 1000);
  store.close();
  t.ok(size('peer.db') > 60, `the file had ${size('peer.db').toFixed(0)} MiB`);
  store = await open(folder);
  store.close();
  t.ok(size('peer.db') < 2, `and has ${size('peer.db').toFixed(1)} after the next start`);
});

t.test('what a crash cut off before it was queued is swept', async (t) => {
  const folder = temporaryFolder(t);
  let store = await open(folder);
  const alice = store.contacts.insert(contact('alice')).id;
  const staged = store.outbox.stage(alice, NOW);
  for (let i = 0; i < 700; i += 1) staged.append(new Uint8Array(65_000));
  store.close();
  // The first start sweeps, the second gives the pages back.
  for (let start = 0; start < 2; start += 1) {
    store = await open(folder);
    t.strictSame(store.outbox.count(alice), { messages: 0, items: 0, bytes: 0 });
    store.close();
  }
  t.ok(statSync(join(folder, DATABASE)).size < 2 ** 21);
});

t.test('what is asked often is found by an index', async (t) => {
  const folder = temporaryFolder(t);
  (await open(folder)).close();
  const database = await openWith(folder, MIGRATIONS);
  const plan = (sql: string) =>
    database
      .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => detail)
      .join(', ');
  const queries = [
    'select * from reading where sensor = 1 order by at desc, n desc limit 1',
    'select * from reading where sensor = 1 and at >= 1 and at < 9 order by at desc limit 5',
    'select * from outbox where contact = 1 and sequence >= 5 order by sequence',
    'select * from outbox where contact = 1 and sequence < 5 and content is not null',
    'select * from inbox where opened is null and contact = 1 order by row',
    'select * from inbox where row < 9 order by row desc limit 5',
    'select * from arriving where contact = 1 and epoch = 2 and first = 3',
    'select * from slice where id between 1 and 2 order by id',
  ];
  for (const query of queries) {
    t.match(plan(query), /SEARCH .* USING/, query);
    t.notMatch(plan(query), /SCAN|TEMP B-TREE/, query);
  }
  database.close();
});
