/**
 * How a command finds the peer that runs on a data folder: two files, readable by their owner
 * only, that the peer writes when it listens and removes when it stops.
 *
 *     peer.json    {"pid": 4711, "host": "127.0.0.1", "port": 5000, "token_file": "token"}
 *     token        the operator's token, new at each start
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { originOf } from './config.ts';
import { onDisk } from './on-disk.ts';
import { systemCode } from './reasons.ts';

const PRESENCE_FILE = 'peer.json';
const TOKEN_FILE = 'token';

const presenceSchema = z.object({
  pid: z.int().positive(),
  host: z.string().min(1),
  port: z.int().min(1).max(65535),
  token_file: z.string().min(1),
});

export interface Presence {
  readonly pid: number;
  /** Where the peer listens; may be a wildcard address. */
  readonly host: string;
  readonly port: number;
  /** As text, for `Authorization: Bearer`. */
  readonly token: string;
}

/**
 * Makes this process findable. Returns what makes it unfindable again. Half of it is none.
 * @throws {StoreError} `full`, `unwritable`
 */
export function announcePresence(folder: string, presence: Omit<Presence, 'pid'>): () => void {
  const { host, port, token } = presence;
  const files = [join(folder, TOKEN_FILE), join(folder, PRESENCE_FILE)] as const;
  const found = { pid: process.pid, host, port, token_file: TOKEN_FILE };
  const remove = () => {
    for (const file of files) rmSync(file, { force: true });
  };
  try {
    writePrivately(files[0], `${token}\n`);
    writePrivately(files[1], `${JSON.stringify(found)}\n`);
    return remove;
  } catch (cause) {
    remove();
    throw cause;
  }
}

/** Whole or not at all, so that no reader meets half a file. */
function writePrivately(path: string, content: string): void {
  const draft = `${path}.${process.pid}.new`;
  try {
    onDisk(path, [`cannot write ${path}`, 'change the owner or mode of its folder'], () => {
      rmSync(draft, { force: true });
      writeFileSync(draft, content, { mode: 0o600, flag: 'wx' });
      renameSync(draft, path);
    });
  } catch (cause) {
    rmSync(draft, { force: true });
    throw cause;
  }
}

/** Undefined if no peer runs on this folder, also where one has left its files behind. */
export function findPresence(folder: string): Presence | undefined {
  const text = readIfThere(join(folder, PRESENCE_FILE));
  if (text === undefined) return undefined;
  const read = presenceSchema.safeParse(parsed(text));
  // Not one of ours, or cut by a crash of the machine: no peer can be called by it.
  if (!read.success) return undefined;
  const { token_file, ...found } = read.data;
  const token = readIfThere(resolve(folder, token_file))?.trim();
  return token === undefined || !isRunning(found.pid) ? undefined : { ...found, token };
}

/** Where the peer of this folder is called from this machine. */
export function localOrigin({ host, port }: Presence): string {
  return originOf(host, port) ?? `http://127.0.0.1:${port}`;
}

/**
 * The same, if it takes its token. Of a peer that was killed the files stay, and its process number
 * and its port may belong to others by now.
 * @throws {SilentPeerError} if it listens and says nothing for `patience_ms`.
 */
export async function findRunning(
  folder: string,
  patience_ms = 20_000,
): Promise<Presence | undefined> {
  const presence = findPresence(folder);
  if (presence === undefined) return undefined;
  const origin = localOrigin(presence);
  try {
    const { request } = await import('undici');
    const { statusCode, body } = await request(`${origin}/identity`, {
      headers: { authorization: `Bearer ${presence.token}` },
      signal: AbortSignal.timeout(patience_ms),
    });
    await body.dump();
    return statusCode === 401 ? undefined : presence;
  } catch (cause) {
    if (isLate(cause)) throw new SilentPeerError(origin, { cause });
    return undefined;
  }
}

/** A peer that hangs: the system takes its calls, nobody answers. */
export class SilentPeerError extends Error {
  override readonly name = 'SilentPeerError';

  constructor(origin: string, options: ErrorOptions) {
    super(`The peer at ${origin} does not answer. Is it still running?`, options);
  }
}

function isLate(cause: unknown): boolean {
  if (cause instanceof Error && cause.name === 'ConnectTimeoutError') return true;
  return cause instanceof Error && cause.name === 'TimeoutError';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return systemCode(cause) === 'EPERM';
  }
}
