/** Calls the operator routes of the peer that runs on a data folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { findDataFolder } from '../config.ts';
import { findRunning, localOrigin, type Presence, SilentPeerError } from '../presence.ts';
import { systemCode } from '../reasons.ts';
import { CommandError, EXIT } from './errors.ts';
import { printable } from './io.ts';
import { advised, inCommands } from './next-step.ts';

const TIMEOUT_MS = 120_000;

const problemSchema = z.object({ code: z.string(), detail: z.string(), ...advised });

type Body = object | Readable | FormData | undefined;

export interface Described {
  readonly content: Readable;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface PeerClient {
  /** @throws {CommandError} with the peer's own words if it refuses. */
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  /** An object goes as JSON, a form as one, a stream as it is. */
  post<T>(path: string, body: object | Readable | FormData, schema: z.ZodType<T>): Promise<T>;
  delete(path: string): Promise<void>;
  /** For answers that are bytes: a letter, a file, or of the type that `accept` names. */
  download(
    method: 'GET' | 'POST',
    path: string,
    body?: object | Readable | FormData,
    accept?: string,
  ): Promise<Readable>;
  /** The same, with what the headers say about it. */
  downloadDescribed(method: 'GET' | 'POST', path: string, body: FormData): Promise<Described>;
}

/**
 * The peer that runs on this data folder.
 * @param what needs one, as half a sentence begins
 * @throws {CommandError} `noPeer`
 */
export async function connect(dataDir: string | undefined, what: string): Promise<PeerClient> {
  const folder = findDataFolder(dataDir);
  const peer = await findPeer(folder);
  if (peer !== undefined) return peer;
  throw existsSync(join(folder, 'peer.db')) ? noPeerThatStays(folder, what) : noPeer(folder);
}

/** Undefined if none runs there. @throws {CommandError} `noPeer` if it hangs. */
export async function findPeer(
  folder: string,
  patience_ms?: number,
): Promise<PeerClient | undefined> {
  const presence = await look(folder, patience_ms);
  return presence && clientOf(localOrigin(presence), presence.token);
}

/** @throws {CommandError} `noPeer` if nothing of a peer lies there: looking at it makes none. */
export function assertPeerIn(folder: string): void {
  if (existsSync(join(folder, 'peer.db'))) return;
  throw new CommandError(EXIT.noPeer, `There is no peer in ${folder}. Name it by --data-dir.`);
}

export function noPeer(folder: string): CommandError {
  const next = 'Start one with `sotto up`, or name its folder by --data-dir.';
  return new CommandError(EXIT.noPeer, `No peer runs on ${folder}. ${next}`);
}

/** For what a peer that runs for one command cannot do. */
function noPeerThatStays(folder: string, what: string): CommandError {
  // It removes that file when it stops.
  const was = existsSync(join(folder, 'peer.json')) ? ' any more: the last one was killed' : '';
  const next = 'Run `sotto up` in another terminal, then this again.';
  const words = `No peer runs on ${folder}${was}, and ${what} needs one that stays. ${next}`;
  return new CommandError(EXIT.noPeer, words);
}

export function clientOf(origin: string, token: string): PeerClient {
  const call = caller(origin, token);
  const json = async <T>(method: Method, path: string, body: Body, schema: z.ZodType<T>) =>
    schema.parse(JSON.parse((await (await call(method, path, body)).body.text()) || 'null'));
  return {
    get: (path, schema) => json('GET', path, undefined, schema),
    post: (path, body, schema) => json('POST', path, body, schema),
    delete: async (path) => void (await (await call('DELETE', path, undefined)).body.dump()),
    download: async (method, path, body, accept) => (await call(method, path, body, accept)).body,
    downloadDescribed: async (method, path, form) => {
      const { body: content, headers } = await call(method, path, form);
      return { content, headers };
    },
  };
}

async function look(folder: string, patience_ms?: number): Promise<Presence | undefined> {
  try {
    return await findRunning(folder, patience_ms);
  } catch (cause) {
    if (cause instanceof SilentPeerError) {
      throw new CommandError(EXIT.noPeer, cause.message, { cause });
    }
    if (systemCode(cause) !== 'EACCES') throw cause;
    const message = `The peer on ${folder} belongs to another user. Run this as that user.`;
    throw new CommandError(EXIT.noPeer, message, { cause, code: 'peer_forbidden' });
  }
}

type Method = 'GET' | 'POST' | 'DELETE';

function caller(origin: string, token: string) {
  return async (method: Method, path: string, body: Body, accept?: string) => {
    const [type, content] = await encoded(body);
    const { request } = await import('undici');
    const response = await request(`${origin}${path}`, {
      method,
      body: content,
      headers: {
        authorization: `Bearer ${token}`,
        ...(type !== undefined && { 'content-type': type }),
        ...(accept !== undefined && { accept }),
      },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    }).catch((cause: unknown) => {
      const message = `The peer at ${origin} does not answer. Is it still running?`;
      throw new CommandError(EXIT.noPeer, message, { cause });
    });
    if (response.statusCode < 400) return response;
    throw refusal(await response.body.text(), response.statusCode);
  };
}

/** What it is called, and its bytes. */
async function encoded(
  body: Body,
): Promise<[string | undefined, string | Uint8Array | Readable | null]> {
  if (body === undefined) return [undefined, null];
  if (body instanceof Readable) return ['application/octet-stream', body];
  if (!(body instanceof FormData)) return ['application/json', JSON.stringify(body)];
  const form = new Response(body);
  return [form.headers.get('content-type') ?? undefined, await form.bytes()];
}

function refusal(answer: string, status: number): CommandError {
  try {
    const { code, detail, ...advice } = problemSchema.parse(JSON.parse(answer));
    // What the peer cannot read was typed wrongly here.
    const exitCode = /^invalid_/.test(code) ? EXIT.usage : EXIT.refused;
    return new CommandError(exitCode, printable(inCommands(detail, advice)), { code });
  } catch {
    return new CommandError(EXIT.refused, `The peer answered ${status}, in no words of its own.`);
  }
}
