/**
 * `npm run attack`: everything in attack/ is tried on running peers, and the table printed. Exit
 * code 1 if a peer gave way. With `--write` the table becomes docs/ATTACKS.md.
 */

import { runAll, tableOf } from '../attack/attempt.ts';
import { MUSEUM } from '../attack/museum.ts';
import { ON_THE_WIRE } from '../attack/on-the-wire.ts';
import { assertServed, openWorld } from '../attack/world.ts';

const world = await openWorld();
const verdicts = await runAll([...ON_THE_WIRE, ...MUSEUM], world, assertServed);
await world.close();
console.log(tableOf(verdicts));
process.exitCode = verdicts.every(({ passed }) => passed) ? 0 : 1;
