/**
 * Goal: what `npm pack` makes can be installed anywhere, and its `sotto` runs as JavaScript; the
 * Dockerfile copies all that is needed.
 * Method: pack, install globally under a temporary prefix, and run it from another folder; the
 * Dockerfile's steps are taken in a folder, because no image can be built here.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { until } from './support/peer-process.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const run = promisify(execFile);
const folder = temporaryFolder(t);

/** The Node that runs this test comes first, as it would on a machine that has it. */
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
};

/** As `sotto up` prints it when it is ready. */
function pageLink({ stderr }: ChildProcessWithoutNullStreams): Promise<string> {
  let text = '';
  stderr.on('data', (chunk) => {
    text += chunk;
  });
  return until('it prints its link', () => /(http:\S+token=\S+)\n/.exec(text)?.[1]);
}

t.test("the Dockerfile's steps make a sotto that runs", async (t) => {
  const stages: string[][] = [];
  for (const line of readFileSync('Dockerfile', 'utf8').split('\n')) {
    if (line.startsWith('FROM ')) stages.push([]);
    else stages.at(-1)?.push(line);
  }
  const [build, image] = [join(folder, 'build'), join(folder, 'image')];
  mkdirSync(build);
  for (const [, sources = '', target = ''] of copies(stages[0])) {
    for (const source of sources.split(' ')) {
      const place = target === './' ? join(build, source) : join(build, target);
      cpSync(source, place, { recursive: true });
    }
  }
  const steps = (stages[0] ?? []).filter((line) => line.startsWith('RUN '));
  t.strictSame(steps, ['RUN npm ci --omit=dev --ignore-scripts', 'RUN node scripts/build.ts']);
  await run('node', ['scripts/build.ts'], { env, cwd: build });
  for (const [, sources = '', target = ''] of copies(stages[1])) {
    for (const source of sources.split(' ')) {
      const from = source.replace(/^\/opt\/sotto\//, '');
      const own = target.split('/').length > 2 ? join(target, basename(from)) : from;
      // What npm ci brings is what stands here.
      if (from === 'node_modules') symlinkSync(resolve(from), join(image, from));
      else cpSync(join(build, from), join(image, own), { recursive: true });
    }
  }
  const sotto = join(image, 'scripts/sotto.mjs');
  t.match(await run('node', [sotto, '--help'], { env, cwd: folder }), { stdout: /^sotto: two/ });
  const settings = /ENV (.*)/.exec(readFileSync('Dockerfile', 'utf8'))?.[1] ?? '';
  const given = Object.fromEntries(settings.split(' ').map((each) => each.split('=')));
  const print = ['up', '--print-config', '--json'];
  const { stdout } = await run('node', [sotto, ...print], { env: { ...env, ...given } });
  const explained: { name: string; from: string; value: unknown }[] = JSON.parse(stdout);
  const set = explained.filter(({ from }) => from !== 'default');
  t.strictSame(set.map(({ name, value }) => [name, value]).sort(), [
    ['data-dir', '/data'],
    ['host', '0.0.0.0'],
    ['port', 5000],
  ]);
});

/** Lines of a stage that copy: from where, several with a space between, and to where. */
function copies(stage: readonly string[] = []) {
  return stage.flatMap((line) => [...line.matchAll(/^COPY (?:--from=build )?(.+) (\S+)$/g)]);
}

t.test('the package holds JavaScript and no source', async (t) => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { env });
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  t.match(filename, /^sotto-.*\.tgz$/);
  t.ok(paths.includes('dist/cli/index.js'));
  t.ok(paths.includes('LICENSE') && paths.includes('docs/PROTOCOL.md'));
  t.strictSame(
    paths.filter((path) =>
      /\.ts$|^(src|test|bench|hardware)\/|^scripts\/(?!launch|sotto)/.test(path),
    ),
    [],
  );

  t.test('and its command runs after a global install', async (t) => {
    const prefix = join(folder, 'prefix');
    mkdirSync(prefix);
    const install = ['install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit'];
    await run('npm', [...install, join(folder, filename)], { env, cwd: folder });
    const sotto = join(prefix, 'bin', 'sotto');
    t.ok(existsSync(join(prefix, 'share/man/man1/sotto.1')), 'with its manual');
    const help = await run(sotto, ['--help'], { env, cwd: folder });
    t.match(help.stdout, /^sotto: two peers/);
    const { stdout: version } = await run(sotto, ['--version'], { env, cwd: folder });
    t.equal(`sotto-${version.trim()}.tgz`, filename);
    const data = ['--data-dir', join(folder, 'data')];
    const refused = run(sotto, ['contacts', ...data], { env, cwd: folder });
    await t.rejects(refused, { code: 3, stderr: /No peer runs on/ });

    const up = spawn(sotto, ['up', '--port', '0', ...data], { env, cwd: folder });
    t.teardown(() => up.kill('SIGKILL'));
    const link = await pageLink(up);
    t.equal((await fetch(link, { redirect: 'manual' })).status, 303, 'it serves its page');
    for (const file of ['main.js', 'base.css', 'preact.js', 'uplot.js']) {
      t.equal((await fetch(new URL(`/web/${file}`, link))).status, 200, `and its ${file}`);
    }
    t.match(await run(sotto, ['contacts', '--json', ...data], { env }), { stdout: '[]\n' });
    up.kill('SIGTERM');
    t.strictSame(await once(up, 'exit'), [0, null]);
  });
});
