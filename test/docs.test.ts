/**
 * Goal: every command in README and docs works as it stands there.
 * Method: each line of each `sh` block is run by a real bash, in order, in a folder that has the
 * files it names, with `sotto`, `npx` and `curl` leading to this tree and to two running peers.
 * A block that cannot be run says why behind its fence, or which test runs it. Each test that the
 * threat model names is looked for in its file.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { rowsOf } from '../src/cli/command.ts';
import { COMMANDS } from '../src/cli/index.ts';
import { findPresence } from '../src/presence.ts';
import { PeerProcess, until } from './support/peer-process.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const HARDWARE = 'hardware/esp32-peer/README.md';
const DOCUMENTS = ['README.md', ...globSync('docs/*.md').sort(), HARDWARE];
const home = temporaryFolder(t);
const at = (name: string) => join(home, name);

interface Block {
  readonly file: string;
  /** What stands behind `sh`. */
  readonly note: string;
  readonly lines: readonly string[];
}

function blocksOf(file: string): Block[] {
  const found = readFileSync(file, 'utf8').matchAll(/^```sh(?: ([^\n]*))?\n(.*?)^```$/gms);
  return [...found].map(([, note = '', text = '']) => {
    return { file, note, lines: text.split('\n').filter((line) => !/^\s*(#|$)/.test(line)) };
  });
}

const SENT = ['photo.jpg', 'readings.json'];
const blocks = DOCUMENTS.flatMap(blocksOf);

/** What stands for this tree, this machine and the two peers. */
class Stage {
  readonly alice = new PeerProcess({ name: 'alice', folder: at('peer-alice') });
  readonly bob = new PeerProcess({ name: 'bob', folder: at('peer-bob') });
  #code = '';
  #origins: [string, string] = ['', ''];

  async open(t: Test): Promise<void> {
    t.teardown(() => Promise.all([this.alice.stop('SIGKILL'), this.bob.stop('SIGKILL')]));
    await Promise.all([this.alice.start(), this.bob.start()]);
    this.#origins = [this.alice.origin, this.bob.origin];
    await this.alice.post('/send_keys', { to: 'bob', address: this.bob.origin });
    await this.bob.post('/send_keys', { to: 'alice', address: this.alice.origin });
    mkdirSync(at('bin'));
    const script = resolve('scripts/sotto.mjs');
    program('sotto', `exec ${process.execPath} ${script} "$@"`);
    program('npx', '[ "$1" = sotto ] && shift && exec sotto "$@"');
    program('curl', 'exec /usr/bin/curl --fail-with-body -sS "$@"');
    for (const name of ['phantom', 'beach', 'alps', 'cat', 'photo']) {
      spawnSync(at('bin/sotto'), ['cover', '-o', at(`${name}.png`), '--pixels', '256']);
    }
    mkdirSync(join(this.alice.folder, 'covers'), { recursive: true });
    for (const name of ['next', 'xray']) {
      const path = join(this.alice.folder, `covers/${name}.png`);
      spawnSync(at('bin/sotto'), ['cover', '-o', path, '--pixels', '256']);
    }
    rmSync(at('phantom.png'));
    for (const name of ['photo.jpg', 'readings.json', 'scan.pdf', 'plan.pdf', 'note.txt']) {
      writeFileSync(at(name), `{"this": "is ${name}"}`);
    }
    writeFileSync(at('words.txt'), 'correct horse\n');
  }

  /** Runs a line. */
  async run(t: Test, line: string): Promise<void> {
    const command = await this.#onStage(line.replace(/\s#.*$/, '').replace(/ &$/, ''));
    if (/\bsotto up\b/.test(command)) return await this.#up(t, command, / &$/.test(line));
    if (/decrypt_msg/.test(command)) await this.#untilArrived();
    // Sender and receiver share this folder here, and curl writes over nothing.
    if (line.includes('curl -OJ')) for (const name of SENT) rmSync(at(name));
    const { status, stdout, stderr } = await bash(command, this.#environment());
    this.#code = /^sotto pair (\S+)$/m.exec(stdout)?.[1] ?? this.#code;
    t.equal(status, 0, `${line}\n${stdout.slice(0, 500)}${stderr}`);
  }

  /** A person is slower than delivery; a test is not. */
  async #untilArrived(): Promise<void> {
    for (const [from, to] of [
      [this.alice, 'bob'],
      [this.bob, 'alice'],
    ] as const) {
      await until(`what ${from.name} has sent has arrived`, async () => {
        const { contacts } = (await from.call('GET', '/show')).json;
        const { queued } = contacts.find(({ name }) => name === to) ?? {};
        return queued === undefined || queued.messages === 0 ? true : undefined;
      });
    }
  }

  async #onStage(line: string): Promise<string> {
    const [alice, bob] = this.#origins;
    const file = /messages\/7/.test(line) ? `messages/${await this.#openedFile()}` : '';
    return line
      .replace(/CODE@http\S+/, this.#code)
      .replace(/--port \d+/, '--port 0')
      .replace('messages/7', file)
      .replaceAll('http://127.0.0.1:5000', alice)
      .replaceAll('http://127.0.0.1:5001', bob);
  }

  /** @param isLeft until the test ends; another one is stopped before the next line is typed. */
  async #up(t: Test, command: string, isLeft: boolean): Promise<void> {
    const port = command.includes('--port') ? '' : ' --port 0';
    const child = spawn('bash', ['-c', `exec ${command.replace(/^npx /, '')}${port}`], {
      cwd: home,
      env: this.#environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let words = '';
    child.stderr?.on('data', (chunk) => {
      words += chunk;
    });
    const folder = at(/--data-dir (\S+)/.exec(command)?.[1] ?? 'none');
    await until(`${command} listens`, () => findPresence(folder) ?? ended(child, words));
    t.pass(command);
    if (isLeft) return;
    // A copy of alice is bob's alice now, and she is so again only where she says it.
    child.kill('SIGINT');
    t.strictSame(await once(child, 'exit'), [0, null], `${command} ends`);
    t.equal((await this.alice.post('/send_keys', { to: 'bob' })).status, 200);
  }

  async #openedFile(): Promise<number> {
    const headers = { authorization: `Bearer ${this.bob.token}` };
    const { text } = await this.bob.call('GET', '/messages', { headers });
    const { messages }: { messages: { kind: string; row: number }[] } = JSON.parse(text);
    return messages.find(({ kind }) => kind === 'file')?.row ?? 0;
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: `${at('bin')}${delimiter}${process.env['PATH']}`,
      SOTTO_DATA_DIR: this.alice.folder,
      TOKEN: this.bob.token,
    };
  }
}

function ended(child: { readonly exitCode: number | null }, words: string): undefined {
  if (child.exitCode !== null) throw new Error(`it ended: ${words}`);
}

function program(name: string, text: string): void {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${text}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
}

/** Not synchronous: the peers' own output has to be read meanwhile. */
async function bash(command: string, env: NodeJS.ProcessEnv) {
  const child = spawn('bash', ['-c', command], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      output[name] += chunk;
    });
  }
  const [status] = await once(child, 'close');
  return { status: Number(status), ...output };
}

