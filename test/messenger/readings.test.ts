/**
 * Goal: a reading gets the right time, also from a device that does not know it; a device that
 * asks is told, and what it tells is kept.
 * Method: packs of the firmware's vectors, with and without TIME beside them; TIME of all kinds.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { latestReadings, readingSeries } from '../../src/messenger/read-sensors.ts';
import { readingsOf } from '../../src/messenger/take-readings.ts';
import { ToldTimes } from '../../src/messenger/told-times.ts';
import type { Payload } from '../../src/protocol/index.ts';

const { readings } = JSON.parse(
  readFileSync(new URL('../vectors/senml.json', import.meta.url), 'utf8'),
) as { readonly readings: readonly { readonly name: string; readonly pack: string }[] };
const at = new Date('2026-11-21T02:00:00Z');
const received = {
  contact: 3,
  id: { epoch: 1n, sequence: 0n },
  carrier: 'session',
  verified: true,
  at,
} as const;

function content(name: string): Uint8Array {
  const pack = readings.find((reading) => reading.name === name)?.pack ?? '';
  return Uint8Array.of(3, ...Buffer.from(pack, 'hex'));
}

t.test('a device that knows the time', async (t) => {
  const [first, ...rest] = readingsOf(content("the datasheets' examples"), received, []);
  t.match(first, { contact: 3, name: 'temp_bmp', unit: 'Cel', value: 25.08, sure: true });
  t.equal(first?.at.getTime(), 1795219200000);
  t.equal(rest.length, 10);
});

t.test('a device that knows only how long it has been up', async (t) => {
  const unsure = content('before the clock was set');
  const time: Payload = { kind: 'time', event: 'now', unixTime_ms: 0n, uptime_ms: 72_500n };
  const aged = readingsOf(unsure, received, [time]);
  t.equal(aged[0]?.at.getTime(), at.getTime() - 60_000, 'a minute before it was sent');
  t.ok(aged.every(({ sure }) => !sure));
  t.equal(readingsOf(unsure, received, [])[0]?.at.getTime(), at.getTime(), 'else when it came');
  const rebooted: Payload = { ...time, uptime_ms: 1n };
  t.equal(readingsOf(unsure, received, [rebooted])[0]?.at.getTime(), at.getTime(), 'never later');
});

t.test('after 2106, and beyond what a date holds', async (t) => {
  const [late] = readingsOf(content('after 2106'), received, []);
  t.match(late, { at: new Date(4294967296000), sure: false }, 'a clock is wrong, here or there');
  const then = { ...received, at: new Date(4294967296000 - 80_000_000) };
  t.match(readingsOf(content('after 2106'), then, [])[0], { sure: true });
  // A time as an integer, and as the largest and smallest numbers.
  for (const time of ['1b7fffffffffffffff', 'fb7fefffffffffffff', 'fbffefffffffffffff']) {
    const far = Uint8Array.of(
      3,
      ...Buffer.from(`81a30061780201 22${time}`.replace(' ', ''), 'hex'),
    );
    const [reading] = readingsOf(far, received, []);
    t.equal(Math.abs(reading?.at.getTime() ?? 0), 8.64e15, `${time} is the nearest date`);
  }
  const up: Payload = { kind: 'time', event: 'now', unixTime_ms: 0n, uptime_ms: 2n ** 64n - 1n };
  const [old] = readingsOf(content('before the clock was set'), received, [up]);
  t.equal(old?.at.getTime(), -8.64e15, 'an uptime of ages');
});

t.test('a clock that asks, and one that tells', async (t) => {
  const times = new ToldTimes({
    now: () => at,
    monotonic_ms: () => 1234.6,
    after: () => () => {},
    sleep: () => Promise.resolve(),
  });
  const time = { kind: 'time', event: 'now', unixTime_ms: 0n, uptime_ms: 5n } as const;
  const ours = { ...time, unixTime_ms: BigInt(at.getTime()), uptime_ms: 1235n };
  t.strictSame(times.heard(3, time), [ours], 'who asks is told');
  t.equal(times.of(3), undefined, 'and has told nothing');
  const [first, second] = [1_795_219_200_000n, 1_795_219_201_000n];
  t.strictSame(times.heard(3, { ...time, event: 'synchronised', unixTime_ms: first }), []);
  times.heard(3, { ...time, unixTime_ms: second });
  const told = { current: new Date(Number(second)), synchronised: new Date(Number(first)) };
  t.strictSame(times.of(3), told, 'the last synchronisation stays');
  times.heard(3, time);
  times.heard(3, { ...time, unixTime_ms: 2n ** 64n - 1n });
  t.strictSame(times.of(3), told, 'also while it asks anew; and what is no date is none');
  t.equal(times.of(4), undefined);
});

t.test('who mistypes a device is told those that there are', async (t) => {
  const known = [
    { id: 3, name: 'esp32' },
    { id: 4, name: 'attic' },
  ];
  const latest = [3, 3, 9].map((contact) => ({ contact, name: 'temp_bmp', at, value: 1 }));
  const asked: unknown[] = [];
  const deps = {
    clock: { now: () => at },
    contacts: {
      get: (id: number) => known.find((contact) => contact.id === id),
      byName: (name: string) => known.find((contact) => contact.name === name),
    },
    store: {
      readings: { latest: () => latest, series: (query: unknown) => asked.push(query) > 0 && [] },
    },
  } as unknown as Parameters<typeof latestReadings>[0];
  const range = { from: at, to: at, limit: 1 };
  const unknown = {
    name: 'UseCaseError',
    failure: 'unknown_contact',
    message: 'no device is called "esp": there are esp32, removed-9',
  };
  t.throws(() => latestReadings(deps, 'esp'), unknown);
  t.throws(() => readingSeries(deps, { ...range, device: 'esp' }), unknown);
  t.equal(latestReadings(deps, 'esp32').length, 2);
  t.strictSame(latestReadings(deps, 'attic'), [], 'it has not measured yet');
  for (const device of ['attic', 'removed-9']) readingSeries(deps, { ...range, device });
  t.strictSame(
    asked,
    [4, 9].map((contact) => ({ ...range, contact })),
    'readings outlive contacts',
  );
  latest.splice(
    0,
    3,
    ...(Array.from({ length: 25 }, (_, index) => ({
      ...latest[0],
      contact: 100 + index,
    })) as typeof latest),
  );
  t.throws(() => latestReadings(deps, 'esp'), { message: /removed-119 and 5 more$/ });
});
