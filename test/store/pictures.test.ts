/**
 * Goal: pictures on their way, covers that came back and the memory of used covers outlive the
 * process, whole, and none of them grows without bound.
 * Method: a real file, opened again and again; a kept cover more than there is room for.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Store } from '../../src/messenger/index.ts';
import { UsedCovers } from '../../src/used-covers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contact, failureOf, joined, NOW, open, utf8 } from './support.ts';

const EPOCH = 0xffff_ffff_ffff_fff0n;
const id = (sequence: bigint) => ({ epoch: EPOCH, sequence });
const bytes = (size: number, seed: number) =>
  Uint8Array.from({ length: size }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24);

function queue(store: Store, to: number, sequence: bigint, content: Uint8Array): number {
  const staged = store.pictures.stageQueued({ contact: to, message: id(sequence), count: 2 }, NOW);
  for (let at = 0; at < content.length; at += 65_536) {
    staged.append(content.subarray(at, at + 65_536));
  }
  return Number(staged.queue());
}

function keep(store: Store, from: number, sequence: bigint, content: Uint8Array): void {
  const proof = { width: 4, height: 3, depth: 8, sha256: 'c0ffee', psnr_dB: 61.25, at: NOW };
  const staged = store.pictures.stageRestored({ contact: from, message: id(sequence), ...proof });
  staged.append(content);
  staged.queue();
}

t.test('what waits is there after a restart, byte for byte, until it is removed', async (t) => {
  const folder = temporaryFolder(t);
  const contents = [bytes(200_000, 1), bytes(1, 2)];
  let store = await open(folder);
  const bob = store.contacts.insert(contact('bob')).id;
  const ids = contents.map((content, i) => queue(store, bob, BigInt(2 * i), content));
  store.pictures.stageQueued({ contact: bob, message: id(9n), count: 1 }, NOW).append(bytes(9, 9));
  store.close();
  store = await open(folder);
  const queued = store.pictures.queued(bob);
  t.strictSame(
    queued,
    contents.map((content, i) => ({
      id: ids[i],
      contact: bob,
      message: id(BigInt(2 * i)),
      count: 2,
      size: content.length,
    })),
    'in order, without the one that was never queued',
  );
  for (const [i, { id }] of queued.entries()) {
    t.strictSame(joined(store.pictures.queuedContent(id)), contents[i]);
  }
  store.pictures.removeQueued(ids[0] ?? 0);
  store.pictures.removeQueued(ids[0] ?? 0);
  t.strictSame(
    store.pictures.queued(bob).map(({ id }) => id),
    [ids[1]],
  );
  t.equal(
    failureOf(() => joined(store.pictures.queuedContent(ids[0] ?? 0))),
    'missing',
  );
  store.contacts.remove(bob);
  t.strictSame(store.pictures.queued(bob), [], 'a removed contact gets no picture');
  store.close();
});

t.test('what was queued in a transaction that was undone can be queued again', async (t) => {
  const store = await open(temporaryFolder(t));
  const bob = store.contacts.insert(contact('bob')).id;
  const content = bytes(100_000, 3);
  const staged = store.pictures.stageQueued({ contact: bob, message: id(0n), count: 1 }, NOW);
  staged.append(content);
  staged.write();
  const undone = () =>
    store.transaction(() => {
      staged.queue();
      throw new Error('undone');
    });
  t.throws(undone, { message: 'undone' });
  t.strictSame(store.pictures.queued(bob), []);
  const again = Number(store.transaction(() => staged.queue()));
  t.strictSame(joined(store.pictures.queuedContent(again)), content);
  store.close();
});

t.test('a used cover is known for ever, unless its transaction failed', async (t) => {
  const folder = temporaryFolder(t);
  const [aa, bb] = ['aa'.repeat(32), 'bb'.repeat(32)] as const;
  let store = await open(folder);
  store.pictures.useCover(aa, NOW);
  store.pictures.useCover(aa, NOW);
  t.throws(() =>
    store.transaction(() => {
      store.pictures.useCover(bb, NOW);
      throw new Error('undone');
    }),
  );
  store.close();
  store = await open(folder);
  t.strictSame(
    [aa, bb, ''].map((sha256) => store.pictures.isCoverUsed(sha256)),
    [true, false, false],
  );
  store.close();
});

t.test(
  'a cover that anybody used from this folder is used for all, also after a restore',
  async (t) => {
    const folder = temporaryFolder(t);
    const marks = new UsedCovers(folder);
    const [ours, theirs, old] = ['0a', '0b', '0c'].map((byte) => byte.repeat(32)) as [
      string,
      string,
      string,
    ];
    writeFileSync(join(folder, 'covers-used'), `${old}\n`);
    let store = await open(folder);
    t.strictSame(store.pictures.claimCovers([ours], false), [ours]);
    store.pictures.useCover(ours, NOW);
    t.equal(marks.claim([theirs, ours]), undefined, 'the other process is refused');
    t.notOk(store.pictures.isCoverUsed(theirs), 'and has marked nothing');
    t.strictSame(marks.claim([theirs, ours], { forced: true }), [theirs]);
    for (const each of [ours, theirs, old]) t.ok(store.pictures.isCoverUsed(each), each);
    t.equal(store.pictures.claimCovers([theirs], false), undefined);
    store.close();
    (await open(folder)).close();
    // A backup is the database alone.
    rmSync(join(folder, 'used-covers'), { recursive: true });
    t.notOk(marks.has(theirs));
    store = await open(folder);
    t.strictSame([...marks.all()].sort(), [ours, theirs, old], 'marked again from the database');
    marks.release([ours]);
    t.ok(store.pictures.isCoverUsed(ours), 'which says so by itself as well');
    store.close();
  },
);

t.test('of each contact the newest hundred covers are kept, and 256 MiB', async (t) => {
  const store = await open(temporaryFolder(t));
  const [alice, bob] = ['alice', 'bob'].map((name) => store.contacts.insert(contact(name)).id);
  if (alice === undefined || bob === undefined) throw new Error('two contacts');
  keep(store, bob, 0n, utf8('of bob'));
  for (let i = 0; i < 105; i += 1) keep(store, alice, BigInt(i), utf8(`cover ${i}`));
  const restored = store.pictures.restored(1_000);
  t.equal(restored.length, 101, 'no contact pushes out another’s');
  t.match(restored[0], { contact: alice, message: id(104n), sha256: 'c0ffee', psnr_dB: 61.25 });
  t.equal(store.pictures.restoredOf(alice, id(4n)), undefined);
  const oldest = store.pictures.restoredOf(alice, id(5n));
  t.equal(
    joined(store.pictures.restoredContent(oldest?.id ?? 0)).toString(),
    utf8('cover 5').toString(),
  );
  t.match(store.pictures.restoredById(oldest?.id ?? 0), { size: 7, width: 4, at: NOW });
  // The size counts, and the newest stays however large it is.
  const large = new Uint8Array(100 * 2 ** 20);
  for (const sequence of [200n, 201n, 202n]) keep(store, alice, sequence, large);
  const left = store.pictures.restored(1_000).filter((cover) => cover.contact === alice);
  t.strictSame(
    left.map(({ message }) => message.sequence),
    [202n, 201n],
  );
  t.ok(store.pictures.restoredOf(bob, id(0n)));
  store.close();
});
