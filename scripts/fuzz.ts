/**
 * `npm run fuzz -- [SECONDS] [TARGET…]`: fuzzes every decoder of fuzz/targets.ts for 60 s or so
 * many, each in a process of its own, as many at once as there are cores. Prints runs and
 * coverage; exit code 1 if one crashed. `--keep` adds what reached new code to fuzz/corpus.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { fuzz, nameOf, type Target } from '../fuzz/fuzzer.ts';
import { TARGETS } from '../fuzz/targets.ts';

const SECONDS = 60;
const KEPT_MAX = 64;
const KEPT_SIZE_MAX = 2_048;

const args = process.argv.slice(2);
const isKeeping = args.includes('--keep');
const seconds = Number(args.find((arg) => /^\d+$/.test(arg)) ?? SECONDS);
const named = args.filter((arg) => !/^\d+$/.test(arg) && !arg.startsWith('--'));
const wanted = TARGETS.filter(({ name }) => named.length === 0 || named.includes(name));
if (wanted.length === 0) {
  console.error(`There are ${TARGETS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}

const [only] = wanted;
if (wanted.length === 1 && only !== undefined) await fuzzOne(only);
else await fuzzAll();

async function fuzzAll(): Promise<void> {
  const waiting = [...wanted];
  const next = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const own = [fileURLToPath(import.meta.url), `${seconds}`, target.name];
      const child = spawn(process.execPath, isKeeping ? [...own, '--keep'] : own, {
        stdio: 'inherit',
      });
      const [code] = await once(child, 'exit');
      if (code !== 0) process.exitCode = 1;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
}

async function fuzzOne(target: Target): Promise<void> {
  const folder = `fuzz/corpus/${target.name}`;
  const known = globSync(`${folder}/*.bin`).map((file) => new Uint8Array(readFileSync(file)));
  const seed = Date.now() >>> 0;
  const { runs, corpus, crashes, covered } = await fuzz(target, known, {
    ...{ seconds, seed, crashesMax: 10 },
  });
  const percent = ((100 * covered.run) / covered.all).toFixed(1);
  console.log(
    `${target.name}: ${runs} runs in ${seconds} s, seed ${seed}, ${corpus.length} inputs reach ${percent} % of its sources, ${crashes.length} crashes`,
  );
  if (isKeeping) keep(folder, corpus);
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
