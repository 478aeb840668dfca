/**
 * Goal: rules 1 to 7 and the comparison code hold in every order of steps that there is.
 * Method: spin explores docs/model/meeting.pml; what it must notice is left out once each.
 */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { check, RUNS } from '../scripts/model.ts';
import { rounds } from './support/counts.ts';

/** In `npm test`: one of each kind. */
const NAMES = ['attacked', 'honest', 'without commitment'];
const PLAYED = RUNS.filter(
  ({ name }) => rounds({ reduced: 0, full: 1 }) > 0 || NAMES.includes(name),
);

const hasSpin = ['spin', 'gcc'].every((tool) => spawnSync(tool, ['--version']).error === undefined);

t.test('the model of a meeting', async (t) => {
  if (!hasSpin) return t.comment('LEFT OUT for want of spin: apt-get install spin gcc libc6-dev');
  for (const run of PLAYED) {
    const { holds, states } = check(run);
    t.equal(holds, run.holds, `${run.name}: ${states} states`);
    if (run.holds) t.ok(states > 1_000, 'and there was something to explore');
  }
});
