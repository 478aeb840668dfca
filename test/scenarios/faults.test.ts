/**
 * Goal: a peer that cannot have its data says why in one sentence, ends with an exit code that is
 * not 0, and leaves every file as it was; put right, it has everything that it had.
 * Method: `sotto up` in a process of its own, on a folder that was used before and then spoiled.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3-multiple-ciphers';
import t, { type Test } from 'tap';
import { main } from '../../src/cli/index.ts';
import { rounds } from '../support/counts.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { pairOfProcesses, untilDelivered } from './support/pairs.ts';

const PAGE_SIZE = 8192;

/** For commands that run here. */
const SILENT = {
  print: () => {},
  say: () => {},
  paint: (_style: unknown, text: string) => text,
  read: async () => new Uint8Array(0),
  stdinIsTerminal: false,
};

/** Name and hash of every file, so that a changed bit shows. */
function snapshot(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(
    names.map((name) => {
      const content = readFileSync(join(folder, name));
      return [name, createHash('sha256').update(content).digest('hex')];
    }),
  );
}

/** A peer on `folder` does not start, says something like `sentence`, and changes nothing. */
async function assertRefused(
  t: Test,
  what: string,
  folder: string,
  sentence: RegExp,
  flags: readonly string[] = [],
): Promise<void> {
  const before = snapshot(folder);
  const peer = new PeerProcess({ name: 'alice', folder, flags: ['--log-level', 'warn', ...flags] });
  await t.rejects(peer.start(), `${what}: it does not start`);
  t.not(peer.exitCode ?? 0, 0, 'exit code');
  t.match(peer.log.join('\n'), sentence);
  t.equal(peer.log.length, 1, `one sentence: ${peer.log.join(' | ')}`);
  t.strictSame(snapshot(folder), before, 'every file is as it was');
}

/** A folder that a peer has used: it holds texts that have arrived and were not opened yet. */
async function usedFolder(t: Test, flags: readonly string[] = []) {
  const { alice, bob } = await pairOfProcesses(t, { flags });
  const texts = Array.from({ length: 40 }, (_, index) => `${index} ${'word '.repeat(400)}`);
  for (const text of texts) await bob.post('/send_msg', { text });
  await untilDelivered(bob, 'alice');
  await Promise.all([alice.stop(), bob.stop()]);
  return { alice, folder: alice.folder, texts };
}

async function assertWhole(t: Test, alice: PeerProcess, texts: readonly string[]): Promise<void> {
  await alice.start();
  t.strictSame(await alice.openedTexts(), texts, 'and everything is there again');
  await alice.stop();
}

t.test('a second process on the same folder is sent away', async (t) => {
  const { alice, bob } = await pairOfProcesses(t);
  const own = ['peer.json', 'token', 'peer.key'];
  const before = snapshot(alice.folder);
  const second = new PeerProcess({ name: 'alice', folder: alice.folder });
  await t.rejects(second.start());
  t.not(second.exitCode ?? 0, 0);
  t.match(second.log, [/A peer runs on .* already, at .*: use it, or stop it first/]);
  t.equal(second.log.length, 1, 'one sentence');
  const after = snapshot(alice.folder);
  for (const name of own) t.equal(after[name], before[name], `${name} is the first one's`);
  const { json } = await alice.post('/send_msg', { text: 'still here', wait: 30 });
  t.match(json, { delivered: true }, 'the first one does not notice');
  t.strictSame(await bob.openedTexts(), ['still here']);
});

t.test('a wrong passphrase, or none, opens nothing and changes nothing', async (t) => {
  const words = temporaryFolder(t);
  const file = (name: string, text: string) => {
    writeFileSync(join(words, name), `${text}\n`);
    return ['--passphrase-file', join(words, name)];
  };
  const right = file('right', 'correct horse battery staple');
  const { alice, folder, texts } = await usedFolder(t, right);
  await assertRefused(t, 'another passphrase', folder, /passphrase does not fit/, file('w', 'x'));
  await assertRefused(t, 'no passphrase', folder, /protected by a passphrase/);
  await assertWhole(t, alice, texts);
});

t.test('a key or a database that is not as it was is refused', async (t) => {
  const { alice, folder, texts } = await usedFolder(t);
  const spoil = async (what: string, name: string, content: Uint8Array, sentence: RegExp) => {
    const path = join(folder, name);
    const whole = readFileSync(path);
    writeFileSync(path, content);
    await assertRefused(t, what, folder, sentence);
    writeFileSync(path, whole);
  };
  const database = readFileSync(join(folder, 'peer.db'));
  const first = Buffer.from(database);
  first.writeUInt8(first.readUInt8(100) ^ 1, 100);
  await spoil('a flipped bit in page 1', 'peer.db', first, /damaged/);
  await spoil(
    'a cut database',
    'peer.db',
    database.subarray(0, PAGE_SIZE + 9),
    /damaged|cut short/,
  );
  await spoil('a damaged key', 'peer.key', Buffer.from('0123'), /peer\.key is damaged/);
  await spoil('another key', 'peer.key', Buffer.from(`${'ab'.repeat(32)}\n`), /another key/);
  copyFileSync(join(folder, 'peer.key'), join(folder, '..', 'kept'));
  rmSync(join(folder, 'peer.key'));
  await assertRefused(t, 'a lost key', folder, /neither key\.json nor peer\.key/);
  copyFileSync(join(folder, '..', 'kept'), join(folder, 'peer.key'));
  await assertWhole(t, alice, texts);
});

