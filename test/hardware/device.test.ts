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
import { rounds } from '../support/counts.ts';
import {
  badLine,
  begin,
  bridged,
  lineOf,
  pair,
  play,
  post,
  power,
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

play('readings: each once, with its own time', async (t) => {
  const scene = await begin(t);
  const wanted = rounds({ reduced: 200, full: 2000 });
  let device = power(t, scene, '--pty', '--clock', '--every', '50');
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
    device = power(t, scene, '--pty', '--clock', '--every', '50');
    ({ bridge } = await bridged(t, await lineOf(device), [scene.origin], badLine(rate), port));
  }
  await device.kill();
  await bridge.stop();
  device = power(t, scene, '--pty', '--clock', '--every', '86400000');
  ({ bridge } = await bridged(t, await lineOf(device), [scene.origin], undefined, port));
  await until('nothing waits any more', async () => {
    const response = await fetch(`${bridge.origin}/show`);
    if (response.status !== 200) return false;
    const { queued, synchronised } = (await response.json()) as Record<string, unknown>;
    return queued === 0 && synchronised === true;
  });
  const series = await storedSeries(scene, 'temp_sht4');
  const times = series.map(({ at }) => at.getTime());
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
