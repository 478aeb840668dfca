/**
 * `npm run fuzz -- [SECONDS] [TARGET…] [--seed N]`: fuzzes every decoder of fuzz/targets.ts for 60 s
 * or so many, each in a process of its own, as many at once as there are cores. Prints runs and
 * coverage; exit code 1 if one crashed or did not end. `--keep` adds what reached new code to
 * fuzz/corpus. A seed repeats what is drawn; how far it comes in its time is the machine's affair.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { fuzz, nameOf, type Target } from '../fuzz/fuzzer.ts';
import { TARGETS } from '../fuzz/targets.ts';
import { Watchdog } from '../fuzz/watchdog.ts';
import { argumentsOf, refuse } from './arguments.ts';

const SECONDS = 60;
const KEPT_MAX = 64;
const KEPT_SIZE_MAX = 2_048;

const USAGE = 'npm run fuzz -- [SECONDS] [TARGET…] [--seed N] [--keep]';
const { values, positionals } = argumentsOf(USAGE, {
  keep: { type: 'boolean', default: false },
  seed: { type: 'string' },
});
const seconds = Number(positionals.find((word) => /^\d+$/.test(word)) ?? SECONDS);
const given = Number(values.seed ?? Date.now());
if (!Number.isSafeInteger(given) || given < 0) refuse(USAGE, 'A seed is a whole number');
const seed = given >>> 0;
const named = positionals.filter((word) => !/^\d+$/.test(word));
const wanted = TARGETS.filter(({ name }) => named.length === 0 || named.includes(name));
if (wanted.length === 0 || named.some((name) => !TARGETS.some((each) => each.name === name))) {
  refuse(USAGE, `There are ${TARGETS.map(({ name }) => name).join(', ')}`);
}

const [only] = wanted;
if (wanted.length === 1 && only !== undefined) await fuzzOne(only);
else await fuzzAll();

async function fuzzAll(): Promise<void> {
  const waiting = [...wanted];
  const next = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const own = [`${seconds}`, target.name, '--seed', `${seed}`];
      const args = [fileURLToPath(import.meta.url), ...own, ...(values.keep ? ['--keep'] : [])];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      const [code] = await once(child, 'exit');
      if (code !== 0) process.exitCode = 1;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
}

async function fuzzOne(target: Target): Promise<void> {
  const folder = `fuzz/corpus/${target.name}`;
  const known = globSync(`${folder}/*.bin`).map((file) => new Uint8Array(readFileSync(file)));
  const watchdog = new Watchdog(`fuzz/crashes/${target.name}-endless.bin`);
  const { runs, corpus, crashes, covered } = await fuzz(target, known, {
    ...{ seconds, seed, crashesMax: 10, watchdog },
  });
  await target.close?.();
  const percent = ((100 * covered.run) / covered.all).toFixed(1);
  console.log(
    `${target.name}: ${runs} runs in ${seconds} s, seed ${seed}, ${corpus.length} inputs reach ${percent} % of its sources, ${crashes.length} crashes`,
  );
  if (values.keep) keep(folder, corpus);
  for (const { input, error } of crashes) {
    mkdirSync('fuzz/crashes', { recursive: true });
    const file = `fuzz/crashes/${target.name}-${nameOf(input)}`;
    writeFileSync(file, input);
    console.error(`${file}:`, error);
  }
  if (crashes.length > 0) process.exitCode = 1;
}

/** The smallest first: together they reach what all of them did. */
function keep(folder: string, corpus: readonly Uint8Array[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const small = corpus.filter(({ length }) => length <= KEPT_SIZE_MAX);
  for (const input of small.slice(-KEPT_MAX)) writeFileSync(`${folder}/${nameOf(input)}`, input);
}
