/** What the tests of the device share: a Pi, a device with power, a bridge between them. */
import t, { type Test } from 'tap';
import { type Bridge, startBridge } from '../../src/bridge/index.ts';
import { loadConfig } from '../../src/config.ts';
import { openssl } from '../../src/crypto/index.ts';
import type { OpenSerial } from '../../src/link/index.ts';
import { createPeer, type Peer } from '../../src/peer.ts';
import { openStore } from '../../src/store/index.ts';
import { freePort } from '../support/free-ports.ts';
import { silentLog } from '../support/http.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { firmwareMissing, HostDevice, make } from './host-device.ts';

export interface Scene {
  readonly folder: string;
  pi: Peer;
  readonly origin: string;
  /** What the Pi's own terminal shows. */
  readonly printed: string[];
}

export async function begin(t: Test): Promise<Scene> {
  const folder = temporaryFolder(t);
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  // One that is still there after a reboot.
  const pi = newPi(folder, `${await freePort()}`, print);
  const scene: Scene = { folder, pi, origin: '', printed };
  t.teardown(() => scene.pi.stop());
  const { origin } = await scene.pi.start();
  return Object.assign(scene, { origin });
}

function newPi(folder: string, port: string, print: (line: string) => void): Peer {
  const flags = ['--port', port, '--name', 'pi', '--data-dir', `${folder}/pi`, '--demo'];
  const surroundings = { log: silentLog, terminal: { print, printMessage: print } };
  return createPeer(loadConfig(flags, {}), surroundings);
}

/** The same Pi after a restart, at the same address. */
export async function rebootPi(scene: Scene): Promise<void> {
  await scene.pi.stop();
  const print = (line: string) => void scene.printed.push(line);
  scene.pi = newPi(scene.folder, new URL(scene.origin).port, print);
  await scene.pi.start();
}

export function power(t: Test, { folder }: Scene, ...args: string[]): HostDevice {
  const device = new HostDevice('--data', `${folder}/device`, '--name', 'esp', ...args);
  t.teardown(() => device.kill());
  return device;
}

export const lineOf = async (device: HostDevice) =>
  String((await device.until(/^serial: (.*)$/))[1]);

export async function bridged(
  t: Test,
  serial: string,
  peers: readonly string[],
  open?: OpenSerial,
  port = 0,
) {
  const seen: string[] = [];
  const say = (line: string) => void seen.push(line);
  const config = { serial, baud: 115_200, host: '127.0.0.1', port, peers, say };
  const bridge = await startBridge({ ...config, ...(open && { open }) });
  t.teardown(() => bridge.stop());
  return { bridge, seen };
}

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  patience_ms = PATIENCE_MS,
): Promise<void> {
  for (const deadline = Date.now() + patience_ms; Date.now() < deadline; ) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

export async function post(origin: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(origin + path, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export async function pair(scene: Scene, device: HostDevice, bridge: Bridge): Promise<void> {
  await until('the line is up', () => bridge.isUp());
  await pairAt(scene, device, bridge.origin);
}

/** The code goes from the device's console to the Pi, as people carry it. */
export async function pairAt(
  { origin }: Scene,
  device: HostDevice,
  address: string,
  to = 'esp',
): Promise<void> {
  device.type('pair');
  const [, code] = await device.until(/^pairing code: (\S+) /);
  await until('they are paired', async () => {
    const { status, body } = await post(origin, '/send_keys', { to, address, code });
    return status === 200 && body['verified'] === true;
  });
  await device.until(/^paired with pi, verified/);
}

const built = (async () => {
  const missing = await firmwareMissing();
  if (missing === undefined) await make('host');
  return missing;
})();

/** A scene that needs the firmware; a machine that cannot build it is told what to install. */
export function play(name: string, scene: (t: Test) => Promise<void>): void {
  t.test(name, async (t) => {
    const missing = await built;
    if (missing === undefined) await scene(t);
    else t.comment(missing);
  });
}

/** Every value of one name that the Pi has stored. Stops the Pi. */
export async function storedSeries({ pi, folder }: Scene, name: string) {
  await pi.stop();
  const options = { key: 'key file', log: silentLog, crypto: openssl } as const;
  const store = await openStore({ folder: `${folder}/pi`, ...options });
  const range = { from: new Date(0), to: new Date(8.64e15), limit: 100_000, name };
  const series = store.readings.series(range);
  store.close();
  return series;
}

/** The time that a reading was sent with: one that is a second or more behind another carries a whole one. */
export const dated = (at_ms: number, index: number, all: readonly number[]) =>
  at_ms - (all[index - 1] ?? at_ms) < 1_000 ? at_ms : at_ms - (at_ms % 1_000);
