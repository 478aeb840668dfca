/**
 * Goal: `sotto` has the habits of a good command: data to stdout, words to stderr, an exit code
 * that tells how it ended, and a request that is what the operator's routes expect.
 * Method: the real command in its own process against a small server that plays the peer and
 * writes down what it was asked; the peer's files are written as the peer writes them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Koa from 'koa';
import t, { type Test } from 'tap';
import { manPage } from '../../scripts/write-man.ts';
import { describe } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/errors.ts';
import { COMMANDS, main } from '../../src/cli/index.ts';
import { printable } from '../../src/cli/io.ts';
import { localTime } from '../../src/cli/local-time.ts';
import { announcePresence, findPresence } from '../../src/presence.ts';
import { serve } from '../support/http.ts';

const TOKEN = 'the-token-of-this-test';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in its own process. */
async function spawnSotto(folder: string, args: readonly string[], stdin = ''): Promise<Ended> {
  const child = spawn(process.execPath, ['scripts/sotto.mjs', ...args], {
    env: { ...process.env, SOTTO_DATA_DIR: folder },
  });
  child.stdin.end(stdin);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), ...output };
}

/** The same without a process, which is quicker by a second. */
async function sotto(
  folder: string,
  args: readonly string[],
  stdin: string | Uint8Array = '',
): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  const [command = '', ...rest] = args;
  const where = command.startsWith('-') || command === 'nonsense' ? [] : ['--data-dir', folder];
  const code = await main([command, ...where, ...rest], {
    print: (line) => {
      output.stdout += `${line}\n`;
    },
    say: (line) => {
      output.stderr += `${line}\n`;
    },
    paint: (_style, text) => text,
    read: async () => Buffer.from(stdin),
    stdinIsTerminal: false,
  });
  return { code, ...output };
}

interface Asked {
  readonly request: string;
  readonly type: string;
  readonly body: string;
}

/** Answers each request as `replies` says, by method and path. */
async function playPeer(test: Test, replies: Readonly<Record<string, [number, unknown]>>) {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-cli-'));
  const asked: Asked[] = [];
  const app = new Koa();
  app.use(async (ctx) => {
    ctx.status = 401;
    if (ctx.get('authorization') !== `Bearer ${TOKEN}`) return;
    const chunks: Buffer[] = [];
    for await (const chunk of ctx.req) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    // Every command begins by asking whether it is this peer.
    if (ctx.url !== '/identity')
      asked.push({ request: `${ctx.method} ${ctx.url}`, type: ctx.get('content-type'), body });
    const [status, answer] = replies[`${ctx.method} ${ctx.path}`] ?? [404, ''];
    ctx.status = status;
    ctx.body = answer;
  });
  const port = await serve(test, app);
  const forget = announcePresence(folder, { host: '127.0.0.1', port, token: TOKEN });
  test.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, asked, forget };
}

const problem = (code: string, detail: string) => ({ code, detail, status: 409, title: 'x' });

t.test('every command explains itself, with examples', async (t) => {
  const { code, stdout, stderr } = await spawnSotto('/nowhere', ['--help']);
  t.match({ code, stderr }, { code: 0, stderr: '' });
  for (const command of COMMANDS) {
    const { name, summary, usage, examples } = command;
    t.match(stdout, summary);
    t.ok(usage.length > 0 && examples.length > 0, name);
    const called = examples.every((line) => line.includes(`sotto ${name}`));
    t.ok(called, `examples of ${name}`);
    t.match(describe(command), /--data-dir DIR .*--json .*--help /s, `options of ${name}`);
  }
  const help = await sotto('/nowhere', ['send', '--help']);
  t.match(help, { code: 0, stderr: '', stdout: /--wait SECONDS +until it has arrived/ });
});

