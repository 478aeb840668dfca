/**
 * Goal: a device pairs with a peer through a bridge that holds no key, talks both ways, and its
 * readings arrive exactly once with their own times, whatever becomes of the line and the power.
 * Method: the real firmware as a process on a pty, the real bridge, a real peer and its store;
 * between them a line that drops, flips and repeats bytes, and plugs that are pulled.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bridge, startBridge } from '../../src/bridge.ts';
import { loadConfig } from '../../src/config.ts';
import { openssl } from '../../src/crypto/index.ts';
import { type OpenSerial, openTty } from '../../src/link/index.ts';
import { createPeer, type Peer } from '../../src/peer.ts';
import { openStore } from '../../src/store/index.ts';
import { rounds } from '../support/counts.ts';
import { silentLog } from '../support/http.ts';
import { firmwareMissing, HostDevice, make } from './host-device.ts';

interface Scene {
  readonly folder: string;
  readonly pi: Peer;
  readonly origin: string;
  /** What the Pi's own terminal shows. */
  readonly printed: string[];
}

async function begin(t: Test): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-device-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  const config = loadConfig(
    ['--port', '0', '--name', 'pi', '--data-dir', `${folder}/pi`, '--demo'],
    {},
  );
  const pi = createPeer(config, { log: silentLog, terminal: { print, printMessage: print } });
  t.teardown(() => pi.stop());
  const { origin } = await pi.start();
  return { folder, pi, origin, printed };
}

function power(t: Test, { folder }: Scene, ...args: string[]): HostDevice {
  const device = new HostDevice('--data', `${folder}/device`, '--name', 'esp', '--clock', ...args);
  t.teardown(() => device.kill());
  return device;
}

const lineOf = async (device: HostDevice) => String((await device.until(/^serial: (.*)$/))[1]);

async function bridged(
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

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; ) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

async function post(origin: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(origin + path, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function pair(scene: Scene, device: HostDevice, bridge: Bridge): Promise<void> {
  await until('the line is up', () => bridge.isUp());
  device.type('pair');
  const [, code] = await device.until(/^pairing code: (\S+) /);
  const request = { to: 'esp', address: bridge.origin, code };
  await until('they are paired', async () => {
    const { status, body } = await post(scene.origin, '/send_keys', request);
    return status === 200 && body['verified'] === true;
  });
  await device.until(/^paired with pi, verified/);
}

/** `rate` of the bytes are dropped, flipped and repeated each, in both directions. */
function badLine(rate: number): OpenSerial {
  const mangle = (bytes: Uint8Array) =>
    Uint8Array.from(
      [...bytes].flatMap((byte) => {
        if (Math.random() < rate) return [];
        const flipped = Math.random() < rate ? byte ^ (1 << Math.floor(Math.random() * 8)) : byte;
        return Math.random() < rate ? [flipped, flipped] : [flipped];
      }),
    );
  return async (path, baud, { onBytes, onGone }) => {
    const port = await openTty(path, baud, { onBytes: (bytes) => onBytes(mangle(bytes)), onGone });
    return { write: (bytes) => port.write(mangle(bytes)), close: () => port.close() };
  };
}

const built = (async () => {
  const missing = await firmwareMissing();
  if (missing === undefined) await make('host');
  return missing;
})();

/** A scene that needs the firmware; a machine that cannot build it is told what to install. */
function play(name: string, scene: (t: Test) => Promise<void>): void {
  t.test(name, async (t) => {
    const missing = await built;
    if (missing === undefined) await scene(t);
    else t.comment(missing);
  });
}

play('a device as a peer', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty');
  const { bridge, seen } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);

  const sent = await post(scene.origin, '/send_msg', { to: 'esp', text: 'keep the door shut' });
  t.equal(sent.status, 202);
  await device.until(/^a message waits/);
  t.same((await post(bridge.origin, '/decrypt_msg', {})).body, { count: 1 });
  await device.until(/^keep the door shut$/);

  device.type('send_msg it is shut');
  await until('it is on the terminal', async () => {
    await post(scene.origin, '/decrypt_msg', {});
    return scene.printed.some((line) => line.includes('it is shut'));
  });
  t.notMatch(seen.join('\n'), /door|shut/, 'nothing of it at the bridge');

  const shown = await (await fetch(`${bridge.origin}/show`)).json();
  t.match(shown, { name: 'esp', contact: { name: 'pi', state: 'paired', verified: true } });
  t.equal((await post(bridge.origin, '/send_keys', {})).body['state'], 'waiting');
  t.equal((await post(bridge.origin, '/send_msg', {})).body['queued'], 'reading');
  const foreign = await fetch(`${bridge.origin}/show`, { headers: { origin: 'http://evil.test' } });
  t.equal(foreign.status, 403, 'another site triggers nothing');
  const wrong = await fetch(`${bridge.origin}/packets`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Uint8Array.of(0, 9, 1),
  });
  t.equal(wrong.status, 400);

  await device.kill();
  const gone = await fetch(`${bridge.origin}/show`);
  t.equal(gone.status, 503, 'a device that is gone is told, not waited for');
});

