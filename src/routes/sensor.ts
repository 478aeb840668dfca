/**
 * `/sensor`: what devices measure. Without a range the newest of each sensor, in the older
 * program's names and units; with one a series. JSON, SenML (RFC 8428) or CSV, as asked for.
 */
import { z } from 'zod';
import type { Messenger, NamedBucket, NamedReading } from '../messenger/index.ts';
import { Flag, Name, readFields } from './fields.ts';
import type { Route, RouteContext } from './route.ts';

const ROWS_MAX = 100_000;
const DAY_MS = 86_400_000;
/** What a board with all three sensors measures, docs/SERIAL.md §6. */
const BOARD_VALUES: readonly string[] = [
  ...['pressure_bmp', 'temp_bmp', 'ax', 'ay', 'az', 'gx', 'gy', 'gz', 'temp_mpu'],
  ...['temp_sht4', 'humid_sht4'],
];

const SECONDS = /^-?\d+(\.\d+)?$/;
/** RFC 3339, or a part of it: Date itself takes "noon 5" for a day in May. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** An ISO date, or Unix seconds. */
const Time = z
  .string()
  .transform(
    (text) => new Date(SECONDS.test(text) ? Number(text) * 1000 : ISO.test(text) ? text : NaN),
  )
  .refine((date) => !Number.isNaN(date.getTime()), 'must be a date or Unix seconds');

export const SensorFields = z.strictObject({
  from: Time.exactOptional(),
  to: Time.exactOptional(),
  every: z.coerce.number().min(1).max(31_536_000).exactOptional(),
  device: Name.exactOptional(),
  name: Name.exactOptional(),
  limit: z.coerce.number().int().min(1).max(ROWS_MAX).exactOptional(),
  /** The newest as rows, as a series has them, and not by device with the older names. */
  rows: Flag.exactOptional(),
});

type Fields = z.output<typeof SensorFields>;
/** Both kinds of rows, as one. */
type Row = Omit<NamedBucket, 'count' | 'min' | 'max'> & Partial<NamedBucket>;

export const sensor: Route = async (ctx, messenger) => {
  const fields = await readFields(ctx, SensorFields);
  const wanted = ctx.accepts('application/json', 'application/senml+json', 'text/csv');
  const isSeries =
    fields.from !== undefined || fields.to !== undefined || fields.every !== undefined;
  const rows: readonly Row[] = isSeries ? series(messenger, fields) : latest(messenger, fields);
  if (wanted === 'text/csv') reply(ctx, 'text/csv; charset=utf-8', csv(rows));
  else if (wanted === 'application/senml+json') {
    reply(ctx, 'application/senml+json', JSON.stringify(rows.map(senml)));
  } else if (isSeries || fields.rows === true) ctx.body = rows.map(asJson);
  else ctx.body = current(messenger, fields, Date.now());
};

function reply(ctx: RouteContext, type: string, body: string): void {
  ctx.body = body;
  ctx.set('Content-Type', type);
}

type Latest = Omit<NamedReading, 'value'> & { readonly mean: number };

function latest(messenger: Messenger, { device, name }: Fields): readonly Latest[] {
  return messenger
    .latestReadings(device)
    .filter((reading) => name === undefined || reading.name === name)
    .map(({ value, ...reading }) => ({ ...reading, mean: value }));
}

function series(messenger: Messenger, fields: Fields): readonly Row[] {
  const { from, to = new Date(), every, limit = 10_000, rows: _rows, ...of } = fields;
  const every_ms = every === undefined ? {} : { every_ms: Math.round(every * 1000) };
  const start = from ?? new Date(to.getTime() - DAY_MS);
  return messenger.readingSeries({ ...of, from: start, to, ...every_ms, limit });
}

/** The device heard of last stands on top, as the only one did in the older program. */
function current(messenger: Messenger, fields: Fields, now_ms: number) {
  const rows: readonly Latest[] = latest(messenger, fields);
  const times = messenger.deviceTimes();
  const devices = [...new Set(rows.map(({ device }) => device))].map((device) => {
    const own = rows.filter((row) => row.device === device);
    const newest_ms = Math.max(...own.map(({ at }) => at.getTime()));
    // How the device is comes with every tenth reading only, so it is not missing in between.
    const measured = own.filter(({ unit }) => unit !== 'count' && unit !== 'B');
    const told = times.find((time) => time.device === device);
    return {
      device,
      /** The device's own clock when it last told it; of a device that does not, its reading's. */
      current_time: (told?.current ?? new Date(newest_ms)).toISOString(),
      last_synchronisation: told?.synchronised?.toISOString() ?? null,
      measured_at: new Date(newest_ms).toISOString(),
      time_is_sure: own.every(({ at, sure }) => sure || at.getTime() < newest_ms),
      age_s: age_s(new Date(newest_ms), now_ms),
      missing_since: missingSince(measured, newest_ms),
      values: valuesOf(measured),
      ages_s: Object.fromEntries(own.map(({ name, at }) => [name, age_s(at, now_ms)])),
      units: Object.fromEntries(own.map((row) => [row.name, shownUnit(row)])),
      health: valuesOf(own.filter((row) => !measured.includes(row))),
    };
  });
  devices.sort((a, b) => a.age_s - b.age_s);
  const [first] = devices;
  if (first === undefined) return { devices };
  const { values, current_time, last_synchronisation } = first;
  return { ...values, current_time, last_synchronisation, devices };
}

/** Not below zero: a device's clock may be ahead of ours. */
function age_s(at: Date, now_ms: number): number {
  return Math.max(0, Math.round((now_ms - at.getTime()) / 1000));
}

/** What the newest reading is without, and when it was last in one; null: never. */
function missingSince(measured: readonly Latest[], newest_ms: number) {
  const missing = measured.filter(({ at }) => at.getTime() < newest_ms);
  const known = new Set(measured.map(({ name }) => name));
  const isOurs = BOARD_VALUES.some((name) => known.has(name));
  const never = BOARD_VALUES.filter((name) => isOurs && !known.has(name));
  return Object.fromEntries([
    ...missing.map(({ name, at }) => [name, at.toISOString()]),
    ...never.map((name) => [name, null]),
  ]);
}

function valuesOf(rows: readonly Row[]) {
  return Object.fromEntries(rows.map((row) => [row.name, olderUnit(row)]));
}

/** hPa, where the wire has Pa; everything else is the same. */
function olderUnit({ name, mean }: Row): number {
  return name === 'pressure_bmp' ? mean / 100 : mean;
}

function shownUnit({ name, unit }: Row): string {
  return name === 'pressure_bmp' ? 'hPa' : (unit ?? '');
}

function asJson({ device, name, unit, at, count, min, mean, max, sure }: Row) {
  return { device, name, unit, at: at.toISOString(), count, min, mean, max, sure };
}

function senml({ device, name, unit, at, mean }: Row) {
  return { n: `${device}:${name}`, ...(unit && { u: unit }), v: mean, t: at.getTime() / 1000 };
}

function csv(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { device, name, unit = '', at, count = 1, min = row.mean, mean, max = row.mean } = row;
    const cells = [device, name, unit, at.toISOString(), count, min, mean, max, row.sure];
    return cells.map((cell) => quoted(String(cell))).join(',');
  });
  return ['device,name,unit,at,count,min,mean,max,sure', ...lines, ''].join('\r\n');
}

/** RFC 4180; and what a spreadsheet would take for a formula is text. */
function quoted(cell: string): string {
  const text = /^[=+@]/.test(cell) || /^-[^\d]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