t.test('every line of every sh block runs', async (t) => {
  if (!existsSync('/usr/bin/curl'))
    return t.comment('LEFT OUT for want of curl: apt-get install curl');
  const stage = new Stage();
  await stage.open(t);
  for (const { note, lines } of blocks) {
    if (note !== '') continue;
    for (const line of lines) await stage.run(t, line);
  }
});

t.test('a block that is not run says why, or which test runs it', async (t) => {
  for (const { file, note, lines } of blocks) {
    if (note === '') continue;
    const where = `${file}: ${lines[0]}`;
    const reason = /^not-run: \w.{9,}/.test(note);
    const test = /^run-by: (test\/\S+\.test\.ts)$/.exec(note)?.[1];
    t.ok(reason || (test !== undefined && existsSync(test)), where);
  }
});

t.test('what is typed stands in a block that says who runs it', async (t) => {
  for (const file of DOCUMENTS) {
    const bare = readFileSync(file, 'utf8').matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms);
    for (const [, language = '', text = ''] of bare) {
      if (language !== '') continue;
      const [first = ''] = text.split('\n');
      const isTyped = /^(npx|npm|sotto|curl|make|idf\.py) /.test(first);
      t.notOk(isTyped, `${file}: ${first}: \`\`\`sh, or \`\`\`sh not-run: …`);
    }
  }
});

