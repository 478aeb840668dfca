/**
 * Goal: the two commands of the README do what it says, and say in one sentence why they cannot.
 * Method: the real commands as a stranger types them, on free ports, in temporary folders.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { request } from 'undici';
import { findPresence } from '../../src/presence.ts';
import { freePorts } from '../support/free-ports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function twoPorts(): Promise<string> {
  const first = await freePorts(2);
  return `${first},${first + 1}`;
}

interface Command {
  readonly process: ChildProcess;
  readonly shown: { readonly text: string };
  readonly ended: Promise<number | null>;
}

function run(script: string, args: readonly string[], flags: readonly string[] = []): Command {
  const child = spawn(process.execPath, [...flags, 'scripts/run.mjs', script, ...args]);
  const shown = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      shown.text += chunk;
    });
  }
  return { process: child, shown, ended: once(child, 'close').then(([code]) => code) };
}

async function until(command: Command, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const found = pattern.exec(command.shown.text);
    if (found !== null) return found;
    const { stdout, stderr } = command.process;
    if (stdout === null || stderr === null) throw new Error('the command has no output');
    const more = [once(stdout, 'data'), once(stderr, 'data')];
    const over = command.ended.then(() => Promise.reject(new Error(command.shown.text)));
    await Promise.race([...more, over]);
  }
}

/** A person is slower than delivery; a test is not. */
async function untilArrived(origin: string): Promise<void> {
  for (;;) {
    const { body } = await request(`${origin}/show`);
    if (/"unopened":[1-9]/.test(await body.text())) return;
  }
}

for (const crypto of ['openssl', 'noble']) {
  t.test(`npm run demo walks to its end on ${crypto}`, async (t) => {
    const { ended, shown } = run('demo.ts', ['--ports', await twoPorts(), '--crypto', crypto]);
    t.equal(await ended, 0, shown.text);
    const codeOf = (name: string) =>
      new RegExp(`^ *${name} +│ .*code (\\d{6})`, 'm').exec(shown.text)?.[1];
    t.match(codeOf('alice'), /^\d{6}$/);
    t.equal(codeOf('alice'), codeOf('bob'), 'the same code on both');
    t.match(shown.text, /bob {3}│ alice \(not verified\): Meet me at the old mill/);
    t.match(shown.text, /Every step did what it should\.\n$/);
  });
}

t.test('npm start shows four lines to paste, and they work', async (t) => {
  const folder = temporaryFolder(t);
  const start = run('run-two-peers.ts', ['--ports', await twoPorts(), '--data-dir', folder]);
  await until(start, /Ctrl-C stops both/);
  const lines = [...start.shown.text.matchAll(/^ {2}\d\. curl (.*)$/gm)].map(
    ([, line = '']) => line,
  );
  t.equal(lines.length, 4);
  await until(start, /alice │ store_key_without_passphrase/);
  t.pass('a warning is not swallowed');
  const statuses: number[] = [];
  for (const line of lines) {
    const body = /-d '(.*)'/.exec(line)?.[1] ?? null;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const url = /http:\S+/.exec(line)?.[0] ?? '';
    if (url.endsWith('/decrypt_msg')) await untilArrived(new URL(url).origin);
    const answer = await request(url, { method: 'POST', body, headers });
    statuses.push(answer.statusCode);
    await answer.body.dump();
  }
  t.strictSame(statuses, [202, 200, 202, 200]);
  await until(start, /bob {3}│ .*hello bob/);

  const link = /alice's page {2}(\S+)/.exec(start.shown.text)?.[1] ?? '';
  const page = await request(link);
  t.equal(page.statusCode, 303, "alice's page link opens a session");
  t.match(page.headers['set-cookie'], /HttpOnly; SameSite=Strict/);

  start.process.kill('SIGINT');
  t.equal(await start.ended, 0, 'Ctrl-C ends it cleanly');
  for (const name of ['alice', 'bob']) t.equal(findPresence(join(folder, name)), undefined);
});

