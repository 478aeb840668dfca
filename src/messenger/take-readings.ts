/** Readings of a device, PROTOCOL §8.6: what a pack says, dated, as rows for the store. */
import { decodePack, type Payload, type SenmlRecord } from '../protocol/index.ts';
import type { Reading, Received } from './ports.ts';

/** Date can hold no more, on either side of 1970. */
const TIME_MAX_MS = 8_640_000_000_000_000;
/** A reading from further in the future than this keeps its date, but one of two clocks is wrong. */
const AHEAD_MAX_MS = 86_400_000;

/**
 * The readings of one content, whose first byte is its type.
 *
 * A device that does not know the time dates by its uptime. Told by TIME how long it was up when
 * the packet was sealed, a reading is that much older than its arrival; else it is as old.
 * @throws {RemoteProtocolError} `malformed`
 */
export function readingsOf(
  content: Uint8Array,
  { contact, at }: Received,
  payloads: readonly Payload[],
): readonly Reading[] {
  const { isUnsure, records } = decodePack(content.subarray(1));
  const uptime_ms = payloads.find((payload) => payload.kind === 'time')?.uptime_ms;
  const isAhead = (time: Date): boolean => time.getTime() - at.getTime() > AHEAD_MAX_MS;
  const date = (time_s: number): Date => {
    if (!isUnsure) return dateOf(time_s * 1000);
    const age_ms = uptime_ms === undefined ? 0 : Number(uptime_ms) - time_s * 1000;
    return dateOf(at.getTime() - Math.max(0, age_ms));
  };
  return records.filter(isNumber).map(({ baseName, name, unit, time_s, value }) => {
    const dated = date(time_s);
    return {
      contact,
      // A base name that is only the device's ends with ':'; anything behind it belongs to the name.
      name: baseName.slice(baseName.lastIndexOf(':') + 1) + name,
      unit,
      at: dated,
      sure: !isUnsure && !isAhead(dated),
      value,
    };
  });
}

/** The nearest date that there is: a contact may say any time. */
function dateOf(unixTime_ms: number): Date {
  return new Date(Math.min(Math.max(Math.round(unixTime_ms), -TIME_MAX_MS), TIME_MAX_MS));
}

function isNumber(record: SenmlRecord): record is SenmlRecord & { readonly value: number } {
  return Number.isFinite(record.value) && Number.isFinite(record.time_s);
}