t.test('every example of a command has flags that there are', async (t) => {
  const examples = COMMANDS.flatMap(({ examples }) => examples);
  const inText = DOCUMENTS.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/(?<![\w/-])sotto [a-z]+ [^\n`|]*--[a-z-]+/g),
  ]).map(([line]) => line);
  for (const line of [...examples, ...inText]) {
    const [, name = '', rest = ''] = /\bsotto ([a-z]+)(.*)/.exec(line) ?? [];
    const command = COMMANDS.find((each) => each.name === name);
    if (command === undefined) continue;
    const known = rowsOf(command).map(([flag]) => flag.split(' ')[0]);
    const own = rest.split(/ [|&;<>]/)[0] ?? '';
    const flags = [...own.matchAll(/(?<=\s)--(?:no-)?([a-z-]+)/g)].map(([, flag]) => `--${flag}`);
    t.strictSame(
      flags.filter((flag) => !known.includes(flag)),
      [],
      line,
    );
  }
});

t.test('every npm script and every command that is named anywhere is there', async (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const files = [...DOCUMENTS, 'SECURITY.md', 'CHANGELOG.md'];
  let count = 0;
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    for (const [, script = ''] of text.matchAll(/npm run ([a-z0-9]+(?::[a-z]+)?)/g)) {
      t.ok(script in scripts, `${file}: npm run ${script}`);
      count += 1;
    }
    for (const [, name = ''] of text.matchAll(/`(?:npx )?sotto ([a-z]+)\b/g)) {
      t.ok(name === 'help' || COMMANDS.some((each) => each.name === name), `${file}: ${name}`);
      count += 1;
    }
  }
  t.ok(count > 50, `${count} were found`);
});

/** The table of what was tried, and what came of it. */
const TRIED = readFileSync('docs/ATTACKS.md', 'utf8');

t.test('every attempt has passed', async (t) => {
  const rows = TRIED.match(/^\| [WSHBLTCM] \| .*$/gm) ?? [];
  t.ok(rows.length > 60, `${rows.length} rows`);
  for (const row of rows) t.match(row, / \| pass \|$/);
});

t.test('every test that the threat model names is there', async (t) => {
  const page = readFileSync('docs/THREAT_MODEL.md', 'utf8');
  const [, table = ''] = /## What is protected.*?\n(\|.*?)\n\n/s.exec(page) ?? [];
  const rows = table.split('\n').slice(2);
  t.ok(rows.length > 25, `${rows.length} rows`);
  for (const row of rows) {
    const [, attack = '', , , tests = ''] = row.split(' | ').join(' |').split('|');
    let named = 0;
    for (const part of tests.split(';')) {
      const [file = '', names = ''] = part.trim().split(/: (.*)/);
      const source = existsSync(file) ? readFileSync(file, 'utf8') : '';
      for (const [, name = ''] of names.matchAll(/“([^”]+)”/g)) {
        t.ok(isTest(file, source, name), `${attack.trim()}: ${part.trim()}`);
        named += 1;
      }
    }
    t.ok(named > 0, `${attack.trim()} has a test`);
  }
});

/** As the name of a test, of a row in one, or of an attempt; in C, as what `main` or a fuzzer calls. */
function isTest(file: string, source: string, name: string): boolean {
  if (file.endsWith('.c')) return source.includes(`${name}(`);
  // An attempt that is in no group is not tried.
  if (file.startsWith('attack/') && !TRIED.includes(` | ${name} | `)) return false;
  // One that has an apostrophe in it stands between double quotes, one with a value between backticks.
  return (
    ['"', "'", '`'].some((quote) => source.includes(quote + name + quote)) ||
    source.includes(`\${pattern}: ${name}\``) ||
    source.includes(`\${side} ${name}\``) ||
    source.includes(`\${crypto.name} ${name}\``)
  );
}
