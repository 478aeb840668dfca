/**
 * Goal: a shell completes commands, their flags and their verbs, and files where a file belongs.
 * Method: real interactive shells on a real terminal, with Tab pressed; `sotto` itself is a
 * function that says what it was given. Fish tells what it would offer.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rowsOf } from '../../src/cli/command.ts';
import { COMMANDS, main } from '../../src/cli/index.ts';
import { until } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder(t);
writeFileSync(join(folder, 'words.txt'), '');

async function completion(...args: string[]) {
  const printed: string[] = [];
  const code = await main(['completion', ...args], {
    print: (line) => void printed.push(line),
    say: () => {},
    paint: (_style, text) => text,
    read: async () => new Uint8Array(),
    stdinIsTerminal: false,
  });
  return { code, script: printed.join('\n') };
}

async function written(shell: string): Promise<string> {
  const file = join(folder, shell);
  writeFileSync(file, `${(await completion(shell)).script}\n`);
  return file;
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;
const missing = (shell: string) => `LEFT OUT for want of ${shell}: apt-get install ${shell}`;

/** What `sotto` was given for each of `lines`, typed with their tabs. */
async function typed(command: string, setup: string, lines: readonly string[]) {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: { ...process.env, TERM: 'dumb', HISTFILE: '', HOME: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  // With its end: who types before that has the terminal's echo in the midst of it.
  const got = () => [...shown.matchAll(/^GOT (.*?)\r?\n/gm)].map(([, words]) => words);
  const say = `sotto() { printf 'GO''T'; printf ' %s' "$@"; echo; }`;
  child.stdin.write(`${setup}\n${say}\nsotto ready\n`);
  await until('the shell is ready', () => (got().length === 1 ? true : undefined));
  for (const [index, line] of lines.entries()) {
    child.stdin.write(`${line}\n`);
    await until(`${line} was run`, () => (got().length === index + 2 ? true : undefined));
  }
  child.stdin.end('exit\n');
  await once(child, 'close');
  return got().slice(1);
}

const LINES = [
  'sotto sens\t--nam\ttemp',
  'sotto identity exp\t',
  'sotto compl\tfis\t',
  'sotto hide --passphrase-file wor\t',
  'sotto up --print-c\t',
  'sotto zz\t',
];
const GIVEN = [
  'sensors --name temp',
  'identity export',
  'completion fish',
  'hide --passphrase-file words.txt',
  'up --print-config',
  'zz',
];

t.test('bash', async (t) => {
  const setup = `PS1=; source ${await written('bash')}`;
  t.strictSame(await typed('bash --norc --noprofile -i', setup, LINES), GIVEN);
});

t.test('zsh', async (t) => {
  if (!has('zsh')) return t.comment(missing('zsh'));
  const setup = `PS1=; autoload -U compinit; compinit -D; source ${await written('zsh')}`;
  const tidy = (words: string | undefined) => words?.replace(/ +/g, ' ');
  t.strictSame((await typed('zsh -f -i', setup, LINES)).map(tidy), GIVEN);
});

t.test('fish', async (t) => {
  if (!has('fish')) return t.comment(missing('fish'));
  const file = await written('fish');
  const offered = (line: string) => {
    const script = `source ${file}; complete -C ${JSON.stringify(line)}`;
    const { stdout } = spawnSync('fish', ['--no-config', '-c', script], {
      cwd: folder,
      env: { ...process.env, HOME: folder },
      encoding: 'utf8',
    });
    return stdout
      .trim()
      .split('\n')
      .map((row) => row.split('\t')[0]);
  };
  t.strictSame(offered('sotto se'), ['send', 'sensors']);
  t.strictSame(offered('sotto sensors --nam'), ['--name']);
  t.strictSame(offered('sotto identity exp'), ['export']);
  t.strictSame(offered('sotto hide --passphrase-file wor'), ['words.txt']);
  t.strictSame(offered('sotto send --to wor'), [''], 'no file where a name belongs');
});

t.test('every command and every flag is in every script', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, script } = await completion(shell);
    t.equal(code, 0);
    for (const command of COMMANDS) {
      const flags = rowsOf(command).map(([flag]) => flag.split(' ')[0] ?? '');
      const written = flags.map((flag) => (shell === 'fish' ? `-l ${flag.slice(2)} ` : flag));
      t.ok(script.includes(command.name) && written.every((flag) => script.includes(flag)));
    }
  }
  t.equal((await completion('tcsh')).code, 2);
  t.equal((await completion()).code, 2);
});