t.test('a damaged page is noticed when it is read, and harms nothing else', async (t) => {
  const { alice, folder, texts } = await usedFolder(t);
  const path = join(folder, 'peer.db');
  const whole = readFileSync(path);
  const pages = whole.length / PAGE_SIZE;
  t.ok(pages > 10, `${pages} pages`);
  let refusedAtStart = 0;
  for (let page = 1; page < pages; page += Math.ceil(pages / 8)) {
    const damaged = Buffer.from(whole);
    const at = page * PAGE_SIZE + 1_000;
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
    writeFileSync(path, damaged);
    const started = await alice.start().then(
      () => true,
      () => false,
    );
    if (!started) {
      refusedAtStart += 1;
      t.match(alice.log.at(-1), /^sotto: .*damaged/, `page ${page}: it says so at the start`);
    } else await assertSaysDamaged(t, alice, page, texts);
    t.notMatch(alice.log.join('\n'), /^\s+at /m, `page ${page}: no stack is shown to anybody`);
    rmSync(`${path}-wal`, { force: true });
    writeFileSync(path, whole);
  }
  t.comment(`${refusedAtStart} of them were noticed at the start`);
  await assertWhole(t, alice, texts);
});

/** It runs: either the damaged page is not needed, or reading says so and shows nothing wrong. */
async function assertSaysDamaged(t: Test, alice: PeerProcess, page: number, texts: string[]) {
  const headers = { authorization: `Bearer ${alice.token}` };
  const { status, json } = await alice.call('POST', '/decrypt_msg', { headers });
  if (status === 200) {
    t.strictSame(
      json.messages.map(({ text }) => text),
      texts,
      `page ${page} was not needed`,
    );
  } else t.match({ status, json }, { status: 500, json: { code: 'store_failed' } }, `page ${page}`);
  t.equal((await alice.call('GET', '/healthz')).status, 200, 'and it lives on');
  await alice.stop();
}

t.test('files of other programs are left alone', async (t) => {
  const folder = join(temporaryFolder(t), 'data');
  mkdirSync(folder, { mode: 0o700 });
  const foreign = new Database(join(folder, 'peer.db'));
  foreign.exec('create table theirs (a); insert into theirs values (1)');
  foreign.close();
  await assertRefused(t, 'a database without key', folder, /not a Sotto database/);
  writeFileSync(join(folder, 'peer.db'), 'Dear diary, '.repeat(1_000));
  await assertRefused(t, 'a text', folder, /not a Sotto database/);
  writeFileSync(join(folder, 'peer.key'), `${'ab'.repeat(32)}\n`);
  await assertRefused(t, 'a text beside a key', folder, /not a Sotto database/);
});

/** The command with its arguments, killed when such a file appears, or after so many ms. */
async function killed(args: readonly string[], folder: string, when: number | RegExp) {
  const child = spawn(process.execPath, ['scripts/sotto.mjs', ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const kill = () => void child.kill('SIGKILL');
  const timer = typeof when === 'number' ? setTimeout(kill, when) : undefined;
  const watcher = watch(folder, (_event, name) => {
    if (typeof when !== 'number' && when.test(name ?? '')) kill();
  });
  await ended;
  clearTimeout(timer);
  watcher.close();
}

t.test('a passphrase is the old one or the new one, whenever the command is killed', async (t) => {
  const words = temporaryFolder(t);
  const file = (text: string) => join(words, text);
  for (const text of ['one', 'two']) writeFileSync(file(text), `the words of ${text}\n`);
  const flags = (text: string) => ['--passphrase-file', file(text)];
  const { alice, folder, texts } = await usedFolder(t, flags('one'));
  const opens = async (text: string) => {
    const code = await main(['identity', 'show', '--data-dir', folder, ...flags(text)], SILENT);
    return code === 0;
  };
  const change = (from: string, to: string) => {
    const data = ['--data-dir', folder, ...flags(from)];
    return ['identity', 'passphrase', '--new-passphrase-file', file(to), ...data];
  };
  const begun = performance.now();
  await killed(change('one', 'two'), folder, 60_000);
  const whole_ms = performance.now() - begun;
  t.ok(await opens('two'), 'nobody has killed this one');
  let [current, changes] = ['two', 0];
  for (let kill = 0; kill < rounds({ reduced: 3, full: 60 }); kill += 1) {
    const next = current === 'one' ? 'two' : 'one';
    // The new key is written beside the old one, and then takes its place.
    const moments = [/^key\.json\..*\.new$/, /^key\.json$/, Math.random() * 1.3 * whole_ms];
    const when = moments[kill % moments.length] ?? 0;
    await killed(change(current, next), folder, when);
    const [old, other] = [await opens(current), await opens(next)];
    t.equal(Number(old) + Number(other), 1, `exactly one opens it, killed at ${when}`);
    if (other) [current, changes] = [next, changes + 1];
  }
  t.comment(`${changes} changes had come to their end`);
  t.notOk(
    readdirSync(folder).some((name) => name.endsWith('.new')),
    'nothing is left over',
  );
  const again = new PeerProcess({ name: 'alice', folder: alice.folder, flags: flags(current) });
  await assertWhole(t, again, texts);
});

t.test('nobody can read a secret off a running process', async (t) => {
  const folder = temporaryFolder(t);
  const word = 'correct horse battery staple';
  writeFileSync(join(folder, 'word'), `${word}\n`);
  const flags = ['--passphrase-file', join(folder, 'word')];
  const { alice, bob } = await pairOfProcesses(t, { flags });
  const shown = [alice, bob].flatMap(({ pid }) =>
    ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1')),
  );
  t.ok(
    shown.some((text) => text.includes('--passphrase-file')),
    'the right process is looked at',
  );
  for (const secret of [word, alice.token, bob.token]) {
    for (const form of [secret, Buffer.from(secret).toString('hex'), btoa(secret)]) {
      t.notOk(shown.some((text) => text.includes(form)));
    }
  }
});