t.test('Ctrl-C while they are starting ends both cleanly as well', async (t) => {
  const folder = temporaryFolder(t);
  const start = run('run-two-peers.ts', ['--ports', await twoPorts(), '--data-dir', folder]);
  while (!existsSync(join(folder, 'bob', 'peer.key'))) await sleep(5);
  start.process.kill('SIGINT');
  t.equal(await start.ended, 0, start.shown.text);
  for (const name of ['alice', 'bob']) {
    const left = existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [];
    t.notOk(left.includes('peer.json'), `${name} has put everything away: ${left.join(' ')}`);
  }
});

t.test('nobody is left over when npm start itself is killed', async (t) => {
  const folder = temporaryFolder(t);
  const start = run('run-two-peers.ts', ['--ports', await twoPorts(), '--data-dir', folder]);
  await until(start, /Ctrl-C stops both/);
  start.process.kill('SIGKILL');
  await start.ended;
  const gone = () => ['alice', 'bob'].every((name) => !findPresence(join(folder, name)));
  while (!gone()) await sleep(20);
  t.ok(gone());
});

t.test('what stands in the way is told in one sentence', async (t) => {
  const folder = temporaryFolder(t);
  const busy = createServer().listen(0, '127.0.0.1');
  t.teardown(() => busy.close());
  await once(busy, 'listening');
  const { port } = busy.address() as AddressInfo;
  const [free = ''] = (await twoPorts()).split(',');
  mkdirSync(join(folder, 'strange', 'alice'), { recursive: true });
  writeFileSync(join(folder, 'strange', 'alice', 'thesis.txt'), 'irreplaceable');
  const strange = join(folder, 'strange');
  const ports = await twoPorts();
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--ports', `${free},${port}`], new RegExp(`^Port ${port} cannot be used\\. .*--ports A,B`)],
    [
      ['--ports', ports, '--data-dir', '/dev/null/x'],
      /^alice did not start: cannot use \/dev\/null/,
    ],
    [['--ports', ports, '--data-dir', '/proc/x'], /^alice did not start: cannot use \/proc\/x/],
    [['--ports', '5000'], /^--ports takes two different ports/],
    [['--ports', '5000.5,5001'], /^--ports takes two different ports/],
    [['--ports', '7,7'], /^--ports takes two different ports/],
    [['--portz', '7,8'], /^Unknown option '--portz'/],
    [['--ports', ports, '--data-dir', strange, '--fresh'], /is not the folder of a peer/],
  ];
  for (const [args, sentence] of cases) {
    const { ended, shown } = run('run-two-peers.ts', args);
    t.not(await ended, 0, args.join(' '));
    t.match(shown.text, sentence);
    t.match(shown.text, /^[^\n]+\n$/, 'one line');
  }
  t.strictSame(
    readdirSync(join(strange, 'alice')),
    ['thesis.txt'],
    '--fresh empties no other folder',
  );
});

t.test('a Node that is too old is told so', async (t) => {
  const folder = temporaryFolder(t);
  for (const file of ['run.mjs', 'launch.mjs']) copyFileSync(`scripts/${file}`, join(folder, file));
  const old = 'Object.defineProperty(process, "versions", { value: { node: "20.20.2" } })';
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(old)}`];
  const file = join(folder, 'run.mjs');
  const child = spawn(process.execPath, [...flags, file, 'run-two-peers.ts', '--json']);
  const said = { out: '', words: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.words += chunk;
  });
  const [code] = await once(child, 'close');
  t.equal(code, 1);
  const sentence =
    /^sotto: (Sotto needs Node 24 or newer, and this is 20\.20\.2\. [^\n]+) \(node_too_old\)\n$/;
  const words = sentence.exec(said.words)?.[1];
  t.strictSame(JSON.parse(said.out), { error: words, code: 'node_too_old' });
});
