/** `sotto sensors`: what devices measure. */
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { PeerClient } from './client.ts';
import { defineCommand, usageError } from './command.ts';
import { type Io, interruption, printableEntry } from './io.ts';
import { localTime } from './local-time.ts';
import { OPENING, withPeer } from './passing-peer.ts';
import { metered } from './progress.ts';

const FOLLOW_MS = 1000;

const rowSchema = z.object({
  device: z.string(),
  name: z.string(),
  unit: z.string().optional(),
  at: z.string(),
  count: z.number().optional(),
  min: z.number().optional(),
  mean: z.number(),
  max: z.number().optional(),
  sure: z.boolean(),
});
const rowsSchema = z.array(rowSchema);
type Row = z.output<typeof rowSchema>;

export const sensors = defineCommand({
  name: 'sensors',
  summary: 'Show what devices measure',
  usage: [
    '[--device NAME] [--name VALUE]',
    '--from TIME [--to TIME] [--every SECONDS]',
    '--follow',
    '… --csv > FILE',
  ],
  details: `Without a time the newest reading of each sensor. Times are dates, 2026-11-21T09:00Z, or Unix
seconds; --every makes means. With --json one line of JSON for each reading. A time with ~ was
given by this peer, because the device did not know it.`,
  examples: [
    'sotto sensors',
    'sotto sensors --device esp32 --name temp_bmp --follow',
    'sotto sensors --from 2026-11-20 --every 3600 --csv > hours.csv',
  ],
  positionalsMax: 0,
  options: {
    device: { type: 'string', takes: 'NAME', about: 'of this device only' },
    name: { type: 'string', takes: 'VALUE', about: 'this value only, e.g. temp_bmp' },
    from: { type: 'string', takes: 'TIME', about: 'a series from then on; a day before --to' },
    to: { type: 'string', takes: 'TIME', about: 'until then; else until now' },
    every: { type: 'string', takes: 'SECONDS', about: 'min, mean and max of each so many' },
    limit: { type: 'string', takes: 'ROWS', about: 'at most, the newest; else 10000' },
    csv: { type: 'boolean', about: 'a table for other programs' },
    follow: {
      type: 'boolean',
      about: 'go on with new readings until Ctrl-C; not with --csv, nor with a time',
    },
    ...OPENING,
  },
  run: async ({ values, io }) => {
    const { csv = false, follow = false, json = false, ...rest } = values;
    const { from, to, every } = rest;
    const isSeries = from !== undefined || to !== undefined || every !== undefined;
    if (csv && json) throw usageError('sensors', 'Either --csv or --json.');
    if (follow && (isSeries || csv)) {
      throw usageError('sensors', '--follow goes with neither --csv nor a time.');
    }
    const { 'data-dir': _folder, 'passphrase-file': _file, help: _help, ...wanted } = rest;
    const query = new URLSearchParams({ ...wanted, ...(!isSeries && { rows: 'true' }) });
    const show = (row: Row) => io.print(json ? JSON.stringify(row) : line(row));
    await withPeer(values, io, async ({ peer }) => {
      if (csv) {
        const table = await peer.download('GET', `/sensor?${query}`, undefined, 'text/csv');
        const shown = process.stdout.isTTY ? table : metered(table, 'reading');
        await pipeline(shown, process.stdout, { end: false });
        return;
      }
      const rows = await peer.get(`/sensor?${query}`, rowsSchema);
      for (const row of rows) show(row);
      if (follow) await goOn(peer, query, rows, show, interruption(io));
      else if (rows.length === 0) sayNothing(io);
    });
    return {};
  },
});

/** Shows what is newer than what was shown, sensor by sensor: their clocks may differ. */
async function goOn(
  peer: PeerClient,
  query: URLSearchParams,
  shown: readonly Row[],
  show: (row: Row) => void,
  signal: AbortSignal,
): Promise<void> {
  const keyOf = ({ device, name }: Row) => JSON.stringify([device, name]);
  const seen = new Map(shown.map((row) => [keyOf(row), Date.parse(row.at)]));
  while (!signal.aborted) {
    await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
    for (const row of await peer.get(`/sensor?${query}`, rowsSchema)) {
      const at = Date.parse(row.at);
      const last = seen.get(keyOf(row));
      if (last !== undefined && at <= last) continue;
      const { device, name } = row;
      const from = new Date(last === undefined ? at : last + 1).toISOString();
      const range = { from, to: new Date(at + 1).toISOString(), device, name };
      const missed = await peer.get(`/sensor?${new URLSearchParams(range)}`, rowsSchema);
      for (const each of missed) show(each);
      seen.set(keyOf(row), at);
    }
  }
}

function line({ device, name, unit = '', at, count = 1, min, mean, max, sure }: Row): string {
  const range = count > 1 ? `  ${min} … ${max} of ${count}` : '';
  const value = `${Number(mean.toPrecision(7))} ${printableEntry(unit)}`.trimEnd();
  return `${localTime(at)}${sure ? ' ' : '~'}  ${printableEntry(device)}  ${printableEntry(name)}  ${value}${range}`;
}

function sayNothing(io: Io): void {
  io.say('No readings. `sotto bridge` offers a device; pair with it, and they come by themselves.');
}
