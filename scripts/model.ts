/**
 * `npm run model`: checks docs/model/meeting.pml with spin, every state of it, and writes what spin
 * said to docs/model/output.txt. Exit code 1 if a run did not end as it must.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const MODEL = resolve('docs/model/meeting.pml');
const DEPTH = '-m200000';
const DEADLINE_MS = 600_000;

export interface Run {
  readonly name: string;
  readonly flags: readonly string[];
  readonly holds: boolean;
}

const ATTACKED = ['-DATTEMPTS=2', '-DE1=1', '-DE2=1'];
const TWICE = ['-DATTEMPTS=1', '-DTRIGGERS=2', '-DE1=1', '-DE2=1'];
const TWICE_TWO = ['-DATTEMPTS=2', '-DTRIGGERS=2', '-DE0=0', '-DE1=1', '-DE2=1'];
const ANSWERED = ['-DK=9', '-DTRIGGERS=2', '-DE0=0', '-DE1=0', '-DE2=1'];
const HONEST = ['-DHONEST', '-DTRIGGERS=2'];

export const RUNS: readonly Run[] = [
  { name: 'attacked', flags: ATTACKED, holds: true },
  { name: 'attacked, four attempts', flags: ['-DE1=1', '-DE2=1'], holds: true },
  { name: 'attacked, two triggers', flags: TWICE, holds: true },
  { name: 'attacked, two triggers, two attempts', flags: TWICE_TWO, holds: true },
  { name: 'answered, two triggers, four attempts', flags: ANSWERED, holds: true },
  { name: 'honest', flags: HONEST, holds: true },
  { name: 'without rule 1', flags: [...HONEST, '-DNO_RULE_1'], holds: true },
  { name: 'without rule 2', flags: [...HONEST, '-DNO_RULE_2'], holds: false },
  { name: 'without rule 3', flags: [...HONEST, '-DNO_RULE_3'], holds: true },
  { name: 'without rule 4', flags: [...HONEST, '-DNO_RULE_4'], holds: true },
  { name: 'without rule 5', flags: [...HONEST, '-DNO_RULE_5'], holds: false },
  { name: 'without rule 6', flags: [...HONEST, '-DNO_RULE_6'], holds: false },
  { name: 'without rule 7', flags: [...ATTACKED, '-DNO_RULE_7'], holds: false },
  { name: 'without commitment', flags: [...ATTACKED, '-DNO_COMMIT'], holds: false },
];

export interface Outcome {
  readonly holds: boolean;
  /** How many states there are; all were looked at, unless an assertion failed. */
  readonly states: number;
  readonly said: string;
}

export function check({ flags }: Run): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-model-'));
  const options = { cwd: folder, timeout: DEADLINE_MS, stdio: 'pipe', encoding: 'utf8' } as const;
  try {
    execFileSync('spin', ['-a', ...flags, MODEL], options);
    execFileSync('gcc', ['-w', '-O2', '-DSAFETY', '-o', 'pan', 'pan.c'], options);
    const said = execFileSync('./pan', [DEPTH], options);
    const [, errors = ''] = /errors: (\d+)/.exec(said) ?? [];
    const [, states = '0'] = /(\d+) states, stored/.exec(said) ?? [];
    const isWhole = !/max search depth too small|out of memory/.test(said);
    return { holds: errors === '0' && isWhole, states: Number(states), said };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main(): void {
  const [version] = execFileSync('spin', ['-V'], { encoding: 'utf8' }).split('\n');
  const told = [`${version}`];
  for (const run of RUNS) {
    const { holds, states, said } = check(run);
    const [violated = ''] = /assertion violated.*/.exec(said) ?? [];
    const outcome = holds ? `holds in all of ${states} states` : `fails: ${violated}`;
    told.push(`${run.name} (${run.flags.join(' ')}): ${outcome}`);
    if (holds !== run.holds) process.exitCode = 1;
  }
  console.log(told.join('\n'));
  writeFileSync('docs/model/output.txt', `${told.join('\n')}\n`);
}

if (import.meta.main) main();