play('plain XX is refused over a serial line', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty');
  const { bridge } = await bridged(t, await lineOf(device), [scene.origin]);
  await until('the line is up', () => bridge.isUp());
  await post(scene.origin, '/send_keys', { to: 'esp', address: bridge.origin });
  await until('it was refused', async () => {
    const shown = (await (await fetch(`${bridge.origin}/show`)).json()) as {
      readonly refused: { readonly refused: number };
    };
    return shown.refused.refused > 0;
  });
  t.pass('a bridge could sit in the middle of it');
});

play('readings: each once, with its own time', async (t) => {
  const scene = await begin(t);
  const wanted = rounds({ reduced: 200, full: 2000 });
  let device = power(t, scene, '--pty', '--every', '50');
  const rate = 1 / 2000;
  let { bridge } = await bridged(t, await lineOf(device), [scene.origin], badLine(rate));
  await pair(scene, device, bridge);
  const port = Number(new URL(bridge.origin).port);
  let kills = 0;
  for (let passed = 0; passed < wanted; passed += 50) {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    kills += 1;
    await device.kill();
    await bridge.stop();
    device = power(t, scene, '--pty', '--every', '50');
    ({ bridge } = await bridged(t, await lineOf(device), [scene.origin], badLine(rate), port));
  }
  await device.kill();
  await bridge.stop();
  device = power(t, scene, '--pty', '--every', '86400000');
  ({ bridge } = await bridged(t, await lineOf(device), [scene.origin], undefined, port));
  await until('nothing waits any more', async () => {
    const response = await fetch(`${bridge.origin}/show`);
    if (response.status !== 200) return false;
    const { queued, synchronised } = (await response.json()) as Record<string, unknown>;
    return queued === 0 && synchronised === true;
  });
  await scene.pi.stop();
  const store = await openStore({
    folder: `${scene.folder}/pi`,
    key: 'key file',
    log: silentLog,
    crypto: openssl,
  });
  const limit = 100_000;
  const range = { from: new Date(0), to: new Date(8.64e15), limit, name: 'temp_sht4' };
  const series = store.readings.series(range);
  const times = series.map(({ at }) => at.getTime());
  store.close();
  t.ok(
    series.every(({ sure }) => sure),
    'the device dated them, every one',
  );
  t.equal(new Set(times).size, times.length, `${times.length} readings, none twice`);
  // A reading counts from the moment its block of eight is stored.
  t.ok(times.length >= wanted - 8 * (kills + 1), `${times.length} of ${wanted} and ${kills} kills`);
  const first = Math.min(...times);
  t.ok(first > Date.now() - 600_000 && Math.max(...times) <= Date.now(), 'with times of their own');
});

play('npm run esp32 pairs a device on this computer and shows its readings', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-esp32-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const script = ['scripts/run.mjs', 'run-esp32.ts', '--ports', '0,0', '--data-dir', folder];
  for (const walk of ['first', 'again, without pairing anew']) {
    const run = spawnSync(process.execPath, [...script, '--every', '200', '--count', '2'], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    t.equal(run.status, 0, `${walk}: ${run.stderr}`);
    t.match(run.stdout, /"pressure_bmp":100\d\.\d+.*"humid_sht4":4\d/, walk);
    t.equal(/pairing code/.test(run.stdout), walk === 'first', walk);
  }
});
