/**
 * `npm run bench -- [NAME…] [--write]`: runs bench/NAME.bench.ts, or all of them, one after the other
 * so that none disturbs another, each in its own process. A bench prints Markdown to stdout and its
 * progress to stderr. What it prints replaces its part of docs/BENCHMARKS.md, with date, machine and
 * versions, if all are run or with --write; words beside those parts stay.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { occasion, writeSection } from '../bench/figures.ts';
import { argumentsOf, refuse } from './arguments.ts';

const PAGE = 'docs/BENCHMARKS.md';
const USAGE = 'npm run bench -- [NAME…] [--write]';

const { values: options, positionals: wanted } = argumentsOf(USAGE, {
  write: { type: 'boolean', default: false },
});
const names = globSync('bench/*.bench.ts').map((file) => basename(file, '.bench.ts'));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  refuse(USAGE, `No bench is called ${unknown.join(' or ')}; there are ${names.sort().join(', ')}`);
}

for (const name of names.sort()) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const file = `bench/${name}.bench.ts`;
  console.error(`\n== ${file}`);
  const { status, stdout } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout);
  if (status !== 0) {
    console.error(`${file} failed; its part of ${PAGE} stays as it was.`);
    process.exit(1);
  }
  if (wanted.length > 0 && !options.write) continue;
  const [heading = '', ...rest] = stdout.trim().split('\n');
  const when = occasion(`npm run bench -- ${name} --write`);
  writeSection(name, [heading, '', when, ...rest], PAGE);
}
