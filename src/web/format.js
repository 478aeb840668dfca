/** Times, sizes and numbers as people write them. */

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const COUNT = new Intl.NumberFormat();
const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** What stands below a time axis that spans so many hours. */
export function axisTime(seconds, hours) {
  const date = new Date(seconds * 1_000);
  return hours <= 24 ? TIME.format(date) : DAY.format(date);
}

/** Today by its time, any other day by its date as well. */
export function time(at) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? TIME.format(date) : `${DAY.format(date)}, ${TIME.format(date)}`;
}

export function size(bytes) {
  const power = Math.min(3, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024)));
  if (power === 0) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const amount = bytes / 1024 ** power;
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${UNITS[power]}`;
}

/** With as many decimals as are worth reading. */
export function number(value) {
  const magnitude = Math.abs(value);
  const maximumFractionDigits = magnitude >= 100 ? 1 : magnitude >= 1 ? 2 : 3;
  return value.toLocaleString(undefined, { maximumFractionDigits });
}

/** A measured value, with as many decimals whatever they are, so that it does not jump. */
export function measured(value) {
  const decimals = Math.abs(value) >= 10 ? 1 : 2;
  const fixed = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString(undefined, fixed);
}

export function count(number) {
  return COUNT.format(number);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** "just now", "3 minutes ago". */
export function ago(seconds) {
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${Math.round(seconds)} seconds ago`;
  if (seconds < 3_600) return `${plural(Math.round(seconds / 60), 'minute')} ago`;
  if (seconds < 172_800) return `${plural(Math.round(seconds / 3_600), 'hour')} ago`;
  return `${plural(Math.round(seconds / 86_400), 'day')} ago`;
}

/** Marks that turn the direction of what follows: Arabic and Hebrew do without. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name among our own words, which one that is written from the right must not turn round. */
export function inWords(name) {
  const plain = name.replaceAll(TURNS, '');
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}

/** A file's name with such marks made visible: one of them lets `x.exe` end in “.pdf”. */
export function fileName(name) {
  return name.replaceAll(TURNS, '\ufffd');
}

/** Six digits in two groups. */
export function digits(code) {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}
