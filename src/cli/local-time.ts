/** Times as people read them: by their own clock, and with how far that is from everybody's. */
import { printable } from './io.ts';

/**
 * `2026-11-21T11:47:27+01:00`: what hangs on the wall here, means the same to somebody in another
 * time zone who is told it, and may be given back to `--from`. Programs get UTC, by --json.
 */
export function localTime(at: Date | string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return printable(String(at));
  const ahead_min = -time.getTimezoneOffset();
  const shown = new Date(time.getTime() + ahead_min * 60_000).toISOString().slice(0, 19);
  const digits = (count: number) => `${count}`.padStart(2, '0');
  const [hours, minutes] = [Math.trunc(Math.abs(ahead_min) / 60), Math.abs(ahead_min) % 60];
  return `${shown}${ahead_min < 0 ? '-' : '+'}${digits(hours)}:${digits(minutes)}`;
}