t.test('docs/CLI.md has the help of every command, and every exit code', async (t) => {
  const document = readFileSync('docs/CLI.md', 'utf8');
  for (const command of COMMANDS) {
    t.ok(document.includes(`\n${describe(command)}\n`), `${command.name}: else \`npm run docs\``);
  }
  const codes = [...document.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  t.strictSame(codes, Object.values(EXIT));
});

t.test('man sotto says the same, and is sound', async (t) => {
  t.equal(readFileSync('packaging/sotto.1', 'utf8'), manPage(), 'else `npm run docs`');
  const lint = ['-man', '-ww', '-Kutf8', '-Tutf8', '-z', 'packaging/sotto.1'];
  const checked = spawnSync('groff', lint, { encoding: 'utf8' });
  if (checked.error !== undefined)
    t.comment('LEFT OUT for want of groff: apt-get install groff-base');
  else t.match(checked, { status: 0, stderr: '' });
});

t.test('up --print-config tells what is set, and by what, but no secret', async (t) => {
  const flags = ['--port', '7', '--contact', 'bob=http://127.0.0.1:1'];
  const shown = await sotto('/data', ['up', ...flags, '--print-config']);
  t.match(shown, { code: 0, stderr: '', stdout: '\nport = 7  # --port\n' });
  const json = await sotto('/data', ['up', ...flags, '--print-config', '--json']);
  const explained: { name: string }[] = JSON.parse(json.stdout);
  const of = (name: string) => explained.find((each) => each.name === name);
  t.strictSame(of('data-dir'), { name: 'data-dir', value: '/data', from: '--data-dir' });
  t.match(of('contact'), { value: ['bob=http://127.0.0.1:1'], from: '--contact' });
  t.match(of('trust'), { value: 'verified', from: 'default' });
  const wrong = await sotto('/data', ['up', '--port', 'seven']);
  t.match(wrong, { code: 2, stdout: '', stderr: /^sotto: port must be a number/ });
});

t.test('a process ends as its command did', async (t) => {
  const sent = { to: 'bob', id: '01-02', trust: 'verified', delivered: false };
  const { folder, asked } = await playPeer(t, { 'POST /send_msg': [202, sent] });
  const piped = await spawnSotto(folder, ['send', '--json'], 'from stdin\n');
  t.strictSame(piped, { code: 0, stdout: `${JSON.stringify(sent)}\n`, stderr: '' });
  t.match(asked, [{ body: '{"text":"from stdin"}' }]);
  const none = await spawnSotto('/nowhere', ['contacts']);
  t.match(none, { code: 3, stdout: '', stderr: /No peer runs on \/nowhere/ });
});

t.test('a wrong call is told apart from a peer that is not there', async (t) => {
  const wrong: readonly (readonly string[])[] = [
    ['nonsense'],
    ['send', '--nonsense', 'x'],
    ['send', 'two', 'texts'],
    ['send', '--file', '/does/not/exist'],
    ['verify'],
  ];
  const { folder } = await playPeer(t, {});
  for (const args of wrong) {
    const { code, stdout, stderr } = await sotto(folder, args);
    t.match({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
    t.match(stderr, /^sotto: [^\n]+\n$/, 'one sentence');
  }
  const empty = await sotto('/nowhere', ['contacts']);
  t.match(empty, { code: 3, stdout: '', stderr: /No peer runs on \/nowhere.*sotto up/ });
});

t.test('send queues a text from arguments or stdin, or a file', async (t) => {
  const sent = { to: 'bob', id: '01-02', trust: 'tofu', delivered: false };
  const { folder, asked } = await playPeer(t, { 'POST /send_msg': [202, sent] });
  const plain = await sotto(folder, ['send', '--to', 'bob', 'hello']);
  t.match(plain, {
    code: 0,
    stderr: '',
    stdout: /^queued for bob, .*nobody has compared {2}01-02\n/,
  });
  for (const [given, words] of [
    [Buffer.from([0x68, 0xff, 0x69]), /no text; --file \/dev\/stdin/],
    ['', /nothing to send/],
  ] as const) {
    t.match(await sotto(folder, ['send'], given), { code: 2, stderr: words });
  }
  t.match(await sotto(folder, ['send', '']), { code: 2, stderr: /nothing to send/ });
  const piped = await sotto(folder, ['send', '--json'], 'from stdin\n');
  t.strictSame(JSON.parse(piped.stdout), sent);
  writeFileSync(join(folder, 'a file.bin'), 'content');
  await sotto(folder, ['send', '--file', join(folder, 'a file.bin')]);
  const waited = await sotto(folder, ['send', '--wait', '1', 'hello']);
  t.equal(waited.code, 5, 'not delivered in time');
  t.strictSame(asked, [
    { request: 'POST /send_msg?to=bob', type: 'application/json', body: '{"text":"hello"}' },
    { request: 'POST /send_msg', type: 'application/json', body: '{"text":"from stdin"}' },
    {
      request: 'POST /send_msg?name=a+file.bin',
      type: 'application/octet-stream',
      body: 'content',
    },
    { request: 'POST /send_msg?wait=1', type: 'application/json', body: '{"text":"hello"}' },
  ]);
});

t.test('a letter goes to a file and back, and overwrites nothing', async (t) => {
  const { folder, asked } = await playPeer(t, {
    'POST /send_msg': [200, Buffer.from('letter')],
    'POST /receive': [200, { from: 'alice', messages: 1 }],
  });
  const file = join(folder, 'note.sotto');
  t.match(await sotto(folder, ['send', '--letter', file, 'hello']), { code: 0 });
  t.equal(readFileSync(file, 'utf8'), 'letter');
  const again = await sotto(folder, ['send', '--letter', file, 'again']);
  t.match(again, { code: 2, stderr: /exists/ });
  t.match(await sotto(folder, ['receive', file]), { code: 0, stdout: '1 new from alice\n' });
  t.match(asked.at(-1), { request: 'POST /receive', body: 'letter' });
});

t.test('what the peer refuses is told in its own words, with its code', async (t) => {
  const refused = problem('not_paired', 'There are no keys.');
  const { folder } = await playPeer(t, { 'POST /send_msg': [409, refused] });
  const plain = await sotto(folder, ['send', 'hello']);
  const stderr = 'sotto: There are no keys. (not_paired)\n';
  t.strictSame(plain, { code: 4, stdout: '', stderr });
  const json = await sotto(folder, ['send', '--json', 'hello']);
  t.strictSame(JSON.parse(json.stdout), { error: 'There are no keys.', code: 'not_paired' });
});

t.test('a next step is told as a command, whatever a contact is called', async (t) => {
  const cases: readonly (readonly [told: object, words: string])[] = [
    [{ next: { do: 'meet_here', to: 'bob' } }, 'x: run `sotto pair --to bob` again'],
    [
      // What others call themselves is neither taken for a route nor run by who pastes it.
      { reason: 'POST /verify is no', next: { do: 'meet_here', to: "$(rm -rf ~)'" } },
      "POST /verify is no: run `sotto pair --to '$(rm -rf ~)'\\'''` again",
    ],
    [{ next: { do: 'meet_here', to: '-rf' } }, 'x: run `sotto pair --to=-rf` again'],
    [{ next: { do: 'meet_here', to: '-r f' } }, "x: run `sotto pair --to='-r f'` again"],
    [{ next: { do: 'meet_here', to: 'a\u001bb' } }, "x: run `sotto pair --to 'a\ufffdb'` again"],
    [{ next: { do: 'what only a newer peer knows' } }, 'x: POST /something'],
    [{ next: { do: 'meet_here' } }, 'x: POST /something'],
  ];
  for (const [told, words] of cases) {
    const refused = { ...problem('stale', 'x: POST /something'), reason: 'x', ...told };
    const { folder } = await playPeer(t, { 'POST /send_msg': [409, refused] });
    const ended = await sotto(folder, ['send', 'hello']);
    t.strictSame(ended, { code: 4, stdout: '', stderr: `sotto: ${words} (stale)\n` });
  }
});

t.test('what stands behind -- is no option', async (t) => {
  const sent = { to: 'bob', id: '01-02', trust: 'verified', delivered: false };
  const { folder, asked } = await playPeer(t, { 'POST /send_msg': [202, sent] });
  for (const text of ['--help', '--json', '-h']) {
    const done = await sotto(folder, ['send', '--', text]);
    t.match(done, { code: 0, stdout: /^queued for bob/ }, text);
  }
  t.strictSame(
    asked.map(({ body }) => JSON.parse(body).text),
    ['--help', '--json', '-h'],
  );
  const first = await sotto(folder, ['--json', 'send', 'hello']);
  t.match(first, { code: 2, stderr: /A command comes first/ });
  t.match(JSON.parse(first.stdout), { code: 'usage' });
});

t.test('pair and verify', async (t) => {
  let whole = 'AAAA-BBBB';
  const turn = { detail: 'POST /send_keys there', next: { do: 'await_contact', to: 'bob' } };
  const waiting = { to: 'bob', state: 'waiting', verified: false, ...turn };
  const { folder, asked } = await playPeer(t, {
    get 'POST /pair'(): [number, unknown] {
      return [200, { code: whole, expires: '2026-11-21T02:00:00Z' }];
    },
    'POST /send_keys': [202, waiting],
    'POST /verify': [200, { to: 'bob', verified: true }],
  });
  const made = await sotto(folder, ['pair']);
  t.match(made, { code: 0, stdout: 'sotto pair AAAA-BBBB\n', stderr: /Type this/ });
  t.match(made.stderr, /tells no address.*CODE@http:\/\/HOST:PORT, or start it with --address\./s);
  whole = 'AAAA-BBBB@http://10.0.0.7:5000';
  const complete = await sotto(folder, ['pair']);
  t.match(complete, { code: 0, stdout: `sotto pair ${whole}\n` });
  t.notMatch(complete.stderr, /tells no address/);
  const told = await sotto(folder, ['pair', '-'], 'AAAA-BBBB\n');
  t.match(told, { code: 5, stdout: /now bob has to run `sotto pair --to NAME`/ });
  const address = 'http://127.0.0.1:5001';
  await sotto(folder, ['pair', '--to', 'bob', '--address', address, '--again']);
  t.match(await sotto(folder, ['verify', '123456']), { code: 0, stdout: /^bob is verified/ });
  t.strictSame(
    asked.map(({ body }) => JSON.parse(body)),
    [{}, {}, { code: 'AAAA-BBBB' }, { to: 'bob', address, again: true }, { code: '123456' }],
  );
});

t.test('the inbox shows text, saves files, and lets nobody draw on the terminal', async (t) => {
  const common = { verified: true, at: '2026-11-21T02:00:00Z' };
  const text = 'a\u001b[2Jb\u202ec\nmom: 500?';
  const messages = [
    { ...common, id: '0-1', from: 'bob', type: 'text', text },
    {
      ...common,
      id: '0-00000002',
      from: 'bo\u001bb\nmom',
      type: 'file',
      name: '../../etc/pass\u001b[2Jwd\nmom: 600?',
      size: 4,
      content: '/messages/2',
    },
  ];
  // One call opens only so many: this peer opens one each time.
  let unopened = [...messages];
  const { folder } = await playPeer(t, {
    get 'POST /decrypt_msg'(): [number, unknown] {
      const opened = unopened.splice(0, 1);
      return [200, { count: opened.length, ids: [], messages: opened }];
    },
    'GET /messages/2': [200, Buffer.from('file')],
  });
  const save = join(folder, 'saved');
  const { code, stdout } = await sotto(folder, ['inbox', '--save', save]);
  t.equal(code, 0);
  t.match(stdout, `${localTime(common.at)}  bob: a\ufffd[2Jb\ufffdc\n  | mom: 500?\n`);
  t.match(stdout, '  bo\ufffdb\n  | mom: [file ../../etc/pass\ufffd[2Jwd\n  | mom: 600?, 4 bytes');
  t.strictSame(readdirSync(save), ['00000002-__.._etc_pass__2Jwd_mom_ 600_']);
  t.notOk(readdirSync(folder).includes('etc'));
  unopened = [...messages];
  const lines = (await sotto(folder, ['inbox', '--json'])).stdout.trim().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).text),
    [text, undefined],
  );
});

