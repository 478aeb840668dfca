/**
 * `/session`: shows the token once and leaves a cookie, so that the token stays out of the page
 * and of the address bar's history. The cookie ends with the browser, and with this peer's run.
 */
import { z } from 'zod';
import { equal } from '../crypto/index.ts';
import { readFields } from './fields.ts';
import type { GuardConfig } from './guard.ts';
import { Problem } from './problem.ts';
import type { Route, RouteContext } from './route.ts';

export const SessionFields = z.strictObject({ token: z.string().min(1).max(256) });
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict';

export function openSession(config: GuardConfig): Route {
  return async (ctx) => {
    const { token } = await readFields(ctx, SessionFields);
    enter(ctx, config, token);
    ctx.status = 204;
  };
}

/** This browser forgets; others stay. */
export function endSession({ cookieName }: GuardConfig): Route {
  return (ctx) => {
    ctx.set('Set-Cookie', `${cookieName}=; ${ATTRIBUTES}; Max-Age=0`);
    ctx.status = 204;
  };
}

/** @throws {Problem} `token_wrong` */
export function enter(ctx: RouteContext, config: GuardConfig, shown: string): void {
  const { token, session, cookieName, behindProxy } = config;
  if (!equal(new TextEncoder().encode(shown), token)) throw new Problem('token_wrong');
  // Where a proxy speaks TLS the cookie must not leave by plain HTTP.
  const isTls = behindProxy && ctx.get('x-forwarded-proto') === 'https';
  const attributes = isTls ? `${ATTRIBUTES}; Secure` : ATTRIBUTES;
  ctx.set('Set-Cookie', `${cookieName}=${new TextDecoder().decode(session)}; ${attributes}`);
}
