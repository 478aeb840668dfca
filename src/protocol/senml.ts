/**
 * Readings as SenML packs in CBOR, RFC 8428 with the labels of its §6, PROTOCOL §8.6. Decodes
 * what any writer may send: bases that change on the way, floats, integers, decimal fractions.
 */
import { decode } from 'cborg';
import { RemoteProtocolError } from './errors.ts';

const RECORDS_MAX = 1024;
const TEXT_SIZE_MAX = 128;
/** Powers of ten beyond these are no measurement; and Number() would have to write them out. */
const EXPONENT_MAX = 30;

const LABEL = {
  baseName: -2,
  baseTime: -3,
  baseUnit: -4,
  baseValue: -5,
  name: 0,
  unit: 1,
  value: 2,
  text: 3,
  boolean: 4,
  time: 6,
} as const;

export interface SenmlRecord {
  /** The base name: whose reading it is, with the separator at its end; may be empty. */
  readonly baseName: string;
  readonly name: string;
  readonly unit: string | undefined;
  /** Base time + time, in seconds: Unix time, or the device's uptime if the pack is unsure. */
  readonly time_s: number;
  readonly value: number | boolean | string;
}

/** A reading, PROTOCOL §8.6. */
export interface Pack {
  /** The device did not know the time: `time_s` is its uptime. */
  readonly isUnsure: boolean;
  /** Without the `unsure` record itself. */
  readonly records: readonly SenmlRecord[];
}

type Label = (typeof LABEL)[keyof typeof LABEL];

/** @throws {RemoteProtocolError} `malformed` if it is not one pack, exactly. */
export function decodePack(bytes: Uint8Array): Pack {
  let records: readonly SenmlRecord[];
  try {
    records = resolve(decode(bytes, OPTIONS));
  } catch (cause) {
    throw cause instanceof RemoteProtocolError
      ? cause
      : new RemoteProtocolError('malformed', { cause });
  }
  const isUnsure = records.some(({ name, value }) => name === 'unsure' && value === true);
  return { isUnsure, records: records.filter(({ name }) => name !== 'unsure') };
}

/** [exponent, mantissa], RFC 8949 §3.4.4: exact digits, where a float would be the nearest one. */
function decimalFraction(content: unknown): number {
  const parts = check(Array.isArray(content) && content.length === 2, content as unknown[]);
  const [exponent, mantissa] = parts;
  check(Number.isInteger(exponent) && Math.abs(Number(exponent)) <= EXPONENT_MAX, exponent);
  check(typeof mantissa === 'bigint' || Number.isInteger(mantissa), mantissa);
  return Number(`${mantissa}e${exponent}`);
}

const OPTIONS = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  tags: { 4: (content: () => unknown) => decimalFraction(content()) },
};

function resolve(pack: unknown): SenmlRecord[] {
  const items = check(Array.isArray(pack) && pack.length <= RECORDS_MAX, pack as unknown[]);
  const base = { name: '', time_s: 0, unit: undefined as string | undefined, value: 0 };
  const records: SenmlRecord[] = [];
  for (const item of items) {
    const fields = toFields(item);
    base.name = fields.text(LABEL.baseName) ?? base.name;
    base.time_s = fields.number(LABEL.baseTime) ?? base.time_s;
    base.unit = fields.text(LABEL.baseUnit) ?? base.unit;
    base.value = fields.number(LABEL.baseValue) ?? base.value;
    const number = fields.number(LABEL.value);
    const value =
      fields.text(LABEL.text) ??
      fields.boolean(LABEL.boolean) ??
      (number === undefined ? undefined : base.value + number);
    if (value === undefined) continue;
    const name = fields.text(LABEL.name) ?? '';
    check(base.name.length + name.length > 0, name);
    const time_s = base.time_s + (fields.number(LABEL.time) ?? 0);
    const unit = fields.text(LABEL.unit) ?? base.unit;
    records.push({ baseName: base.name, name, unit, time_s, value });
  }
  return records;
}

/** Unknown fields are ignored, but for those whose name asks not to be: RFC 8428 §4.4. */
function toFields(item: unknown) {
  const map = check(item instanceof Map, item as Map<unknown, unknown>);
  for (const key of map.keys()) check(typeof key !== 'string' || !key.endsWith('_'), key);
  return {
    text: (label: Label): string | undefined => {
      const value = map.get(label);
      if (value === undefined) return undefined;
      return check(typeof value === 'string' && value.length <= TEXT_SIZE_MAX, value as string);
    },
    boolean: (label: Label): boolean | undefined => {
      const value = map.get(label);
      return value === undefined ? undefined : check(typeof value === 'boolean', value as boolean);
    },
    number: (label: Label): number | undefined => {
      const value = map.get(label);
      if (value === undefined) return undefined;
      check(typeof value === 'number' || typeof value === 'bigint', value);
      return check(Number.isFinite(Number(value)), Number(value));
    },
  };
}

function check<T>(isSo: boolean, value: T): T {
  if (!isSo) throw new RemoteProtocolError('malformed');
  return value;
}
