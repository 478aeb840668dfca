/**
 * Runs every bench/*.bench.ts, one after the other so that none disturbs another, each in its own
 * process. A bench prints Markdown to stdout and its progress to stderr; together they become
 * docs/BENCHMARKS.md. Names given as arguments run only those, and leave that file alone.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { basename } from 'node:path';

const wanted = process.argv.slice(2);
const files = globSync('bench/*.bench.ts')
  .sort()
  .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.bench.ts')));

if (files.length === 0) {
  console.error(`No bench is called ${wanted.join(' or ')}; look into bench/.`);
  process.exit(2);
}

const sections = files.map((file) => {
  console.error(`\n== ${file}`);
  const { status, stdout } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout);
  if (status !== 0) {
    console.error(`${file} failed; docs/BENCHMARKS.md stays as it was.`);
    process.exit(1);
  }
  return stdout.trim();
});

if (wanted.length === 0) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`;
  const header = `# Benchmarks

Written by \`npm run bench\`, Sotto ${version}, on ${new Date().toISOString().slice(0, 10)}: ${machine},
Linux ${release()}, Node ${process.version}. Read the ratios, not the absolute figures: both sides of a
ratio come from the same run.
`;
  writeFileSync('docs/BENCHMARKS.md', `${[header.trim(), ...sections].join('\n\n')}\n`);
}
