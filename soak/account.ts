/** Who sends what to whom, and whether all of it arrived. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../test/support/ledger.ts';
import type { Random } from '../test/support/random.ts';
import type { Device } from './device.ts';
import type { Scene } from './scene.ts';

const AT_ONCE = 2;
const PAUSE_MS = 600;
const DEVICE_PAUSE_MS = 4_000;
const PATIENCE_MS = 240_000;
const LOOK_MS = 500;
/** On each way: fewer prove nothing. */
const ACCEPTED_MIN = 4;

/** Until `stop`: texts both ways between the peers, some in parts, and to and from the device. */
export async function keepSending(
  { alice, bob, esp }: Scene,
  random: Random,
  mark: string,
  stop: AbortSignal,
): Promise<void> {
  let sequence = 0;
  const loop = async (who: string, size: () => number, send: (text: string) => Promise<void>) => {
    while (!stop.aborted) {
      sequence += 1;
      await send(`${who} ${mark}${sequence} ${'x'.repeat(size())}`);
      await sleep(random.below(who === 'esp' || size === short ? DEVICE_PAUSE_MS : PAUSE_MS));
    }
  };
  const long = () => (random.once(20) ? 100_000 : random.below(400));
  const short = () => random.below(200);
  const sides = [alice, bob].flatMap((side) =>
    Array.from({ length: AT_ONCE }, () => loop(side.name, long, (text) => side.send(text))),
  );
  const withDevice = esp
    ? [
        loop('alice', short, (text) => alice.send(text, 'esp', esp.ledger)),
        loop('esp', short, (text) => esp.device.send(text)),
      ]
    : [];
  await Promise.all([...sides, ...withDevice]);
}

/** Until `stop`: everybody opens what arrives. */
export async function keepOpening({ alice, bob, esp }: Scene, stop: AbortSignal): Promise<void> {
  const readers = [alice, bob, ...(esp ? [esp.device] : [])];
  const loop = async (reader: { open(): Promise<void> }) => {
    while (!stop.aborted) {
      await reader.open();
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(readers.map(loop));
}

/** On a slow machine some way may have had no turn yet. */
export function isEnough({ alice, bob, esp }: Scene): boolean {
  const ledgers = [alice.ledger, bob.ledger, ...(esp ? [esp.ledger, esp.device.ledger] : [])];
  return ledgers.every((ledger) => ledger.count('accepted') >= ACCEPTED_MIN);
}

export interface Account {
  readonly told: readonly string[];
  /** One sentence for each thing that is wrong. */
  readonly wrong: readonly string[];
}

/** Waits until nothing is under way any more, and holds the ledgers against what has arrived. */
export async function settle(scene: Scene): Promise<Account> {
  const { alice, bob, esp } = scene;
  await Promise.all([alice.untilDrained(), bob.untilDrained()]);
  await Promise.all([alice.open(), bob.open()]);
  const accounts = [
    account('alice to bob', alice.ledger, await bob.received('alice')),
    account('bob to alice', bob.ledger, await alice.received('bob')),
  ];
  if (esp !== undefined) {
    // It has room for four texts, and for more once its person has opened those.
    await alice.untilDrained('esp', () => esp.device.open());
    await esp.device.open();
    accounts.push(account('alice to esp', esp.ledger, esp.device.opened));
    const fromDevice = await untilFound(
      async () => {
        await alice.open();
        return alice.received('esp');
      },
      (texts) => !esp.device.ledger.audit(texts).some((each) => each.startsWith('lost')),
    );
    accounts.push(account('esp to alice', esp.device.ledger, fromDevice));
    accounts.push(await readings(scene, esp.device));
  }
  return {
    told: accounts.flatMap(({ told }) => told),
    wrong: accounts.flatMap(({ wrong }) => wrong),
  };
}

function account(way: string, ledger: Ledger, arrived: readonly string[]): Account {
  const [accepted, unknown, refused] = (['accepted', 'posted', 'refused'] as const).map((fate) =>
    ledger.count(fate),
  );
  const enough = accepted !== undefined && accepted >= ACCEPTED_MIN;
  return {
    told: [
      `${way}: ${accepted} texts accepted, ${unknown} without an answer, ${refused} refused, ${arrived.length} arrived`,
    ],
    wrong: [
      ...(enough ? [] : [`${way}: too few texts were accepted to prove anything`]),
      ...ledger.audit(arrived).map((each) => `${way}: ${each}`),
    ],
  };
}

/** Each reading once, with the time at which it was taken, or its whole second. */
async function readings({ alice }: Scene, device: Device): Promise<Account> {
  const { sure } = device.taken();
  const isMissing = (times: ReadonlySet<number>) => (at: number) =>
    !times.has(at) && !times.has(at - (at % 1_000));
  const stored = await untilFound(
    () => alice.readingTimes(),
    (times) => !sure.some(isMissing(new Set(times))),
  );
  const lost = sure.filter(isMissing(new Set(stored)));
  const dropped = await device.dropped();
  const known = new Set(device.taken().all.flatMap((at) => [at, at - (at % 1_000)]));
  const invented = stored.filter((at) => !known.has(at));
  const repeated = stored.length - new Set(stored).size;
  const time = (at: number) => new Date(at).toISOString();
  return {
    told: [
      `readings: ${sure.length} taken in ${device.lives} lives of the device, ${stored.length} stored, ${dropped} dropped for want of room`,
    ],
    wrong: [
      ...lost.map((at) => `a reading lost: ${time(at)}`),
      ...invented.map((at) => `a reading that nobody took: ${time(at)}`),
      ...(repeated > 0 ? [`${repeated} readings stored twice`] : []),
    ],
  };
}

/** The newest find after a while, if it never is as wanted. */
async function untilFound<T>(look: () => Promise<T>, isWanted: (found: T) => boolean): Promise<T> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const found = await look();
    if (isWanted(found) || performance.now() > end) return found;
    await sleep(LOOK_MS);
  }
}
