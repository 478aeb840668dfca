/**
 * Errors as `application/problem+json`, RFC 9457. Each has a stable code that docs/ERRORS.md
 * explains, and a detail that says what to do next. Nothing secret, and no stack, goes out.
 */
import type { Context, Middleware } from 'koa';
import { LinkError, StoreError, type StoreFailure } from '../failures.ts';
import { type Log, UseCaseError } from '../messenger/index.ts';
import type { Advice } from '../next-step.ts';
import { inRoutes } from './next-step.ts';
import { type Meaning, PROBLEMS, type ProblemCode, whatToDo } from './problem-codes.ts';
import { isPersonWhoCame, PROBLEM_PAGE_POLICY, problemPage } from './problem-page.ts';

export interface ProblemOptions extends ErrorOptions {
  /** Instead of the table's words; says what to do next as well. */
  readonly detail?: string;
  /** The same, where the next step takes a route or a command. */
  readonly advice?: Advice;
  /** Becomes `Retry-After`. */
  readonly retryAfter_s?: number;
}

/** Thrown by a route or the guard; becomes the answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly retryAfter_s: number | undefined;
  /** For who says it in other words than those of the message. */
  readonly advice: Advice;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    const { advice } = options;
    const told =
      advice === undefined ? `${PROBLEMS[code].title}. ${whatToDo(code)}` : inRoutes(advice);
    super(options.detail ?? told, options);
    this.code = code;
    this.advice = advice ?? (options.detail === undefined ? byTable(code) : {});
    this.retryAfter_s = options.retryAfter_s;
  }
}

function byTable(code: ProblemCode): Advice {
  const { title, next }: Meaning = PROBLEMS[code];
  return typeof next === 'string' ? {} : { reason: title, next };
}

const DETAIL_LENGTH_MAX = 400;

/** @param detail what is wrong with the request, as a sentence without its full stop. */
export function invalidRequest(detail: string): Problem {
  return new Problem('invalid_request', { detail: `${detail.slice(0, DETAIL_LENGTH_MAX)}.` });
}

/** Answers whatever is thrown below it, and whatever nobody answered. Goes first of all. */
export function problems(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 405) throw new Problem('method_not_allowed');
      if (ctx.status === 404 && ctx.body === undefined) throw new Problem('not_found');
    } catch (cause) {
      const problem = toProblem(cause);
      const { status } = PROBLEMS[problem.code];
      if (status === 500) log.error('request_failed', { path: ctx.path, error: describe(cause) });
      answer(ctx, problem);
    }
  };
}

function answer(ctx: Context, { code, message, advice, retryAfter_s }: Problem): void {
  const { status, title } = PROBLEMS[code];
  ctx.status = status;
  if (isPersonWhoCame(ctx.headers)) {
    ctx.body = problemPage({ code, title, detail: message });
    ctx.type = 'html';
    ctx.set('Content-Security-Policy', PROBLEM_PAGE_POLICY);
  } else {
    const type = `urn:sotto:error:${code}`;
    ctx.body = JSON.stringify({ type, title, status, detail: message, code, ...advice });
    ctx.type = 'application/problem+json';
  }
  ctx.set('Cache-Control', 'no-store');
  if (status === 401) ctx.set('WWW-Authenticate', 'Bearer realm="sotto"');
  // What is left of an unread body must not be taken for the next request.
  if (status === 408 || status === 413) ctx.set('Connection', 'close');
  if (retryAfter_s !== undefined) ctx.set('Retry-After', String(retryAfter_s));
}

const STORE: Readonly<Partial<Record<StoreFailure, ProblemCode>>> = {
  full: 'store_full',
  busy: 'unavailable',
  missing: 'not_found',
  closed: 'stopping',
  wrong_key: 'wrong_passphrase',
};

/** What koa and its parts throw, by status. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid_request',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'body_timeout',
  413: 'too_large',
  415: 'unsupported_media_type',
};

function toProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  if (cause instanceof UseCaseError) {
    const { failure, message, next } = cause;
    if (next === undefined) return new Problem(failure, { cause, detail: message });
    return new Problem(failure, { cause, advice: { reason: message, next } });
  }
  if (cause instanceof StoreError) {
    const code = STORE[cause.failure] ?? 'store_failed';
    return new Problem(code, {
      cause,
      ...(code === 'unavailable' && { retryAfter_s: 1 }),
      ...(code === 'not_found' && { detail: cause.message }),
    });
  }
  if (cause instanceof LinkError) return new Problem('unreachable', { cause });
  const status = cause instanceof Error && 'status' in cause ? Number(cause.status) : 500;
  return new Problem(BY_STATUS[status] ?? 'internal', { cause });
}

/**
 * For the log. Only our own errors are known to name things and sizes, never content: of any
 * other the message stays out, and its kind and place go in.
 */
function describe(cause: unknown): string {
  if (cause instanceof StoreError) return `${cause.failure}: ${cause.message}`;
  if (!(cause instanceof Error)) return 'not an error';
  const code = 'code' in cause ? ` ${String(cause.code)}` : '';
  const place = cause.stack?.split('\n').find((line) => /^\s+at /.test(line)) ?? '';
  return `${cause.name}${code}${place.replace(/^\s+/, ' ')}`;
}
