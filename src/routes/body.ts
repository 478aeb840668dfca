/** Request bodies, read with a limit and a deadline. */
import type { Context } from 'koa';
import type { z } from 'zod';
import { concat } from '../bytes.ts';
import { Problem } from './problem.ts';

export const KiB = 1024;
export const MiB = 1024 * KiB;

export interface BodyLimits {
  /** Bytes. */
  readonly sizeMax: number;
  readonly timeout_ms?: number;
}

const TIMEOUT_MS = 10_000;

/** @throws {Problem} `too_large`, `body_timeout`, or `invalid_request` if it breaks off. */
export async function readBytes(ctx: Context, limits: BodyLimits): Promise<Uint8Array> {
  const { sizeMax, timeout_ms = TIMEOUT_MS } = limits;
  if (Number(ctx.get('Content-Length')) > sizeMax) throw tooLarge(sizeMax);
  return await new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const timer = setTimeout(() => end(new Problem('body_timeout')), timeout_ms);
    const end = (problem?: Problem) => {
      clearTimeout(timer);
      ctx.req.off('data', add).off('end', end).off('close', breakOff).pause();
      if (problem === undefined) resolve(concat(...chunks));
      else reject(problem);
    };
    const add = (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > sizeMax) end(tooLarge(sizeMax));
      else chunks.push(chunk);
    };
    const breakOff = () => end(new Problem('invalid_request', { detail: 'The body broke off.' }));
    ctx.req.on('data', add).on('end', end).on('close', breakOff);
  });
}

function tooLarge(sizeMax: number): Problem {
  const detail = `The body is larger than the ${sizeMax} bytes that this route takes.`;
  return new Problem('too_large', { detail: `${detail} Send it in smaller pieces.` });
}

/**
 * A JSON body that fits `schema`; an empty one counts as `{}`, as a bare `curl -X POST` sends it.
 * @throws {Problem} `invalid_request`, naming the field but never its value.
 */
export async function readJson<T>(
  ctx: Context,
  schema: z.ZodType<T>,
  limits: BodyLimits = { sizeMax: 64 * KiB },
): Promise<T> {
  const body = await readBytes(ctx, limits);
  return parse(schema, body.length === 0 ? {} : decodeJson(body));
}

function decodeJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // The cause would quote the body.
    const detail = 'The body is not JSON in UTF-8. Write it as in {"text": "hello"}.';
    throw new Problem('invalid_request', { detail });
  }
}

/** Query parameters that fit `schema`. @throws {Problem} `invalid_request` */
export function readQuery<T>(ctx: Context, schema: z.ZodType<T>): T {
  return parse(schema, { ...ctx.query });
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`,
  );
  const detail = `The request does not fit: ${faults.join('; ')}.`;
  throw new Problem('invalid_request', { detail });
}
