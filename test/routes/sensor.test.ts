/**
 * Goal: `/sensor` answers with the older program's names and units, says what is missing, and
 * speaks JSON, SenML and CSV.
 * Method: the real app on loopback above a messenger with a few readings.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import t, { type Test } from 'tap';
import type { NamedReading, SeriesRequest } from '../../src/messenger/index.ts';

import { createOperatorApp, type GuardConfig } from '../../src/routes/index.ts';
import { fakeMessenger } from '../support/fake-messenger.ts';
import { call, serve } from '../support/http.ts';
import { sideOf } from '../support/operator.ts';

const guard: GuardConfig = {
  mode: 'demo',
  hosts: [],
  behindProxy: false,
  token: new Uint8Array(4),
  session: new Uint8Array(4),
  cookieName: 'sotto',
};
const at = new Date(Date.now() - 5_000);
const told = new Date(at.getTime() + 4_000);
const earlier = new Date(at.getTime() - 60_000);
const row = (name: string, unit: string, value: number, when = at, device = 'esp') => {
  return { device, name, unit, value, at: when, sure: true };
};
const READINGS: readonly NamedReading[] = [
  row('temp_bmp', 'Cel', 25.08),
  row('pressure_bmp', 'Pa', 100653),
  row('humid_sht4', '%RH', 48, earlier),
  row('boots', 'count', 3, earlier),
  row('temp_bmp', 'Cel', 19, earlier, '=attic'),
];

async function app(t: Test) {
  const asked: SeriesRequest[] = [];
  const messenger = fakeMessenger({
    latestReadings: (device) =>
      READINGS.filter((row) => device === undefined || row.device === device),
    deviceTimes: () => [{ device: 'esp', current: told, synchronised: earlier }],
    readingSeries(request) {
      asked.push(request);
      return [{ ...row('ax', 'm/s2', 0), count: 2, min: -1, mean: 0.5, max: 2 }];
    },
  });
  const port = await serve(t, createOperatorApp({ ...sideOf(messenger), guard }));
  const get = (path: string, headers: OutgoingHttpHeaders = {}) =>
    call(port, {
      method: 'GET',
      path,
      headers: { host: `localhost:${port}`, ...headers },
      body: '',
    });
  return { asked, get };
}

t.test('the newest of each sensor, the device heard of last on top', async (t) => {
  const { get } = await app(t);
  const body = JSON.parse((await get('/sensor')).text);
  t.match(body, { temp_bmp: 25.08, pressure_bmp: 1006.53, humid_sht4: 48 });
  t.equal(body.current_time, told.toISOString(), "the device's own clock");
  t.equal(body.last_synchronisation, earlier.toISOString());
  const rows = JSON.parse((await get('/sensor?rows=true&name=boots')).text);
  t.match(rows, [{ device: 'esp', name: 'boots', unit: 'count', mean: 3, sure: true }]);
  const [esp, attic] = body.devices;
  t.match(esp, { device: 'esp', age_s: Number, time_is_sure: true, health: { boots: 3 } });
  t.equal(esp.measured_at, at.toISOString());
  const { temp_bmp, humid_sht4 } = esp.ages_s;
  t.equal(temp_bmp, esp.age_s, 'each value has its own age');
  t.equal(humid_sht4 - temp_bmp, (at.getTime() - earlier.getTime()) / 1000);
  t.strictSame(esp.units, {
    temp_bmp: 'Cel',
    pressure_bmp: 'hPa',
    humid_sht4: '%RH',
    boots: 'count',
  });
  const never = ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'temp_mpu', 'temp_sht4'];
  t.strictSame(esp.missing_since, {
    humid_sht4: earlier.toISOString(),
    ...Object.fromEntries(never.map((name) => [name, null])),
  });
  t.match(attic, { device: '=attic', values: { temp_bmp: 19 } });
  t.match(attic, { current_time: earlier.toISOString(), last_synchronisation: null });
  const one = JSON.parse((await get('/sensor?device=%3Dattic&name=temp_bmp')).text);
  t.equal(one.devices.length, 1);
});

t.test('a series, in buckets', async (t) => {
  const { get, asked } = await app(t);
  const answer = await get('/sensor?from=1700000000&to=2026-01-01T00:00:00Z&every=60&device=esp');
  t.match(JSON.parse(answer.text), [{ device: 'esp', name: 'ax', min: -1, mean: 0.5, max: 2 }]);
  t.match(asked[0], { device: 'esp', every_ms: 60_000, limit: 10_000 });
  t.equal(asked[0]?.from.getTime(), 1_700_000_000_000);
  await get('/sensor?from=-86400&to=0');
  t.equal(asked.at(-1)?.from.getTime(), -86_400_000, 'before 1970');
  await get('/sensor?from=2026-01-01T00:00:00.5%2B01:00');
  t.equal(asked.at(-1)?.from.toISOString(), '2025-12-31T23:00:00.500Z');
  const odd = [
    'from=noon%205',
    'from=9999999999999999',
    'from=2026-13-01',
    'from=1&from=2',
    'from=',
  ];
  const wild = ['every=-1', 'every=1e99', 'every=x', 'limit=1.5', 'limit=100001', 'to=2026-1-1'];
  for (const wrong of ['from=yesterday', 'every=0', 'limit=0', 'colour=red', ...odd, ...wild]) {
    t.equal((await get(`/sensor?${wrong}`)).status, 400, wrong);
  }
});

t.test('SenML and CSV', async (t) => {
  const { get } = await app(t);
  const senml = JSON.parse((await get('/sensor', { accept: 'application/senml+json' })).text);
  t.match(senml[1], { n: 'esp:pressure_bmp', u: 'Pa', v: 100653, t: at.getTime() / 1000 });
  const { text } = await get('/sensor', { accept: 'text/csv' });
  t.match(text, /^device,name,unit,at,count,min,mean,max,sure\r\nesp,temp_bmp,Cel,/);
  t.match(text, /'=attic/, 'no cell is a formula');
});
