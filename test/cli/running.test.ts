/**
 * Goal: what a command shows of a running peer is what the peer knows, and a command that goes on
 * ends at Ctrl-C as a finished one; where no peer runs, a command does by itself what it can.
 * Method: the real command in processes of its own, on a real peer whose store was filled before;
 * and commands in this process, on the data of a peer before and after it has stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { main } from '../../src/cli/index.ts';
import { localTime } from '../../src/cli/local-time.ts';
import { openssl } from '../../src/crypto/index.ts';
import { unmet } from '../../src/messenger/index.ts';
import { findPresence } from '../../src/presence.ts';
import { openStore } from '../../src/store/index.ts';
import { makeData } from '../support/data-folder.ts';
import { silentLog } from '../support/http.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const home = temporaryFolder(t);

const HOUR_MS = 3_600_000;
/** Two values that were measured at one time shall not lie on both sides of a full hour. */
const begun = Date.now() - 10_000;
const newest = new Date(begun - (begun % HOUR_MS > HOUR_MS - 10_000 ? 20_000 : 0));

async function fill(folder: string): Promise<void> {
  const store = await openStore({ folder, key: 'key file', log: silentLog, crypto: openssl });
  const { id } = store.contacts.insert(unmet('=attic\u001b', 'http://127.0.0.1:9'));
  const of = (name: string, unit: string, value: number, hours = 0, sure = true) => {
    const at = new Date(newest.getTime() - hours * HOUR_MS);
    return { contact: id, name, unit, value, at, sure };
  };
  store.readings.add([of('temp_bmp', 'Cel', 19, 2), of('temp_bmp', 'Cel', 21, 1.999)]);
  store.readings.add([of('temp_bmp', 'Cel', 25.08), of('humid_sht4', '%RH\nmom', 48, 1, false)]);
  store.close();
}

