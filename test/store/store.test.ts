/**
 * Goal: contacts, settings and readings come back as they were put in; a transaction is all or
 * nothing.
 * Method: real files in temporary folders.
 */
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { PublicKey } from '../../src/crypto/index.ts';
import type { Reading } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, failureOf, open, options, received, SILENT, utf8 } from './support.ts';

const key = (fill: number) => new Uint8Array(32).fill(fill) as PublicKey;

t.test('contacts come back as they were, and stay unique', async (t) => {
  const folder = temporaryFolder(t);
  let store = await open(folder);
  const alice = store.contacts.insert(contact('alice', { publicKey: key(1) }));
  const bob = store.contacts.insert(contact('bob', { address: undefined }));
  t.equal(
    failureOf(() => store.contacts.insert(contact('alice'))),
    'duplicate',
  );
  t.equal(
    failureOf(() => store.contacts.update(bob.id, { publicKey: key(1) })),
    'duplicate',
  );
  const change = { publicKey: key(2), verified: true, name: 'Bob', maxFrame: 1400 };
  const changed = store.contacts.update(bob.id, change);
  store.close();
  store = await open(folder);
  t.strictSame(store.contacts.all(), [alice, changed]);
  t.strictSame(changed, { ...bob, ...change });
  t.strictSame(store.contacts.update(bob.id, { address: undefined, publicKey: undefined }), {
    ...changed,
    publicKey: undefined,
  });
  t.equal(
    failureOf(() => store.contacts.update(99, {})),
    'missing',
  );
  store.close();
});

t.test('a removed contact leaves what it sent, its name, and room for another', async (t) => {
  const store = await open(temporaryFolder(t));
  const alice = store.contacts.insert(contact('alice', { publicKey: key(1) }));
  store.outbox.append(alice.id, utf8('waiting'), new Date());
  store.inbox.add(received(alice.id, 1n, 0n), utf8('came'));
  store.contacts.remove(alice.id);
  t.strictSame(store.contacts.all(), []);
  t.equal(store.contacts.nameOf(alice.id), 'alice');
  t.equal(store.inbox.unopened(alice.id).length, 1);
  t.equal(
    failureOf(() => store.outbox.append(alice.id, utf8('x'), new Date())),
    'missing',
  );
  const again = store.contacts.insert(contact('alice', { publicKey: key(1) }));
  t.not(again.id, alice.id);
  t.strictSame(store.outbox.count(again.id), { messages: 0, items: 0, bytes: 0 });
  store.close();
});

t.test('each contact has an epoch of its own, which stays', async (t) => {
  const folder = temporaryFolder(t);
  const before = await open(folder);
  const ids = ['a', 'b', 'c', 'd'].map((name) => before.contacts.insert(contact(name)).id);
  const epochs = ids.map((id) => before.outbox.epoch(id));
  t.equal(new Set(epochs).size, 4);
  before.close();
  const after = await open(folder);
  t.strictSame(
    ids.map((id) => after.outbox.epoch(id)),
    epochs,
  );
  after.close();
});

t.test('a transaction is all or nothing, and nested ones join', async (t) => {
  const store = await open(temporaryFolder(t));
  const failing = () =>
    store.transaction(() => {
      store.settings.set('a', utf8('1'));
      store.transaction(() => store.settings.set('b', utf8('2')));
      throw new Error('changed my mind');
    });
  t.throws(failing, /changed my mind/);
  t.equal(store.settings.get('a'), undefined);
  t.equal(store.settings.get('b'), undefined);
  store.transaction(() => {
    store.settings.set('a', utf8('1'));
    store.transaction(() => store.settings.set('a', utf8('2')));
  });
  t.strictSame(store.settings.get('a'), utf8('2'));
  t.throws(() => store.transaction(async () => {}), /cannot wait/);
  store.close();
});

