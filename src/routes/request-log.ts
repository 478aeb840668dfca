/**
 * Each request as a line of the log, for who looks for a fault. The route as it is known here, not
 * what was asked for: that may hold a name, a text, or a token that somebody has pasted.
 */
import type { RouterContext } from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Log } from '../messenger/index.ts';

export function logRequests(log: Log): Middleware {
  return async (ctx: Context & Partial<Pick<RouterContext, '_matchedRoute'>>, next) => {
    const begun_ms = performance.now();
    await next();
    const route = String(ctx._matchedRoute ?? 'none');
    logRequest(log, { method: ctx.method, route, status: ctx.status }, begun_ms);
  };
}

export function logRequest(
  log: Log,
  answered: { readonly method: string; readonly route: string; readonly status: number },
  begun_ms: number,
): void {
  log.debug('request', { ...answered, ms: Math.round(performance.now() - begun_ms) });
}
