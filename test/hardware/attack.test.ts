/**
 * Goal: a bridge that is an attacker learns nothing and achieves nothing but delay.
 * Method: attacker.ts as a process between the real firmware on its pty and a real Pi, from the
 * first meeting on; afterwards every text and every reading is looked for, in the stores and in
 * all that the attacker saw.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { rounds } from '../support/counts.ts';
import type { HostDevice } from './host-device.ts';
import {
  begin,
  dated,
  lineOf,
  play,
  post,
  power,
  rebootPi,
  type Scene,
  storedSeries,
  until,
} from './scene.ts';

const TO_DEVICE = ['open the valve at nine', 'close it at ten'];
const TO_PI = ['valve is open', 'valve is closed'];

interface Attacker {
  readonly origin: string;
  /** What it did until now, by attack. */
  did(): Promise<Readonly<Record<string, number>>>;
  become(mood: 'deny' | 'attack' | 'enough'): void;
}

async function attack(t: Test, serial: string, pi: string, seen: string): Promise<Attacker> {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const args = ['test/hardware/attacker.ts', serial, pi, `${seed}`, seen];
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, args);
  t.teardown(() => child.kill());
  child.stderr.pipe(process.stderr);
  let origin = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    origin = line.replace('origin ', '');
  });
  await until('the attacker runs', () => origin !== '');
  return {
    origin,
    did: async () => (await (await fetch(`${origin}/did`)).json()) as Record<string, number>,
    become: (mood) => void child.stdin.write(`${mood}\n`),
  };
}

/** A code that was spoilt on the way is void; then people carry another. */
async function pairedDespite({ origin }: Scene, device: HostDevice, address: string) {
  for (let tries = 1; tries <= 20; tries++) {
    device.type('pair');
    const [, code] = await device.until(/^pairing code: (\S+) /);
    const request = { to: 'esp', address, code };
    const { status, body } = await post(origin, '/send_keys', request);
    if (status === 200 && body['verified'] === true) return `${code}`;
  }
  throw new Error('they did not meet');
}

/** Its session is gone, and it is told that nobody knows it: for no longer than that it is silent. */
async function outliveDenial(scene: Scene, device: HostDevice, attacker: Attacker): Promise<void> {
  attacker.become('deny');
  await rebootPi(scene);
  const { deny = 0 } = await attacker.did();
  await until('it was denied', async () => ((await attacker.did())['deny'] ?? 0) > deny);
  attacker.become('attack');
  await untilStored(scene, device.taken_ms.at(-1) ?? 0);
}

/** Readings that are newer. */
function untilStored({ origin }: Scene, time_ms: number): Promise<void> {
  return until('the readings have arrived', async () => {
    const newer = await fetch(`${origin}/sensor?name=temp_sht4&from=${time_ms / 1000}`);
    return ((await newer.json()) as unknown[]).length > 8;
  });
}

/** Every reading that was taken is stored, once, with its own time. */
async function accountForReadings(t: Test, scene: Scene, device: HostDevice, underAttack: number) {
  const known = device.taken_ms.length;
  await untilStored(scene, device.taken_ms.at(-1) ?? 0);
  await device.kill();
  const times = (await storedSeries(scene, 'temp_sht4')).map(({ at }) => at.getTime());
  t.equal(new Set(times).size, times.length, `${times.length} readings, none twice`);
  const taken = device.taken_ms.map(dated);
  t.ok(
    times.every((at) => taken.includes(at)),
    'each with its own time, none made up',
  );
  // The first of all may have been taken before there was anybody to tell.
  const kept = taken.slice(taken.indexOf(Math.min(...times)), known);
  t.same(
    kept.filter((at) => !times.includes(at)),
    [],
    `none of ${kept.length} is lost`,
  );
  t.ok(underAttack > 8, `${underAttack} were taken under attack`);
}

interface Shown {
  readonly contacts: readonly { readonly queued: { readonly messages: number } }[];
  readonly refused: Readonly<Record<string, number>>;
}

/** What the device says of itself. */
interface Told {
  readonly contacts: readonly { readonly state: string }[];
}

/** Texts both ways, until each attack was tried. */
async function sendUnderAttack(
  scene: Scene,
  device: HostDevice,
  attacker: Attacker,
): Promise<void> {
  for (const text of TO_PI) device.type(`send_msg ${text}`);
  const wereTried = async (times: number) =>
    Object.values(await attacker.did()).every((count) => count >= times);
  // At first the Pi asks for nothing: what makes a device fall silent would be seen.
  await until('each attack was tried once', () => wereTried(1), 250_000);
  await outliveDenial(scene, device, attacker);
  for (const text of TO_DEVICE) await post(scene.origin, '/send_msg', { to: 'esp', text });
  const wanted = rounds({ reduced: 2, full: 20 });
  await until(
    'each attack was tried',
    async () => {
      // Somebody impatient at the Pi: so there is more to attack than readings.
      await post(scene.origin, '/send_keys', { to: 'esp' });
      return wereTried(wanted);
    },
    250_000,
  );
}

play('a bridge that is an attacker', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--clock', '--tell', '--every', '100');
  const seenFile = `${scene.folder}/seen`;
  const attacker = await attack(t, await lineOf(device), scene.origin, seenFile);
  const code = await pairedDespite(scene, device, attacker.origin);
  await sendUnderAttack(scene, device, attacker);
  t.comment(await attacker.did());
  const underAttack = device.taken_ms.length;
  attacker.become('enough');

  await until('every text has arrived', async () => {
    await post(scene.origin, '/decrypt_msg', {});
    return TO_PI.every((text) => scene.printed.some((line) => line.includes(text)));
  });
  const shown = await (await fetch(`${scene.origin}/show`)).json();
  const refused = Object.values((shown as Shown).refused).reduce((sum, count) => sum + count, 0);
  t.ok(refused > 0, `the Pi refused ${refused} packets`);
  t.match(shown, { contacts: [{ name: 'esp', verified: true }] });
  t.equal((shown as Shown).contacts.length, 1, 'and knows nobody else');
  const told = async () => (await (await fetch(`${attacker.origin}/show`)).json()) as Told;
  // The last KK1 may have been denied; the next one is not.
  await until('it is known', async () => (await told()).contacts[0]?.state === 'paired');
  t.match(await told(), { contacts: [{ name: 'pi', verified: true }] });

  await until('nothing waits at the Pi', async () => {
    const { contacts } = (await (await fetch(`${scene.origin}/show`)).json()) as Shown;
    return contacts[0]?.queued.messages === 0;
  });
  device.type('decrypt_msg');
  for (const text of TO_DEVICE) await device.until(new RegExp(`^${text}$`));
  await device.until(/^2 opened$/);

  await accountForReadings(t, scene, device, underAttack);
  for (const text of TO_PI) {
    t.equal(scene.printed.filter((line) => line.includes(text)).length, 1, `once: ${text}`);
  }
  const seen = readFileSync(seenFile).toString('latin1');
  t.ok(seen.length > 5_000, `it saw ${seen.length} bytes`);
  for (const secret of [
    ...TO_DEVICE,
    ...TO_PI,
    'temp_sht4',
    'pressure',
    // As a pack begins, RFC 8428 §6: shorter ones are found in noise by chance.
    '!desp:',
    code,
    code.slice(0, 11),
  ]) {
    t.notOk(seen.includes(secret), `never ${JSON.stringify(secret.slice(0, 6))}…`);
  }
});
