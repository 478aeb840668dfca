/**
 * Goal: every command has the same habits, also the next one that somebody writes.
 * Method: one table of all commands; each is called wrongly, without a peer, in a pipe and on a
 * terminal. What is not in the table fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rowsOf } from '../../src/cli/command.ts';
import type { CommandCode } from '../../src/cli/error-codes.ts';
import { EXIT } from '../../src/cli/errors.ts';
import { FINDINGS } from '../../src/cli/findings.ts';
import { COMMANDS, main } from '../../src/cli/index.ts';
import { localTime } from '../../src/cli/local-time.ts';
import { makeData } from '../support/data-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The type sees to it that none is missing, and the document is held against these. */
const CODES: Readonly<Record<CommandCode, true>> = {
  usage: true,
  settings_wrong: true,
  no_peer: true,
  peer_forbidden: true,
  no_words: true,
  failed: true,
  internal: true,
  node_too_old: true,
  not_installed: true,
  cover_used: true,
  parts_missing: true,
  duplicate: true,
  conflict: true,
  missing: true,
  full: true,
  busy: true,
  wrong_key: true,
  damaged: true,
  foreign: true,
  unwritable: true,
  closed: true,
  malformed: true,
  unsupported: true,
  too_large: true,
  capacity: true,
  no_message: true,
};

const home = temporaryFolder(t);
const at = (name: string) => join(home, name);
writeFileSync(at('words'), 'correct horse\n');
writeFileSync(at('note'), 'see you at nine\n');

const { noPeer, usage, done, failed } = EXIT;

interface Habit {
  /** A sound call where no peer runs, and how it ends. */
  readonly call: readonly string[];
  readonly ends: number;
}

/** In an order in which each finds what the one before has made. */
const TABLE: Readonly<Record<string, Habit>> = {
  up: { call: ['--print-config', '--port', '0'], ends: done },
  nearby: { call: ['--seconds', '0'], ends: done },
  pair: { call: [], ends: noPeer },
  verify: { call: ['123456'], ends: noPeer },
  contacts: { call: [], ends: noPeer },
  send: { call: ['hello'], ends: noPeer },
  receive: { call: [at('note')], ends: noPeer },
  inbox: { call: [], ends: noPeer },
  sensors: { call: [], ends: noPeer },
  covers: { call: [], ends: noPeer },
  identity: { call: ['show'], ends: done },
  backup: { call: ['-o', at('copy.tar')], ends: done },
  doctor: { call: ['--port', '0', '--serial', '/dev/null'], ends: failed },
  bridge: { call: ['--serial', '/dev/null', '--port', '65536'], ends: usage },
  cover: { call: ['-o', at('cover.png'), '--pixels', '128'], ends: done },
  capacity: { call: [at('cover.png')], ends: done },
  hide: {
    call: [at('cover.png'), at('note'), '-o', at('out.png'), '--passphrase-file', at('words')],
    ends: done,
  },
  reveal: { call: [at('out.png'), '-o', at('back'), '--passphrase-file', at('words')], ends: done },
  completion: { call: ['bash'], ends: done },
};

async function run(name: string, args: readonly string[]) {
  let [out, words] = ['', ''];
  const code = await main([name, '--data-dir', at('data'), ...args], {
    print: (line) => {
      out += `${line}\n`;
    },
    say: (line) => {
      words += `${line}\n`;
    },
    paint: (_style, text) => text,
    read: async () => new Uint8Array(),
    stdinIsTerminal: false,
  });
  return { code, out, words };
}

const ONE_SENTENCE = /^sotto: [^\n]+ \([a-z_]+\)\n$/;

t.test('every command is in the table', async (t) => {
  t.strictSame(Object.keys(TABLE).sort(), COMMANDS.map(({ name }) => name).sort());
});

