/**
 * All readings of a device over some hours as one CSV. An answer has a limit and would leave out
 * the rest without a word, so they are asked for in pieces, and a piece that came full in halves.
 */
import { askText, query } from './api.js';

const ROWS_MAX = 100_000;
const HOUR_MS = 3_600_000;
/** Of a device that tells twenty values every ten seconds: half of what an answer holds. */
const PIECE_MS = 6 * HOUR_MS;
/** No device fills an answer in so short a time. */
const PIECE_MS_MIN = 1_000;
const LINE_END = '\r\n';

/** @param onProgress hears how much is done, 0 to 1. */
export async function exportCsv(device, hours, onProgress) {
  const end = Date.now();
  const start = end - hours * HOUR_MS;
  const pieces = [];
  for (let from = start; from < end; from += PIECE_MS) {
    onProgress((from - start) / (end - start));
    const to = Math.min(end, from + PIECE_MS);
    pieces.push(...(await readingsBetween(device, from, to)));
  }
  const [first] = pieces;
  return new Blob([first.head, ...pieces.map(({ rows }) => rows)], { type: 'text/csv' });
}

/** From `from` on and before `to`, in milliseconds. */
async function readingsBetween(device, from, to) {
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const path = query('/sensor', { device, ...range, limit: ROWS_MAX });
  const text = await askText(path, 'text/csv');
  const headEnd = text.indexOf(LINE_END) + LINE_END.length;
  const rows = text.slice(headEnd);
  const isFull = rows.split(LINE_END).length > ROWS_MAX;
  if (!isFull || to - from <= PIECE_MS_MIN) return [{ head: text.slice(0, headEnd), rows }];
  const middle = Math.floor((from + to) / 2);
  const first = await readingsBetween(device, from, middle);
  return [...first, ...(await readingsBetween(device, middle, to))];
}
