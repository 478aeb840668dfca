/** What can happen to processes, disks and clocks. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../test/support/random.ts';
import type { Part } from './part.ts';
import type { Scene } from './scene.ts';
import { Side } from './side.ts';

const PAUSE_MAX_MS = 4_000;
const FULL_MS = 1_000;
const DAY_S = 86_400;
/** Farther than any clock goes wrong that was ever set; and never onto times that were measured. */
const DAYS_MAX = 3_650;

type Happening = (scene: Scene, random: Random, spared: readonly Part[]) => Promise<string>;

function victim({ parts }: Scene, random: Random, spared: readonly Part[]): Part {
  const [first, ...rest] = parts.filter((part) => !spared.includes(part));
  if (first === undefined) throw new Error('all parts are spared');
  return random.pick([first, ...rest]) ?? first;
}

/** Whoever calls a side that is down waits for it. */
async function down(part: Part, act: () => Promise<unknown>): Promise<void> {
  const done = act();
  if (part instanceof Side) part.up = done;
  await done;
}

const kill: Happening = async (scene, random, spared) => {
  const part = victim(scene, random, spared);
  await down(part, async () => {
    await part.stop('SIGKILL');
    await part.start();
  });
  return `SIGKILL ${part.name}`;
};

const restart: Happening = async ({ alice, bob }, random, spared) => {
  const part = random.pick([alice, bob].filter((side) => !spared.includes(side)));
  if (part === undefined) return 'nothing';
  await down(part, async () => {
    await part.stop('SIGTERM');
    await part.start();
  });
  return `SIGTERM ${part.name}`;
};

/** Longer than an exchange waits, at times. */
const pause: Happening = async (scene, random) => {
  const part = victim(scene, random, []);
  process.kill(part.pid ?? 0, 'SIGSTOP');
  await sleep(random.below(PAUSE_MAX_MS));
  process.kill(part.pid ?? 0, 'SIGCONT');
  return `SIGSTOP ${part.name}`;
};

/** Every other time bob is killed in it, and finds room again when he starts. */
const fullDisk: Happening = async ({ bob, disk, esp }, random, spared) => {
  if (!disk.isSmall) return 'nothing';
  esp?.device.stopOpening();
  await esp?.device.idle();
  disk.fill();
  await sleep(FULL_MS);
  const isKilled = random.once(2) && !spared.includes(bob);
  await down(bob, async () => {
    if (isKilled) await bob.stop('SIGKILL');
    disk.free();
    if (isKilled) await bob.start();
  });
  esp?.device.goOnOpening();
  return isKilled ? 'full disk, SIGKILL bob' : 'full disk';
};

const jump: Happening = async ({ alice, bob, esp }, random) => {
  const days = 1 + random.below(DAYS_MAX);
  const offset_s = days * DAY_S + random.below(DAY_S);
  const who = random.pick([alice, bob, ...(esp ? [esp.device] : [])]) ?? alice;
  if (!(who instanceof Side)) {
    who.setClock(Date.now() + offset_s * 1_000 + random.below(1_000));
    return 'clock of esp';
  }
  if (!who.clock.canMove) return 'nothing';
  // Into the future, into the past, and back to what is right.
  who.clock.moveTo(offset_s * (random.below(3) - 1));
  return `clock of ${who.name}`;
};

const HAPPENINGS = [kill, kill, kill, restart, pause, pause, fullDisk, jump, jump];

/** One of them, to none of those that are spared (paused or moved in time they may be). */
export function happen(scene: Scene, random: Random, spared: readonly Part[]): Promise<string> {
  return (random.pick(HAPPENINGS) ?? kill)(scene, random, spared);
}
