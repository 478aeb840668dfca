/**
 * `npm run soak -- [SECONDS] [--seed N]`: two peers and a device, a bad wire before each, and
 * whatever can happen to processes, disks and clocks, for 600 s or so many. In the first half any
 * process is killed; then the ledgers outside of them are held against what arrived. In the second
 * half peers and bridge live on, and are asked what they hold. Exit code 1 if something was lost,
 * repeated, or grew.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEnough, keepOpening, keepSending, settle } from '../soak/account.ts';
import { happen } from '../soak/events.ts';
import type { Holding } from '../soak/holding.ts';
import { holdingOf, type Part } from '../soak/part.ts';
import { openScene, type Scene } from '../soak/scene.ts';
import { Random } from '../test/support/random.ts';
import { argumentsOf, refuse } from './arguments.ts';

const SECONDS = 600;
const EVENT_EVERY_MS = 1_500;
const GROWTH_MAX = 1.05;
/** What the sanitizers take, which the device is built with, as they see more of it. */
const SANITIZERS_SIZE = 1024 * 1024;
/** So that both measurements find the same caches filled. */
const WARM_UP = 0.4;
/** What leaks grows each time; a cache that fills late does not. */
const MEASURED_MAX = 3;
/** For what has to have happened before a run proves anything. */
const PATIENCE_MS = 120_000;

const USAGE = 'npm run soak -- [SECONDS] [--seed N] [--write]';
const { values, positionals } = argumentsOf(USAGE, {
  seed: { type: 'string' },
  write: { type: 'boolean', default: false },
});
const seconds = Number(positionals[0] ?? SECONDS);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const report: string[] = [];
if (!(seconds > 0 && seconds < Infinity && Number.isSafeInteger(seed) && seed >= 0)) {
  refuse(USAGE, 'Seconds and seed are numbers');
}

function tell(line: string): void {
  console.log(line);
  report.push(line);
}

async function main(): Promise<number> {
  const random = new Random(seed);
  tell(`seed ${seed}, ${seconds} s`);
  // Whoever grows is measured again, which may take half as long once more.
  const scene = await openScene(random, seconds * 1_600);
  tellWhatIsLeftOut(scene);
  let wrong: readonly string[] = [];
  // Ctrl-C leaves no process and no mount behind.
  process.once('SIGINT', () => void scene.close().finally(() => process.exit(130)));
  try {
    await phase(scene, { random, mark: 'k', seconds: seconds / 2, spared: [] });
    wrong = [...(await audit(scene)), ...(await growth(scene, random))];
    wrong = [...wrong, ...(await audit(scene))];
  } finally {
    await scene.close();
  }
  for (const each of wrong.slice(0, 20)) tell(`WRONG  ${each}`);
  const verdict = 'nothing lost, nothing repeated, nothing grew';
  tell(wrong.length === 0 ? verdict : `${wrong.length} wrong`);
  if (values.write) write();
  return wrong.length === 0 ? 0 : 1;
}

function tellWhatIsLeftOut({ disk, alice }: Scene): void {
  if (!disk.isSmall) tell('NOT TRIED HERE: a full disk, which takes root to mount a small one');
  if (!alice.clock.canMove) {
    tell(
      'NOT TRIED HERE: jumps of the clocks of peers, for want of faketime: apt-get install faketime',
    );
  }
}

interface Phase {
  readonly random: Random;
  /** In the texts of this phase. */
  readonly mark: string;
  readonly seconds: number;
  /** Who is not killed. */
  readonly spared: readonly Part[];
}

/** Everybody sends and opens, while things happen. */
async function phase(scene: Scene, { random, mark, seconds, spared }: Phase): Promise<void> {
  const stop = new AbortController();
  const work = [keepSending(scene, random, mark, stop.signal), keepOpening(scene, stop.signal)];
  const events = new Map<string, number>();
  await scene.become('bad');
  const end = performance.now() + seconds * 1_000;
  const isOver = () => performance.now() > end + (isEnough(scene) ? 0 : PATIENCE_MS);
  while (!isOver()) {
    const event = await happen(scene, random, spared);
    events.set(event, (events.get(event) ?? 0) + 1);
    await sleep(random.below(EVENT_EVERY_MS));
  }
  stop.abort();
  await Promise.all(work);
  const told = [...events].filter(([event]) => event !== 'nothing').sort();
  tell(`events: ${told.map(([event, count]) => `${count} × ${event}`).join(', ')}`);
}

/** With good wires, everything that was accepted has to arrive. */
async function audit(scene: Scene): Promise<readonly string[]> {
  const faults = [...scene.faults].map(([fault, count]) => `${count} × ${fault}`);
  tell(`wires and line: ${faults.join(', ')}`);
  await scene.become('good');
  const { told, wrong } = await settle(scene);
  for (const line of told) tell(line);
  return wrong;
}

async function growth(scene: Scene, random: Random): Promise<readonly string[]> {
  const { alice, bob, esp } = scene;
  const measured = [alice, bob, ...(esp ? [esp.bridge] : [])];
  const spared = [...measured, ...(esp ? [esp.device] : [])];
  const hold = async (mark: string, part: number) => {
    await phase(scene, { random, mark, seconds: (seconds / 2) * part, spared });
    await Promise.all([alice.untilDrained(), bob.untilDrained()]);
    const holdings = await scene.inSilence(() => Promise.all(measured.map(holdingOf)));
    return esp ? [...holdings, esp.device.holding()] : holdings;
  };
  let before = await hold('w', WARM_UP);
  for (let times = 1; ; times += 1) {
    const after = await hold(`g${times}`, 1 - WARM_UP);
    const grown = spared.flatMap(({ name }, at) => compare(name, before[at], after[at]));
    if (grown.length === 0 || times === MEASURED_MAX) return grown;
    tell(`${grown.join(', ')}: measured once more`);
    before = after;
  }
}

function compare(name: string, was: Holding | undefined, is: Holding | undefined): string[] {
  if (was === undefined || is === undefined) return [`${name} did not tell what it holds`];
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(2);
  const grown = is.heap - (name === 'esp' ? SANITIZERS_SIZE : 0);
  const percent = (100 * (is.heap / was.heap - 1)).toFixed(1);
  tell(
    `${name}: ${mib(was.heap)} → ${mib(is.heap)} MiB (${percent} %), ${was.descriptors} → ${is.descriptors} descriptors`,
  );
  return [
    ...(grown > was.heap * GROWTH_MAX ? [`${name}'s memory grew`] : []),
    ...(is.descriptors > was.descriptors + 2 ? [`${name} leaks descriptors`] : []),
  ];
}

/** docs/SOAK.md ends with the output of the last run that was written down. */
function write(): void {
  const debian = execFileSync('sh', ['-c', '. /etc/os-release; echo "$PRETTY_NAME"']);
  const machine = `${availableParallelism()} cores, ${debian.toString().trim()}, Linux ${release()}, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const lines = report.map((line) => `${line}\n`).join('');
  const heading = '## The last long run';
  const own = `${heading}\n\nBy \`npm run soak -- ${seconds} --write\` on ${date}: ${machine}.\n\n\`\`\`\n${lines}\`\`\`\n`;
  const page = readFileSync('docs/SOAK.md', 'utf8').split(heading, 1)[0];
  writeFileSync('docs/SOAK.md', `${page}${own}`);
}

process.exitCode = await main();