t.test('readings: latest, ranges and buckets', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  const from = store.contacts.insert(contact('esp32')).id;
  const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms);
  const reading = (ms: number, value: number, sure = true): Reading => {
    return { contact: from, name: 'temp_bmp', unit: 'Cel', at: at(ms), sure, value };
  };
  const humidity = { ...reading(500, 40), name: 'humidity', unit: undefined };
  store.readings.add([reading(0, 20), reading(900, 22, false), reading(1000, 30), humidity]);
  store.readings.add([reading(1000, 32)]);
  t.strictSame(store.readings.latest({ contact: from }), [reading(1000, 32), humidity]);
  t.strictSame(store.readings.latest({ contact: from + 1 }), []);
  const notAfter = at(950);
  t.strictSame(store.readings.latest({ notAfter }), [reading(900, 22, false), humidity]);
  const [only] = store.readings.latest({ notAfter: at(-1), names: ['temp_bmp'] });
  t.same(only, reading(1000, 32), 'better from the future than none');

  const query = { contact: from, name: 'temp_bmp', from: at(0), to: at(2000), limit: 100 };
  const values = store.readings.series(query).map(({ mean }) => mean);
  t.strictSame(values, [20, 22, 30, 32], 'two with one time are both there');
  t.strictSame(
    store.readings.series({ ...query, to: at(1000), limit: 1 }).map((b) => b.mean),
    [22],
  );
  const shared = { contact: from, name: 'temp_bmp', unit: 'Cel' };
  t.strictSame(store.readings.series({ ...query, every_ms: 1000 }), [
    { ...shared, count: 2, min: 20, mean: 21, max: 22, at: at(0), sure: false },
    { ...shared, count: 2, min: 30, mean: 31, max: 32, at: at(1000), sure: true },
  ]);
  const old = { ...reading(0, 1), at: new Date(-1) };
  store.readings.add([old]);
  const past = { from: new Date(-5000), to: new Date(0), every_ms: 1000, limit: 5 };
  t.strictSame(store.readings.series(past)[0]?.at, new Date(-1000), 'buckets begin before');
  t.equal(store.readings.series({ from: at(0), to: at(2000), limit: 100 }).length, 5);
  store.close();
});

t.test('only the owner may read the files', async (t) => {
  const folder = join(temporaryFolder(t), 'made', 'for us');
  const store = await open(folder);
  store.settings.set('a', utf8('1'));
  t.equal(statSync(folder).mode & 0o777, 0o700);
  const modes = readdirSync(folder).map((name) => [
    name,
    statSync(join(folder, name)).mode & 0o777,
  ]);
  t.strictSame(modes.sort(), [
    ['peer.db', 0o600],
    ['peer.db-wal', 0o600],
    ['peer.key', 0o600],
    ['peer.run', 0o600],
  ]);
  store.close();
  // As a careless copy or another program leaves it.
  chmodSync(join(folder, 'peer.db'), 0o644);
  (await open(folder)).close();
  t.equal(statSync(join(folder, 'peer.db')).mode & 0o777, 0o600);
});

t.test('a folder that the system does not make is refused at once', async (t) => {
  for (const folder of ['/proc/sotto/peer', '/dev/null/peer']) {
    await t.rejects(open(folder), { name: 'StoreError', failure: 'unwritable' }, folder);
  }
});

t.test('a folder is locked for others, but not one that holds their files', async (t) => {
  const warnings: string[] = [];
  const log = { ...SILENT, warn: (event: string) => warnings.push(event) };
  const modeAfter = async (folder: string) => {
    chmodSync(folder, 0o755);
    (await openStore(options(folder, { log }))).close();
    return statSync(folder).mode & 0o777;
  };
  const ours = temporaryFolder(t);
  t.equal(await modeAfter(ours), 0o700, 'empty');
  t.equal(await modeAfter(ours), 0o700, 'ours from before');
  t.strictSame(warnings, ['store_key_without_passphrase', 'store_key_without_passphrase']);
  const theirs = temporaryFolder(t);
  writeFileSync(join(theirs, 'diary.txt'), '');
  t.equal(await modeAfter(theirs), 0o755);
  t.ok(warnings.includes('store_folder_open_to_others'));
});