for (const command of COMMANDS) {
  const { name, summary, usage: ways, examples } = command;
  t.test(`sotto ${name}`, async (t) => {
    const help = await run(name, ['--help']);
    t.match(help, { code: 0, words: '' });
    t.ok(
      help.out.startsWith(`${summary}.\n`) && /^[A-Z]/.test(summary),
      'starts with what it does',
    );
    t.match(help.out, /\nOptions:\n/);
    t.match(help.out, /\nExamples:\n {2}.*sotto /);
    t.ok(ways.length > 0 && examples.every((line) => line.includes(`sotto ${name}`)), 'examples');
    t.strictSame(await run(name, ['-h']), help, '-h is the same');

    const flags = rowsOf(command).map(([flag]) => flag);
    for (const flag of ['--data-dir DIR', '--json', '--help']) t.ok(flags.includes(flag), flag);
    const secrets = flags.filter((flag) => /passphrase|password|token|secret|key\b/.test(flag));
    const told = secrets.filter((flag) => !/ (FILE|NUMBER)$|^--key-file$/.test(flag));
    t.strictSame(told, [], 'no secret is an argument');

    const unknown = await run(name, ['--no-such-option']);
    t.match(unknown, { code: usage, out: '', words: ONE_SENTENCE });
    t.match(unknown.words, `\`sotto ${name} --help\``);
    const many = await run(
      name,
      Array.from({ length: 300 }, (_, i) => `${i}`),
    );
    t.match(many, { code: usage, out: '', words: ONE_SENTENCE }, 'too many arguments');
    const json = await run(name, ['--json', '--no-such-option']);
    t.equal(json.code, usage);
    t.match(JSON.parse(json.out), { error: String, code: /^(usage|settings_wrong)$/ });
  });
}

t.test('a sound call, once for people and once for programs', async (t) => {
  for (const { name } of [...COMMANDS].sort(byTable)) {
    const { call, ends } = TABLE[name] ?? { call: [], ends: -1 };
    if (name === 'identity') await makeData(at('data'));
    const plain = await run(name, call);
    t.equal(plain.code, ends, `${name}: ${plain.words}`);
    if (ends === noPeer) t.match(plain, { out: '', words: /^sotto: No peer runs on .*no_peer/ });
    const again = call.map((word) => word.replace(/(copy\.tar|out\.png|back)$/, 'json-$1'));
    const input = name === 'reveal' ? call : again;
    const json = await run(name, [...input, '--json', ...(name === 'hide' ? ['--force'] : [])]);
    const lines = json.out.split('\n').filter((line) => line !== '');
    if (name === 'reveal' || name === 'cover') t.match(json.words, /is there already/);
    else t.equal(json.code, ends, `${name} --json`);
    t.equal(lines.length, 1, `${name}: one line of JSON`);
    t.doesNotThrow(() => JSON.parse(lines[0] ?? ''));
    if (json.code !== done && name !== 'doctor') {
      t.ok(JSON.parse(lines[0] ?? '').code in CODES, `${name}: a code`);
    }
  }
});

const order = Object.keys(TABLE);
function byTable(a: { readonly name: string }, b: { readonly name: string }): number {
  return order.indexOf(a.name) - order.indexOf(b.name);
}

/** What a terminal, or two pipes, get to see; `heard` is told all of it so far. */
async function shown(
  terminal: boolean,
  args: readonly string[],
  variables = {},
  heard: (text: string) => void = () => {},
) {
  const sotto = [process.execPath, 'scripts/sotto.mjs', ...args];
  const [program = '', ...rest] = terminal
    ? ['script', '-qec', sotto.map((word) => `'${word}'`).join(' '), '/dev/null']
    : sotto;
  const env = { ...process.env, TERM: 'xterm', NO_COLOR: '', ...variables };
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
      heard(text);
    });
  }
  await once(child, 'close');
  return text;
}