/** @param stdout a descriptor to print to, instead of `output.stdout`. */
function sotto(folder: string, args: readonly string[], stdout: number | 'pipe' = 'pipe') {
  const child = spawn(process.execPath, ['scripts/sotto.mjs', ...args], {
    env: { ...process.env, SOTTO_DATA_DIR: folder },
    stdio: ['ignore', stdout, 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return { child, output };
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close');
  return code;
}

t.test('sensors and inbox on a running peer', async (t) => {
  const folder = join(home, 'pi');
  await fill(folder);
  const peer = await new PeerProcess({ name: 'pi', folder }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const run = async (...args: string[]) => {
    const { child, output } = sotto(folder, args);
    return { code: await ended(child), ...output };
  };

  t.test('the newest of each sensor, a series, a table', async (t) => {
    const plain = await run('sensors');
    t.match(plain, { code: 0, stderr: '' });
    t.match(plain.stdout, `${localTime(newest)}   =attic\ufffd  temp_bmp  25.08 Cel\n`);
    t.match(
      plain.stdout,
      '~  =attic\ufffd  humid_sht4  48 %RH\n  | mom\n',
      'unsure, and one entry',
    );
    const json = await run('sensors', '--json', '--name', 'temp_bmp');
    const expected = { device: '=attic\u001b', name: 'temp_bmp', unit: 'Cel', mean: 25.08 };
    t.match(JSON.parse(json.stdout), { ...expected, at: newest.toISOString(), sure: true });
    const from = new Date(newest.getTime() - 3 * HOUR_MS).toISOString();
    const series = await run('sensors', '--from', from, '--every', '3600', '--name', 'temp_bmp');
    t.equal(series.stdout.trim().split('\n').length, 2);
    t.match(series.stdout, /20 Cel {2}19 … 21 of 2\n/);
    const csv = await run('sensors', '--csv');
    t.match(csv.stdout, /^device,name,unit,at,count,min,mean,max,sure\r\n/);
    t.match(csv.stdout, "'=attic", 'a spreadsheet takes no formula from a device');
    t.match(await run('sensors', '--csv', '--json'), { code: 2, stderr: /Either/ });
    t.match(await run('sensors', '--follow', '--from', from), { code: 2, stdout: '' });
    t.match(await run('sensors', '--limit', 'all'), { code: 2, stderr: /\(invalid_request\)/ });
  });

  t.test('what goes on ends at Ctrl-C as asked', async (t) => {
    for (const command of ['sensors', 'inbox']) {
      const { child, output } = sotto(folder, [command, '--follow']);
      t.teardown(() => child.kill('SIGKILL'));
      await until('it says so', () => (/until Ctrl-C/.test(output.stderr) ? true : undefined));
      child.kill('SIGINT');
      t.equal(await ended(child), 0, command);
    }
  });

  t.test('a reader that has had enough is no mistake', async (t) => {
    const { child, output } = sotto(folder, ['sensors', '--csv']);
    child.stdout?.destroy();
    t.equal(await ended(child), 0);
    t.equal(output.stderr, '');
  });
});

t.test('a full disk ends no peer that logs to it, and a command with a sentence', async (t) => {
  const folder = join(home, 'logged');
  await fill(folder);
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const own = ['--port', '0', '--data-dir', folder, '--log-level', 'debug'];
  const logged = spawn(process.execPath, ['scripts/sotto.mjs', 'up', '--demo', ...own], {
    stdio: ['ignore', full, full],
  });
  const gone = ended(logged);
  t.teardown(() => gone);
  t.teardown(() => logged.kill('SIGKILL'));
  const { port } = await until('it listens', () => findPresence(folder));
  for (const _ of 'abc') {
    const { status } = await fetch(`http://127.0.0.1:${port}/healthz`);
    t.equal(status, 200, 'a line each');
  }
  const { child, output } = sotto(folder, ['sensors', '--json'], full);
  t.equal(await ended(child), 1);
  t.equal(output.stderr, 'What was to be printed cannot be written (ENOSPC).\n');
});

t.test('the log has levels, and only those that were asked for', async (t) => {
  const peer = await new PeerProcess({ name: 'loud', folder: join(home, 'loud') }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const lines = () =>
    peer.log.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const listening = { level: 'info', time: String, msg: 'listening', origin: peer.origin };
  t.match(
    // What a process logs comes another way than that it is ready.
    await until('it is logged', () => lines().find(({ msg }) => msg === 'listening')),
    listening,
  );
  t.strictSame([...new Set(lines().map(({ level }) => level))].sort(), ['info', 'warn']);
  await peer.stop();
  const flags = ['--log-level', 'debug'];
  const loud = await new PeerProcess({ name: 'loud', folder: join(home, 'loud'), flags }).start();
  t.teardown(() => loud.stop('SIGKILL'));
  await loud.call('GET', '/send_msg?text=hush&to=nobody');
  const told = await until('the request is logged', () =>
    loud.log.find((line) => /send_msg.*"msg":"request"/.test(line)),
  );
  t.match(JSON.parse(told), { level: 'debug', method: 'GET', route: '/send_msg', status: 404 });
  t.notMatch(loud.log.join('\n'), 'hush');
  const quiet = { flags: ['--log-level', 'error'], folder: join(home, 'loud') };
  await loud.stop();
  const silent = await new PeerProcess({ name: 'loud', ...quiet }).start();
  t.teardown(() => silent.stop('SIGKILL'));
  t.strictSame(
    silent.log.filter((line) => line.startsWith('{')),
    [],
  );
});

/** A command in this process. */
async function here(...args: readonly string[]) {
  const [out, said]: [string[], string[]] = [[], []];
  const code = await main(args, {
    print: (line) => void out.push(line),
    say: (line) => void said.push(line),
    paint: (_style, text) => text,
    read: async () => new Uint8Array(),
    stdinIsTerminal: false,
  });
  return { code, out: out.join('\n'), said: said.join('\n') };
}

/** Both verified, and both running. */
async function friends(t: Test) {
  const flags = ['--trust', 'verified'];
  const peer = async (name: string) => {
    const started = await new PeerProcess({ name, folder: join(home, name), flags }).start();
    t.teardown(() => started.stop('SIGKILL'));
    return started;
  };
  const [alice, bob] = await Promise.all([peer('alice'), peer('bob')]);
  await alice.post('/send_keys', { to: 'bob', address: bob.origin });
  const { json } = await bob.post('/send_keys', { to: 'alice', address: alice.origin });
  const listed = (await here('contacts', '--data-dir', alice.folder)).out;
  // Who sent keys first hears the code by asking; they are friends already the second time.
  if (json.code !== undefined)
    t.match(listed, new RegExp(`code ${json.code}   key check [0-9a-f]`));
  else t.notMatch(listed, /code \d/);
  await alice.post('/verify', { to: 'bob', code: json.code });
  await bob.post('/verify', { to: 'alice', code: json.code });
  return { alice, bob, data: ['--data-dir', join(home, 'alice')] };
}

t.test('where no peer runs, a command does it by itself', async (t) => {
  const { alice, bob, data } = await friends(t);
  const known = JSON.parse((await here('contacts', '--json', ...data)).out);
  await bob.post('/send_msg', { text: 'while you are here', wait: 60 });
  await alice.stop();

  const alone = JSON.parse((await here('contacts', '--json', ...data)).out);
  t.match(alone, [{ name: 'bob', verified: true, fingerprint: known[0].fingerprint }]);
  t.match(await here('inbox', ...data), { code: 0, out: 'bob: while you are here' });
  t.match(await here('inbox', ...data), { code: 0, out: '', said: 'Nothing new.' });
  t.match(await here('sensors', '--json', ...data), { code: 0, out: '', said: /No readings/ });
  t.match(await here('send', 'by myself', '--wait', '60', ...data), {
    code: 0,
    out: /^delivered for bob/,
  });
  t.strictSame(await bob.openedTexts(), ['by myself']);
  await bob.stop();
  const waits = await here('send', 'for later', ...data);
  t.match(waits, { code: 0, out: /^queued for bob/, said: /it goes with `sotto up`/ });

  const letter = join(home, 'note.sotto');
  t.match(await here('send', 'by hand', '--letter', letter, ...data), { code: 0 });
  const of = ['--data-dir', join(home, 'bob')];
  t.match(await here('receive', letter, ...of), { code: 0, out: '1 new from alice' });
  t.match(await here('inbox', ...of), { out: 'alice: by hand' });

  for (const needy of [['inbox', '--follow'], ['pair'], ['verify', '123456']]) {
    const said = /and (--follow|pairing|comparing) needs one that stays\. Run `sotto up`/;
    t.match(await here(...needy, ...data), { code: 3, out: '', said }, `${needy[0]} says so`);
  }
  t.equal(findPresence(join(home, 'alice')), undefined, 'none is left behind');
  await alice.start();
  t.match(await alice.contact('bob'), { verified: true, queued: { messages: 1 } });
});

/** Answers every exchange with nothing: somebody who is there, and has not acted yet. */
async function quietPeer(t: Test): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', TYPE).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const TYPE = 'application/octet-stream';

t.test('each documented exit code is what a command ends with', async (t) => {
  const at = (name: string) => join(home, name);
  const data = ['--data-dir', at('codes')];
  const peer = await new PeerProcess({ name: 'codes', folder: at('codes') }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  writeFileSync(at('words'), 'correct horse\n');
  writeFileSync(at('others'), 'battery staple\n');
  writeFileSync(at('large'), new Uint8Array(9_999));
  const used = ['--data-dir', at('used')];
  const picture = [at('64.png'), at('words'), '-o', at('out.png'), ...used];
  const elsewhere = [at('64.png'), at('words'), '-o', '/proc/out/out.png', ...used];
  const away = ['--to', 'quiet', '--address', await quietPeer(t)];
  const table: readonly (readonly [number, readonly string[]])[] = [
    [0, ['--version']],
    [0, ['contacts', ...data]],
    [0, ['cover', '-o', at('64.png'), '--pixels', '64']],
    [0, ['hide', ...picture, '--passphrase-file', at('words')]],
    [1, ['doctor', '--serial', '/dev/null', ...data]],
    [1, ['backup', '--restore', at('words'), '--data-dir', at('restored')]],
    [2, ['send', 'one', 'two', ...data]],
    [2, ['send', 'hello', '--wait', '61', ...data]],
    [2, ['send', 'hello', '--letter', at('nowhere/letter'), ...data]],
    [2, ['pair', 'NOTACODE', ...data]],
    [2, ['verify', 'abc', '--to', 'quiet', ...data]],
    [2, ['contacts', '--forget', '', ...data]],
    [2, ['sensors', '--from', 'yesterday', ...data]],
    [2, ['inbox', '--save', '/proc/downloads', ...data]],
    [2, ['hide', ...elsewhere, '--passphrase-file', at('words'), '--force']],
    [2, ['inbox', '--last', 'all', ...data]],
    [2, ['inbox', '--last', '3', '--follow', ...data]],
    [2, ['up', '--port', 'seven']],
    [2, ['--json']],
    [2, ['bridge', '--serial', '/dev/null', '--port', '0', '--peer', 'localhost']],
    [3, ['contacts', '--data-dir', at('nobody')]],
    [3, ['pair', '--data-dir', at('nobody')]],
    [4, ['send', 'hello', '--to', 'nobody', ...data]],
    [4, ['receive', at('words'), ...data]],
    [5, ['pair', ...away, ...data]],
    [6, ['hide', at('64.png'), at('large'), '-o', at('no.png'), '--passphrase-file', at('words')]],
    [7, ['reveal', at('out.png'), '-o', at('no'), '--passphrase-file', at('others')]],
  ];
  for (const [code, args] of table) {
    const words = args.join(' ').replaceAll(home, '');
    const ended = await here(...args);
    t.equal(ended.code, code, `${words}: ${ended.said}`);
    t.notMatch(ended.said, /\n\s+at /, 'no stack for a mistake of the user');
  }
  const rows = readFileSync('docs/CLI.md', 'utf8').matchAll(/^\| (\d+) \|/gm);
  t.strictSame(
    [...new Set(table.map(([code]) => code))],
    [...rows].map(([, code]) => Number(code)),
  );
});

t.test('what cannot be saved is not lost', async (t) => {
  const { alice, bob, data } = await friends(t);
  const save = join(home, 'downloads');
  const send = (bytes: string) => bob.call('POST', '/send_msg?name=a.txt&wait=60', { body: bytes });
  await send('first');
  t.match(await here('inbox', '--save', join(home, 'words'), ...data), { code: 2, out: '' });
  t.notMatch((await here('inbox', '--last', '5', ...data)).out, 'a.txt', 'nothing was opened');
  t.match(await here('inbox', '--save', save, ...data), { code: 0, out: /saved as .*a\.txt/ });
  await here('inbox', '--last', '1', '--save', save, ...data);
  t.strictSame(
    readdirSync(save).map((name) => readFileSync(join(save, name), 'utf8')),
    ['first', 'first'],
    'a second one of the same name goes beside it',
  );
  await bob.post('/send_msg', { text: `long ${'x'.repeat(20_000)}`, wait: 60 });
  await here('inbox', ...data);
  const again = await here('inbox', '--last', '1', '--json', ...data);
  t.equal(JSON.parse(again.out).text.length, 20_005, 'a long text is whole');
  await alice.stop();
  t.match(await here('inbox', '--last', '1', '--from', 'bob', ...data), {
    code: 0,
    out: /: long x/,
  });
});

t.test('an identity is shown, exported and protected also while its peer runs', async (t) => {
  const folder = join(home, 'kept');
  const data = ['--data-dir', folder];
  const words = join(home, 'words');
  writeFileSync(words, 'correct horse\n');
  const before = await makeData(folder);
  const peer = await new PeerProcess({ name: 'kept', folder }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const shown = JSON.parse((await here('identity', 'show', '--json', ...data)).out);
  t.strictSame(shown, before);
  const file = join(home, 'kept.identity');
  const exported = ['-o', file, '--new-passphrase-file', words];
  t.match(await here('identity', 'export', ...exported, ...data), { code: 0 });
  const elsewhere = ['--data-dir', join(home, 'moved')];
  const taken = ['--new-passphrase-file', words, '--json'];
  const moved = await here('identity', 'import', file, ...taken, ...elsewhere);
  t.strictSame(JSON.parse(moved.out), before);

  const next = ['--new-passphrase-file', words];
  t.match(await here('identity', 'passphrase', ...next, ...data), { code: 0 });
  t.match(await here('identity', 'passphrase', ...next, ...data), {
    code: 4,
    said: /\(wrong_passphrase\)/,
  });
  for (const [verb, ...rest] of [
    ['import', file, ...next],
    ['passphrase', '--key-file'],
  ]) {
    const refused = await here('identity', verb ?? '', ...rest, ...data);
    t.match(refused, { code: 2, said: /stop it first/ });
  }
  await peer.stop();
  t.match(await here('contacts', ...data), { code: 1, said: /\((wrong_key|usage)\)/ });
  t.match(await here('contacts', '--passphrase-file', words, ...data), { code: 0 });
});
