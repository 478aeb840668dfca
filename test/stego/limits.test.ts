/**
 * Goal: the largest pictures stay within a gigabyte, and long work keeps its promises.
 * Method: processes of their own whose peak memory the kernel tells; `npm run test:long` takes the
 * largest picture there may be, `npm test` a smaller one against a smaller bound.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { rounds } from '../support/counts.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('support/peak-memory.ts', import.meta.url));
const sottoProgram = fileURLToPath(new URL('../../scripts/sotto.mjs', import.meta.url));

t.test('64 megapixels take less than 1 GiB, smaller ones less', { timeout: 900_000 }, async (t) => {
  const side = rounds({ reduced: 1024, full: 8192 });
  const bound_MiB = rounds({ reduced: 200, full: 1024 });
  const folder = t.testdir();
  const peakOf = async (verb: string) => {
    const { stdout } = await run(process.execPath, [program, verb, String(side), folder]);
    return Number(stdout);
  };
  await peakOf('make');
  for (const verb of ['hide', 'reveal']) {
    const peak_MiB = await peakOf(verb);
    t.ok(peak_MiB > 50 && peak_MiB < bound_MiB, `${verb}: ${peak_MiB} MiB of ${bound_MiB}`);
  }
});

t.test('so do the whole commands', { timeout: 900_000 }, async (t) => {
  const pixels = String(rounds({ reduced: 1024, full: 8192 }));
  const bound_MiB = rounds({ reduced: 400, full: 1024 });
  const folder = t.testdir({ words: 'a passphrase', secret: 'geheim '.repeat(100) });
  const tell = "process.on('exit', () => console.error(process.resourceUsage().maxRSS))";
  const sotto = async (...args: string[]) => {
    const command = ['--import', `data:text/javascript,${tell}`, sottoProgram, ...args];
    const options = { cwd: folder, env: { ...process.env, SOTTO_DATA_DIR: folder } };
    const { stderr } = await run(process.execPath, command, options);
    return Number(stderr.trim().split('\n').at(-1)) / 1024;
  };
  const words = ['--passphrase-file', 'words'];
  const kinds = [['16', 'fast'] as const, ['8', 'integer'] as const, ['16', 'integer'] as const];
  for (const [depth, profile] of kinds.slice(0, rounds({ reduced: 1, full: kinds.length }))) {
    const [cover, out] = [`cover-${depth}-${profile}.png`, `out-${depth}-${profile}.png`];
    await sotto('cover', '-o', cover, '--pixels', pixels, '--depth', depth);
    for (const args of [
      ['hide', cover, 'secret', '-o', out, '--profile', profile, '--force', ...words],
      ['reveal', out, '-o', 'back', '--restore', 'restored.png', '--force', ...words],
    ]) {
      const peak_MiB = await sotto(...args);
      const told = `${args[0]}, ${depth} bit, ${profile}: ${peak_MiB} MiB of ${bound_MiB}`;
      t.ok(peak_MiB > 100 && peak_MiB < bound_MiB, told);
    }
  }
});