t.test('colours and bars are for a terminal only', async (t) => {
  const doctor = ['doctor', '--port', '0', '--data-dir', at('none')];
  t.match(await shown(true, doctor), '\u001b[32mok');
  t.match(await shown(true, doctor, { NO_COLOR: '1' }), /^ok /);
  t.match(await shown(false, doctor), /^ok /);
  const copy = (name: string) => ['backup', '--data-dir', at('data'), '-o', at(name)];
  t.match(await shown(true, copy('a.tar')), /copying .*\d s/);
  const piped = await shown(false, copy('b.tar'));
  t.match(piped, at('b.tar'));
  t.notMatch(piped, 'copying');
  t.notMatch(piped, '\r');
  const none = ['send', '--file', at('note'), '--data-dir', at('nobody')];
  t.match(await shown(true, none), /^sotto: No peer runs/, 'no bar for what never begins');
  const taken = await shown(true, ['receive', at('note'), '--data-dir', at('data')]);
  t.match(taken, /looking {2}.* \d s/);
});

t.test('the log is words for a terminal, and JSON for a program', async (t) => {
  const up = async (isTerminal: boolean) => {
    let isStopped = false;
    return await shown(isTerminal, ['up', '--port', '0', '--data-dir', at('log')], {}, (text) => {
      if (isStopped || !text.includes('listens at')) return;
      isStopped = true;
      process.kill(JSON.parse(readFileSync(at('log/peer.json'), 'utf8')).pid, 'SIGTERM');
    });
  };
  const words = /^\d\d:\d\d:\d\d warn {2}store_key_without_passphrase file=peer\.key\r?\n/;
  t.match(await up(true), words);
  const [line = ''] = (await up(false)).split('\n');
  t.match(JSON.parse(line), { level: 'warn', msg: 'store_key_without_passphrase' });
});

t.test('a peer of another user is told from one that is not there', async (t) => {
  if (process.getuid?.() !== 0) return t.comment('LEFT OUT: needs root to be another user');
  const index = new URL('../../src/cli/index.ts', import.meta.url).href;
  const program = `const { main } = await import(${JSON.stringify(index)});
process.setgroups([]); process.setgid(65534); process.setuid(65534);
process.exitCode = await main(['contacts', '--data-dir', ${JSON.stringify(at('data'))}]);`;
  // Without what the test runner adds, which writes where nobody may.
  const clean = ['-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '-e', program];
  const { status, stderr } = spawnSync('env', clean, { encoding: 'utf8' });
  t.match({ status, stderr }, { status: noPeer, stderr: /another user.*\(peer_forbidden\)\n$/ });
});

t.test('every code of a command is explained', async (t) => {
  const document = readFileSync('docs/ERRORS.md', 'utf8');
  const sections = document.split(/^## /m);
  const codesOf = (title: string) => {
    const section = sections.find((text) => text.startsWith(title)) ?? '';
    return [...section.matchAll(/^\| `(\w+)` \|.* [^|]{10,}\. \|$/gm)].map(([, code]) => code);
  };
  const commands = codesOf('What commands refuse themselves');
  t.strictSame(commands, Object.keys(CODES), 'and no code that there is not');
  const findings = codesOf('What `sotto doctor` finds');
  t.strictSame(findings, Object.keys(FINDINGS), 'nor one of the doctor');
});

t.test('people are told the time by their own clock', async (t) => {
  const { TZ: before } = process.env;
  t.teardown(() => {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  });
  const times = {
    UTC: '2026-11-21T02:00:00+00:00',
    'Asia/Kolkata': '2026-11-21T07:30:00+05:30',
    'America/St_Johns': '2026-11-20T22:30:00-03:30',
  };
  for (const [zone, shown] of Object.entries(times)) {
    process.env['TZ'] = zone;
    t.equal(localTime('2026-11-21T02:00:00.935Z'), shown);
    t.equal(Date.parse(shown), Date.parse('2026-11-21T02:00:00Z'), 'and it can be given back');
  }
  t.equal(localTime('at \u001bnoon'), 'at \ufffdnoon', 'what is no time stays what it is');
});
