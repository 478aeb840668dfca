/**
 * Goal: a reading gets the right time, also from a device that does not know it.
 * Method: packs of the firmware's vectors, with and without TIME beside them.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { readingsOf } from '../../src/messenger/take-readings.ts';
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
  const far = Uint8Array.of(
    3,
    ...Buffer.from('81a300617802012 21b7fffffffffffffff'.replace(' ', ''), 'hex'),
  );
  t.notOk(Number.isNaN(readingsOf(far, received, [])[0]?.at.getTime()));
});
