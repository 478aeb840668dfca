/**
 * Goal: a device pairs with a peer through a bridge that holds no key, talks both ways, and its
 * readings arrive exactly once with their own times, whatever becomes of the line and the power.
 * Method: the real firmware as a process on a pty, the real bridge, a real peer and its store;
 * between them a line that drops, flips and repeats bytes, and plugs that are pulled.
 */
import { spawnSync } from 'node:child_process';
import type { Test } from 'tap';
import type { OpenSerial } from '../../src/link/index.ts';
import { findPresence } from '../../src/presence.ts';
import { rounds } from '../support/counts.ts';
import { freePort, freePorts } from '../support/free-ports.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { HostDevice } from './host-device.ts';
import { badLine, noHarm } from './noise.ts';
import {
  begin,
  bridged,
  dated,
  lineOf,
  pair,
  play,
  post,
  power,
  rebootPi,
  type Scene,
  storedSeries,
  until,
} from './scene.ts';

play('a device as a peer', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--clock');
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
  t.match(shown, { name: 'esp', contacts: [{ name: 'pi', state: 'paired', verified: true }] });
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
  const device = power(t, scene, '--pty', '--clock');
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

/** Slower in the long run: else more waits than the device's ring holds, and the oldest give way. */
const every_ms = rounds({ reduced: 50, full: 100 });
const RESTLESS = ['--pty', '--clock', '--tell', '--every', `${every_ms}`];

/** Resets device, bridge and Pi in turn, until enough was taken. Returns the device's lives. */
async function resetInTurn(t: Test, scene: Scene, wanted: number, open: OpenSerial) {
  let device = power(t, scene, ...RESTLESS);
  const lives = [device];
  let serial = await lineOf(device);
  const port = await freePort();
  let { bridge } = await bridged(t, serial, [scene.origin], open, port);
  await pair(scene, device, bridge);
  const taken = () => lives.reduce((sum, { taken_ms }) => sum + taken_ms.length, 0);
  for (let resets = 0; taken() < wanted + 8 * lives.length; resets++) {
    await new Promise((resolve) => setTimeout(resolve, 40 * every_ms));
    // Whichever is reset, the others find out by themselves.
    if (resets % 3 === 2) await rebootPi(scene);
    else await bridge.stop();
    if (resets % 3 === 0) {
      await device.kill();
      device = power(t, scene, ...RESTLESS);
      lives.push(device);
      serial = await lineOf(device);
    }
    if (resets % 3 !== 2) ({ bridge } = await bridged(t, serial, [scene.origin], open, port));
  }
  await device.kill();
  await bridge.stop();
  return { lives, port };
}

/** A quiet line, and a device that hardly measures: until nothing waits any more. */
async function drain(t: Test, scene: Scene, port: number): Promise<HostDevice> {
  const device = power(t, scene, '--pty', '--clock', '--tell', '--every', '86400000');
  const serial = await lineOf(device);
  const { bridge } = await bridged(t, serial, [scene.origin], undefined, port);
  await until('nothing waits any more', async () => {
    const response = await fetch(`${bridge.origin}/show`);
    if (response.status !== 200) return false;
    const { queued, synchronised } = (await response.json()) as Record<string, unknown>;
    return queued === 0 && synchronised === true;
  });
  return device;
}

play('readings: each once, with its own time', async (t) => {
  const scene = await begin(t);
  const wanted = rounds({ reduced: 200, full: 2000 });
  const seed = Date.now() >>> 0;
  const harm = noHarm();
  const { lives, port } = await resetInTurn(t, scene, wanted, badLine(new Random(seed), harm));
  lives.push(await drain(t, scene, port));
  const series = await storedSeries(scene, 'temp_sht4');
  const stored = new Set(series.map(({ at }) => at.getTime()));
  t.comment(`seed ${seed}`, harm);
  t.ok(Math.min(harm.dropped, harm.flipped, harm.repeated, harm.delayed) > 0, 'it was a bad line');
  t.equal(stored.size, series.length, `${series.length} readings, none twice`);
  t.ok(series.length >= wanted, `${wanted} were wanted, with ${lives.length - 2} power cuts`);
  const allSure = series.every(({ sure }) => sure);
  t.ok(allSure, 'the device dated them, every one');
  const taken = lives.map(({ taken_ms }) => taken_ms.map(dated));
  const all = new Set(taken.flat());
  t.ok(
    [...stored].every((at) => all.has(at)),
    'each with the time at which it was taken',
  );
  for (const times of taken) {
    // One counts from the moment its block of eight is stored; before that a power cut takes it.
    const kept = times.slice(0, -8);
    const lost = kept.filter((at) => !stored.has(at));
    t.same(lost, [], `none of ${kept.length} is lost`);
  }
});

play('a reading inside a picture, and the cover given back', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--clock', '--tell', '--every', '86400000');
  const { bridge } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  device.type('send_picture');
  await device.until(/^send_picture: on its way/);
  const authorization = `Bearer ${findPresence(`${scene.folder}/pi`)?.token}`;
  const ask = (path: string) => fetch(scene.origin + path, { headers: { authorization } });
  let covers: readonly { readonly id: number }[] = [];
  await until('the picture has arrived', async () => {
    covers = ((await (await ask('/covers')).json()) as { covers: typeof covers }).covers;
    return covers.length > 0;
  });
  t.comment(covers[0]);
  t.equal(covers.length, 1, 'one picture, one cover');
  const answer = await ask(`/covers/${covers[0]?.id}`);
  const png = Buffer.from(await answer.arrayBuffer());
  t.equal(answer.headers.get('content-type'), 'image/png');
  t.same([png.readUInt32BE(16), png.readUInt32BE(20)], [160, 120], 'the cover, as large as drawn');
  await until('its reading is there', async () => {
    const { temp_sht4 } = (await (await ask('/sensor')).json()) as { temp_sht4?: number };
    return temp_sht4 !== undefined;
  });
  const series = await storedSeries(scene, 'temp_sht4');
  const last_ms = device.taken_ms.at(-1) ?? 0;
  t.ok(
    series.some(({ at }) => Math.abs(at.getTime() - last_ms) < 1_000),
    'the reading that was measured for it is stored',
  );
});

play('npm run esp32 pairs a device on this computer and shows its readings', async (t) => {
  const folder = temporaryFolder(t);
  const first = await freePorts(2);
  const ports = ['--ports', `${first},${first + 1}`];
  const script = ['scripts/run.mjs', 'run-esp32.ts', ...ports, '--data-dir', folder];
  for (const walk of ['first', 'again, without pairing anew']) {
    const run = spawnSync(process.execPath, [...script, '--every', '200', '--count', '2'], {
      encoding: 'utf8',
      timeout: 240_000,
    });
    t.equal(run.status, 0, `${walk}: ${run.stderr}`);
    t.match(run.stdout, /"pressure_bmp":100\d\.\d+.*"humid_sht4":4\d/, walk);
    t.equal(/pairing code/.test(run.stdout), walk === 'first', walk);
  }
});