t.test('contacts tells who wants to meet, and what to type', async (t) => {
  const shown = { contacts: [], waiting: [{ name: 'c\u001bd', address: 'http://10.0.0.7:5000' }] };
  const { folder } = await playPeer(t, { 'GET /show': [200, shown] });
  const stderr =
    '"c\ufffdd" at http://10.0.0.7:5000 wants to meet: `sotto pair --to NAME --address http://10.0.0.7:5000` if you expect it, then compare.\n';
  t.strictSame(await sotto(folder, ['contacts']), { code: 0, stdout: '', stderr });
  const nobody = await playPeer(t, { 'GET /show': [200, { contacts: [], waiting: [] }] });
  t.match(await sotto(nobody.folder, ['contacts']), { code: 0, stderr: /^Nobody yet/ });
});

t.test('covers that came back are listed, and that there are none is said', async (t) => {
  const covers: unknown[] = [];
  const { folder } = await playPeer(t, { 'GET /covers': [200, { covers }] });
  const none = { code: 0, stdout: '', stderr: /^No covers\. One comes back/ };
  t.match(await sotto(folder, ['covers']), none);
  t.match(await sotto(folder, ['covers', '--json']), { code: 0, stdout: '[]\n' });
  const figures = { width: 512, height: 512, depth: 8, size: 9, sha256: 'c0', psnr_dB: null };
  const names = { id: 3, from: 'bob', message: 'e-1', content: '/covers/3' };
  covers.push({ ...names, ...figures, at: '2026-11-21T09:00:00Z' });
  t.match(await sotto(folder, ['covers']), { stdout: /^3 .*bob .*unchanged/, stderr: '' });
});

