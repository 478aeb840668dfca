/**
 * `npm run attack`: everything in attack/ is tried on running peers, and the table printed. Exit
 * code 1 if a peer gave way. Arguments: names of groups, to try only those; with `--only WORDS` of
 * these only what has the words in its row. With `--write` the table becomes docs/ATTACKS.md.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { type Attempt, runAll, tableOf, type Verdict } from '../attack/attempt.ts';
import { CONTACT } from '../attack/contact.ts';
import { DEVICE, HOSTILE_CONTACT } from '../attack/device.ts';
import {
  assertDeviceServed,
  openDeviceWorld,
  openRogueWorld,
  sayBothWays,
} from '../attack/device-world.ts';
import { closeDisk, DISK, openDisk } from '../attack/disk.ts';
import { FLOODS } from '../attack/floods.ts';
import { HANDSHAKES } from '../attack/handshakes.ts';
import { MUSEUM } from '../attack/museum.ts';
import { ON_THE_WIRE } from '../attack/on-the-wire.ts';
import { OPERATOR, OTHER_USER } from '../attack/operator.ts';
import { PICTURES } from '../attack/pictures.ts';
import { assertServed, openWorld, type World } from '../attack/world.ts';
import { firmwareMissing, make } from '../test/hardware/host-device.ts';
import { argumentsOf, refuse } from './arguments.ts';

const USAGE = 'npm run attack -- [GROUP…] [--only WORDS], or npm run attack -- --write';
const { values: options, positionals: wanted } = argumentsOf(USAGE, {
  write: { type: 'boolean' },
  only: { type: 'string' },
});

function chosen<World>(attempts: readonly Attempt<World>[]): readonly Attempt<World>[] {
  return attempts.filter(({ tried }) => tried.includes(options.only ?? ''));
}

const onPeers =
  (attempts: readonly Attempt<World>[], demo = true) =>
  async () => {
    if (chosen(attempts).length === 0) return [];
    const world = await openWorld(demo);
    try {
      return await runAll(chosen(attempts), world, assertServed);
    } finally {
      await world.close();
    }
  };

async function onDisk(): Promise<Verdict[]> {
  if (chosen(DISK).length === 0) return [];
  const disk = await openDisk();
  try {
    return await runAll(chosen(DISK), disk, async () => undefined);
  } finally {
    closeDisk(disk);
  }
}

/** A rogue peer is the device's only contact in the second world. */
async function onDevice(): Promise<Verdict[]> {
  if (chosen(DEVICE).length + chosen(HOSTILE_CONTACT).length === 0) return [];
  const missing = await firmwareMissing();
  if (missing !== undefined) {
    console.error(missing);
    return [];
  }
  await make('host');
  const honest = await openDeviceWorld();
  const verdicts = await runAll(chosen(DEVICE), honest, sayBothWays).finally(() => honest.close());
  const rogue = await openRogueWorld();
  const more = runAll(chosen(HOSTILE_CONTACT), rogue, assertDeviceServed);
  return [...verdicts, ...(await more.finally(() => rogue.close()))];
}

const GROUPS: Readonly<Record<string, () => Promise<Verdict[]>>> = {
  wire: onPeers(ON_THE_WIRE),
  handshakes: onPeers(HANDSHAKES),
  contact: onPeers(CONTACT),
  floods: onPeers(FLOODS),
  pictures: onPeers(PICTURES),
  operator: onPeers(OPERATOR),
  user: onPeers(OTHER_USER, false),
  disk: onDisk,
  device: onDevice,
  museum: onPeers(MUSEUM),
};

const unknown = wanted.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  const groups = Object.keys(GROUPS).join(', ');
  refuse(USAGE, `No group is called ${unknown.join(', ')}; there are ${groups}`);
}

if (options.write === true && (wanted.length > 0 || options.only !== undefined)) {
  refuse(USAGE, 'docs/ATTACKS.md holds all attempts: --write goes with none left out');
}
const missing = options.write === true ? await firmwareMissing() : undefined;
if (missing !== undefined) refuse(USAGE, `docs/ATTACKS.md holds the device too. ${missing}`);

const verdicts: Verdict[] = [];
for (const [name, run] of Object.entries(GROUPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.error(`== ${name}`);
  const tried = await run();
  for (const { tried: what, did, passed } of tried) {
    console.error(`${passed ? 'pass' : 'FAIL'}  ${what}\n      ${did}`);
  }
  verdicts.push(...tried);
}

if (verdicts.length === 0) {
  console.error('No attempt has these words in its row; docs/ATTACKS.md shows them all.');
  process.exit(2);
}
const failed = verdicts.filter(({ passed }) => !passed).length;
console.log(`${tableOf(verdicts)}\n\n${verdicts.length} attempts, ${failed} succeeded.`);
if (options.write === true) {
  const machine = `${availableParallelism()} cores, Linux ${release()}, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    'docs/ATTACKS.md',
    `# Attacks\n\nWritten by \`npm run attack -- --write\` on ${date}: ${machine}. The letters are those of [THREAT_MODEL.md](THREAT_MODEL.md); M broke the older programs ([MUSEUM.md](MUSEUM.md)).\n\n${tableOf(verdicts)}\n`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
