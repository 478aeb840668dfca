/** What of this machine can keep a peer from working, or its secrets from being secret. */
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { PeerConfig } from '../config.ts';
import { StoreError } from '../failures.ts';
import { tryToListen } from '../listening.ts';
import { reasonOf, systemCode } from '../reasons.ts';
import type { Finding } from './findings.ts';
import { localTime } from './local-time.ts';

/** Less, and the next large file fills it. */
const FREE_MIN = 200 * 2 ** 20;
const FREE_SHARE_MIN = 0.02;
/** No version of this program is older. */
const RELEASED = new Date('2026-01-01T00:00:00Z');
const CLOCK_TOLERANCE_MS = 60_000;

/** The data folder and what is in it: nothing of it is for others. */
function examineFolder(folder: string): Finding[] {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return [{ what: `there is no peer in ${folder} yet` }];
  accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const open = isForOthers(found.mode)
    ? [{ code: 'folder_open', what: `${folder} is open to others` } as const]
    : [{ what: `${folder} is for its owner only` }];
  const files = readdirSync(folder).filter((name) => /^(peer\.|key\.json$|token$)/.test(name));
  return [...open, ...files.flatMap((name) => examineSecret(join(folder, name)))];
}

/** A file that only its owner may read. */
export function examineSecret(file: string): Finding[] {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || !isForOthers(found.mode)) return [];
  return [{ code: 'file_open', what: `${file} has mode ${(found.mode & 0o777).toString(8)}` }];
}

const isForOthers = (mode: number) => (mode & 0o077) !== 0;

function examineDisk(folder: string): Finding[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  const { bavail, blocks, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const what = `${Math.floor(free / 2 ** 20)} MiB are free for ${folder}`;
  const isShort = free < FREE_MIN || bavail < blocks * FREE_SHARE_MIN;
  return [isShort ? { code: 'disk_nearly_full', what } : { what }];
}

/** A clock may not stand before this program was made, nor before its own files were written. */
export function examineClock(folder: string, now: Date): Finding[] {
  const written = statSync(join(folder, 'peer.db'), { throwIfNoEntry: false })?.mtime;
  const time = localTime(now);
  if (now < RELEASED) return [{ code: 'clock_wrong', what: `the clock says ${time}` }];
  if (written !== undefined && written.getTime() > now.getTime() + CLOCK_TOLERANCE_MS) {
    const what = `the clock says ${time}, but the data were written at ${localTime(written)}`;
    return [{ code: 'clock_wrong', what }];
  }
  return [{ what: `the clock says ${time}` }];
}

/** Another machine's clock, from the Date of its answer. */
export function compareClocks(who: string, date: string | undefined, now: Date): Finding[] {
  const difference_ms = Math.abs(Date.parse(date ?? '') - now.getTime());
  if (!(difference_ms > CLOCK_TOLERANCE_MS)) return [];
  const minutes = Math.round(difference_ms / 60_000);
  return [{ code: 'clock_differs', what: `the clock of ${who} differs by ${minutes} minutes` }];
}

/** For a peer that does not run. */
export async function examinePort({ host, port }: PeerConfig): Promise<Finding[]> {
  const place = `port ${port} of ${host}`;
  try {
    await tryToListen({ host, port });
    return [{ what: `${place} is free` }];
  } catch (cause) {
    if (systemCode(cause) === 'EADDRINUSE')
      return [{ code: 'port_taken', what: `${place} is taken` }];
    return [{ code: 'port_unusable', what: `${place} cannot be had: ${reasonOf(cause)}` }];
  }
}

/** Without opening it: that would raise DTR, which resets many boards. */
export function examineSerial(path: string): Finding[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [{ code: 'serial_missing', what: `${path} is not there` }];
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const what = `${path} cannot be used: ${reasonOf(cause)}`;
    return [{ code: 'serial_forbidden', what }];
  }
  const device = realpathSync(path);
  const isLine =
    found.isCharacterDevice() &&
    (device.startsWith('/dev/pts/') || existsSync(join('/sys/class/tty', basename(device))));
  if (isLine) return [{ what: `${path} is a serial line and may be used` }];
  return [{ code: 'serial_not_a_line', what: `${path} is no serial line` }];
}

/** For a peer that does not run: whether its data open, and are whole. */
export async function examineStore(config: PeerConfig): Promise<Finding[]> {
  // Opening makes a database where there is none; where a peer ran, it says what is lost.
  const left = ['peer.db', 'peer.run'].map((name) => join(config.dataFolder, name));
  if (!left.some((file) => existsSync(file))) return [];
  try {
    const { checkData } = await import('../identity.ts');
    await checkData(config);
    return [{ what: 'the data open, and all of it can be read' }];
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    return [{ code: 'store_unreadable', what: cause.message }];
  }
}

/** All that is known of a folder from outside. @throws what is no refusal by the system */
export function examineData(folder: string, now: Date): Finding[] {
  try {
    return [...examineFolder(folder), ...examineDisk(folder), ...examineClock(folder, now)];
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'EACCES' && code !== 'EROFS') throw cause;
    return [{ code: 'folder_forbidden', what: `${folder} cannot be used: ${reasonOf(cause)}` }];
  }
}
