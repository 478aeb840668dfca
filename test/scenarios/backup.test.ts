/**
 * Goal: a backup made while a peer runs holds everything, is put back by one command, and the
 * peer that comes back numbers its messages anew: nothing that it sends then is taken for a
 * repeat, and what waited when the copy was made may arrive twice, but is not lost.
 * Method: real peers, the real command, and the real kernel; an older copy of the bare database is
 * put back by hand, too.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { request } from 'undici';
import { makeData } from '../support/data-folder.ts';
import { freePort } from '../support/free-ports.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const home = temporaryFolder(t);
const at = (name: string) => join(home, name);

async function sotto(...args: readonly string[]) {
  const child = spawn(process.execPath, ['scripts/sotto.mjs', ...args]);
  let [out, words] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    words += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, out, words };
}

async function startPeer(name: string, folder: string, ...flags: string[]): Promise<PeerProcess> {
  const peer = await new PeerProcess({ name, folder: at(folder), flags }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  return peer;
}

/** What bob has received from now on, until `wanted` is among it. */
async function received(bob: PeerProcess, wanted: string): Promise<string[]> {
  const texts: string[] = [];
  await until(`bob has "${wanted}"`, async () => {
    texts.push(...(await bob.openedTexts()));
    return texts.includes(wanted) ? true : undefined;
  });
  return texts;
}

t.test('a peer comes back from its backup', async (t) => {
  const alicePort = ['--port', `${await freePort()}`];
  const bobPort = ['--port', `${await freePort()}`];
  let bob = await startPeer('bob', 'bob', ...bobPort);
  let alice = await startPeer('alice', 'alice', ...alicePort);
  const { origin: bobAt } = bob;
  await alice.post('/send_keys', { to: 'bob', address: bobAt });
  await bob.post('/send_keys', { to: 'alice', address: alice.origin });
  const send = (text: string) => alice.post('/send_msg', { text });
  await send('one');
  t.strictSame(await received(bob, 'one'), ['one']);
  await bob.stop();
  await send('waits');

  const made = await sotto('backup', '-o', at('a.tar'), '--data-dir', at('alice'), '--json');
  t.match(made, { code: 0, out: `{"file":"${at('a.tar')}"}\n`, words: /Keep .*a\.tar/ });
  t.equal(statSync(at('a.tar')).mode & 0o777, 0o600);
  const names = execFileSync('tar', ['-tf', at('a.tar')], { encoding: 'utf8' });
  t.equal(names, 'peer.key\npeer.db\n', 'any tar unpacks it');
  t.notOk(
    readdirSync(at('alice')).some((name) => name.endsWith('.new')),
    'the copy in between is gone',
  );
  const again = await sotto('backup', '-o', at('a.tar'), '--data-dir', at('alice'));
  t.match(again, { code: 2, words: /exists/ });

  bob = await startPeer('bob', 'bob', ...bobPort);
  await send('after the copy');
  t.strictSame(await received(bob, 'after the copy'), ['waits', 'after the copy']);
  await alice.stop();

  const put = await sotto('backup', '--restore', at('a.tar'), '--data-dir', at('back'));
  t.match(put, { code: 0, out: /^Restored to .*back\./ });
  const over = await sotto('backup', '--restore', at('a.tar'), '--data-dir', at('back'));
  t.match(over, { code: 1, words: /is there; restore into another folder.*\(conflict\)/ });
  alice = await startPeer('alice', 'back', ...alicePort);
  const restored = () => alice.log.find((line) => line.includes('"msg":"store_restored"'));
  await until('it says so', restored);
  await send('from the copy');
  // Under its old numbering it would be a repeat of "after the copy" to bob, and be lost.
  t.strictSame(await received(bob, 'from the copy'), ['waits', 'from the copy']);

  await alice.stop();
  alice = await startPeer('alice', 'back', ...alicePort);
  await alice.stop();
  t.equal(restored(), undefined, 'only once');
  copyFileSync(join(at('back'), 'peer.db'), at('older.db'));
  alice = await startPeer('alice', 'back', ...alicePort);
  await send('sent by the newer');
  await received(bob, 'sent by the newer');
  await alice.stop();
  copyFileSync(at('older.db'), join(at('back'), 'peer.db'));
  alice = await startPeer('alice', 'back', ...alicePort);
  await send('sent by the older');
  const last = await received(bob, 'sent by the older');
  t.equal(last.at(-1), 'sent by the older', 'also where only the database was put back');
});

t.test('a peer that does not run, and what is no backup', async (t) => {
  const where = ['--data-dir', at('still')];
  t.match(await sotto('backup', '-o', at('s.tar'), ...where), { code: 3, words: /no peer in/ });
  t.notOk(existsSync(at('still')), 'nothing is made by looking');
  writeFileSync(at('words'), 'correct horse\n');
  const sealed = ['--passphrase-file', at('words')];
  await makeData(at('still'), ...sealed);
  t.match(await sotto('backup', '-o', at('s.tar'), ...where), { code: 1, words: /\(wrong_key\)/ });
  t.notOk(existsSync(at('s.tar')));
  t.match(await sotto('backup', '-o', at('s.tar'), ...where, ...sealed), { code: 0 });
  const names = execFileSync('tar', ['-tf', at('s.tar')], { encoding: 'utf8' });
  t.equal(names, 'key.json\npeer.db\n');

  copyFileSync(at('s.tar'), at('cut.tar'));
  truncateSync(at('cut.tar'), 20_000);
  execFileSync('tar', [
    '-cf',
    at('evil.tar'),
    '-C',
    home,
    '-P',
    '--transform',
    's,^,../,',
    'words',
  ]);
  for (const file of ['cut.tar', 'evil.tar', 'words']) {
    const to = ['--data-dir', at(`from ${file}`)];
    const refused = await sotto('backup', '--restore', at(file), ...to);
    t.match(refused, { code: 1, words: /not a whole backup.*\(foreign\)/ }, file);
    t.strictSame(readdirSync(at(`from ${file}`)), [], 'nothing is left');
  }
  t.match(await sotto('backup', ...where), { code: 2 });
});

t.test('only who shows the token gets a backup', async (t) => {
  const peer = await startPeer('carol', 'carol');
  t.match(await peer.post('/backup'), { status: 401, json: { code: 'token_missing' } });
  const headers = { authorization: `Bearer ${peer.token}` };
  const response = await request(`${peer.origin}/backup`, { method: 'POST', headers });
  t.equal(response.headers['content-type'], 'application/x-tar');
  t.equal((await response.body.arrayBuffer()).byteLength % 512, 0);
});