t.test('text of others cannot steer a terminal', async (t) => {
  t.equal(printable('line\n\ttab é 👩‍🚀'), 'line\n\ttab é 👩‍🚀');
  t.equal(printable('a\u0007\r\u009b\u2066b\u2028'), 'a\ufffd\ufffd\ufffd\ufffdb\ufffd');
});

t.test('a running peer is found by its folder, a gone one is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-presence-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.equal(findPresence(folder), undefined);
  const forget = announcePresence(folder, { host: '::1', port: 5000, token: TOKEN });
  t.match(findPresence(folder), { pid: process.pid, host: '::1', port: 5000, token: TOKEN });
  for (const file of ['peer.json', 'token']) {
    t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, `${file} is private`);
  }
  forget();
  t.equal(findPresence(folder), undefined);
  t.strictSame(readdirSync(folder), []);

  for (const text of ['', '{}', '{"pid": 0}']) {
    writeFileSync(join(folder, 'peer.json'), text);
    t.equal(findPresence(folder), undefined, `${text} is of no peer`);
  }
  rmSync(join(folder, 'peer.json'));
  mkdirSync(join(folder, 'left'));
  announcePresence(join(folder, 'left'), { host: '::1', port: 5000, token: TOKEN });
  const left = join(folder, 'left', 'peer.json');
  writeFileSync(left, readFileSync(left, 'utf8').replace(`${process.pid}`, '4194304'));
  t.equal(findPresence(join(folder, 'left')), undefined, 'its process is gone');
});
