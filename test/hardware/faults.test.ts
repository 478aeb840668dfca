/**
 * Goal: a sensor that fails costs its own values and no other, and `GET /sensor` says what is
 * missing and since when; a reading has the right time, or says that it is not sure, whatever
 * becomes of the device's clock.
 * Method: the real firmware with register-level sensor models that fail on demand, a real bridge
 * and a real Pi; times are told at the device's console.
 */
import type { Test } from 'tap';
import { begin, bridged, lineOf, pair, play, power, type Scene, until } from './scene.ts';

const VALUES = {
  bmp280: ['pressure_bmp', 'temp_bmp'],
  mpu6050: ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'temp_mpu'],
  sht4x: ['humid_sht4', 'temp_sht4'],
} as const;

/** A wrong id is only met by who looks for the sensor anew: so it comes after an absence. */
const FAULTS: readonly (readonly [keyof typeof VALUES, ...string[]])[] = [
  ['bmp280', 'absent', 'wrong_id'],
  ['bmp280', 'stuck'],
  ['bmp280', 'absurd'],
  ['mpu6050', 'absent', 'wrong_id'],
  ['mpu6050', 'stuck'],
  ['mpu6050', 'absurd'],
  ['sht4x', 'absent'],
  ['sht4x', 'stuck'],
  ['sht4x', 'bad_crc'],
  ['sht4x', 'absurd'],
];

interface DeviceReadings {
  readonly current_time: string;
  readonly missing_since: Readonly<Record<string, string | null>>;
  readonly values: Readonly<Record<string, number>>;
}

interface Bucket {
  readonly at: string;
  readonly sure: boolean;
}

async function latest({ origin }: Scene): Promise<DeviceReadings> {
  const { devices } = (await (await fetch(`${origin}/sensor`)).json()) as {
    readonly devices: readonly DeviceReadings[];
  };
  return devices[0] ?? { current_time: '', missing_since: {}, values: {} };
}

async function between({ origin }: Scene, from_s: number, to_s: number): Promise<Bucket[]> {
  const query = `name=temp_sht4&from=${from_s}&to=${to_s}`;
  return (await (await fetch(`${origin}/sensor?${query}`)).json()) as Bucket[];
}

async function paired(t: Test, ...args: readonly string[]) {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', ...args);
  const { bridge } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  await until('there is a reading', async () => (await latest(scene)).current_time !== '');
  return { scene, device, bridge };
}

const names = (of: DeviceReadings) => Object.keys(of.missing_since).sort();

play('each sensor fails in turn; the others go on', async (t) => {
  const { scene, device } = await paired(t, '--every', '100', '--clock');
  for (const [sensor, ...kinds] of FAULTS) {
    const mine = VALUES[sensor];
    for (const kind of kinds) {
      const before = new Date(Date.now() - 2_000).toISOString();
      device.type(`fault ${sensor} ${kind}`);
      await until(`${sensor} ${kind} is noticed`, async () => {
        return names(await latest(scene)).join() === mine.join();
      });
      const first = await latest(scene);
      const since = first.missing_since[mine[0]] ?? '';
      await until('the others go on', async () => {
        return (await latest(scene)).current_time > first.current_time;
      });
      const later = await latest(scene);
      t.same(names(later), mine, `${sensor} ${kind}: its values are missing, and no other`);
      t.ok(
        mine.every((name) => later.missing_since[name] === since),
        'since one moment',
      );
      t.ok(kinds.indexOf(kind) > 0 || since > before, `which was ${since}`);
    }
    device.type(`fault ${sensor} none`);
    await until(`${sensor} is back`, async () => names(await latest(scene)).length === 0);
  }
  const { values } = await latest(scene);
  t.match(values, { temp_bmp: 25.08, temp_mpu: 25 }, 'and measures as before');
});

play('a clock that is set late, back, and beyond 2038 and 2106', async (t) => {
  const { scene, device } = await paired(t, '--every', '50', '--clock');
  // Each crossing ends in numbers that do not fit 31 and 32 bits of seconds.
  for (const edge_s of [2 ** 31, 2 ** 32]) {
    let found: Bucket[] = [];
    // First a minute before it: who is held up for half a second misses the half before the edge.
    for (const ahead_s of [60, 0.5]) {
      device.type(`clock ${(edge_s - ahead_s) * 1000}`);
      await device.until(/^clock: set/);
      const wanted_ms = ahead_s === 60 ? 0 : edge_s * 1000 + 500;
      await until(`readings around ${edge_s}`, async () => {
        found = await between(scene, edge_s - 100, edge_s + 600);
        return found.some(({ at }) => Date.parse(at) >= wanted_ms);
      });
    }
    t.ok(
      found.some(({ at }) => Date.parse(at) < edge_s * 1000),
      `before and after ${edge_s}`,
    );
    t.ok(
      found.every(({ sure }) => !sure),
      'years ahead of the receiver: not sure',
    );
  }
  const yesterday_s = Math.floor(Date.now() / 1000) - 86_400;
  device.type(`clock ${yesterday_s * 1000}`);
  await device.until(/^clock: set/);
  await until('readings of yesterday', async () => {
    const found = await between(scene, yesterday_s, yesterday_s + 600);
    return found.length >= 5 && found.every(({ sure }) => sure);
  });
  device.type(`clock ${Date.now()}`);
  await device.until(/^clock: set/);
  const now_s = Date.now() / 1000;
  await until('readings of today', async () => {
    const { current_time } = await latest(scene);
    return Math.abs(Date.parse(current_time) / 1000 - now_s) < 60;
  });
  t.ok(true, 'and the newest is the one of now, not the one of 2106');
  for (const wrong of ['clock 1', 'clock 9999999999999', 'clock soon']) {
    device.type(wrong);
    await device.until(/^clock: that is no time/);
  }
});

play('what was measured before anybody told the time is dated by the receiver', async (t) => {
  const { scene, device, bridge } = await paired(t, '--every', '100', '--clock');
  await device.kill();
  await bridge.stop();
  const start_ms = Date.now();
  const again = power(t, scene, '--pty', '--every', '100');
  const serial = await lineOf(again);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const end_ms = Date.now();
  await bridged(t, serial, [scene.origin]);
  // In the order in which they were measured: behind one of later none of before is missing.
  await until('they have arrived', async () => {
    return (await between(scene, end_ms / 1000, end_ms / 1000 + 600)).length > 0;
  });
  const found = await between(scene, start_ms / 1000, end_ms / 1000);
  t.ok(
    found.every(({ sure }) => !sure),
    'none of them says it is sure',
  );
  // A machine that is busy measures less often, and dates what came in one bundle all the same.
  const expected = (end_ms - start_ms) / 100;
  t.ok(found.length >= 5 && found.length <= expected + 2, `${found.length} of ${expected}`);
  const times = found.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  const median = gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  t.ok(median >= 90, `as far apart as they were measured: ${gaps}`);

  again.type(`clock ${Date.now()}`);
  await again.until(/^clock: set/);
  const synchronised_s = Date.now() / 1000;
  await until('readings are sure', async () => {
    const later = await between(scene, synchronised_s + 0.5, synchronised_s + 60);
    return later.length > 3 && later.every(({ sure }) => sure);
  });
});
