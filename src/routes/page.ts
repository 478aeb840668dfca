/**
 * `/`: the page, and the way in: the link that the peer prints at its start carries the token
 * once and leaves a cookie, so that the token stays out of the address bar and its history.
 */
import { readFileSync } from 'node:fs';
import { equal } from '../crypto/index.ts';
import type { GuardConfig } from './guard.ts';
import { Problem } from './problem.ts';
import type { Route, RouteContext } from './route.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function page(config: GuardConfig): Route {
  const html = asset('index.html');
  return (ctx) => {
    const { token } = ctx.query;
    if (token !== undefined) return enter(ctx, config, String(token));
    if (!ctx.state.caller.operator) throw new Problem('token_missing');
    ctx.type = 'html';
    ctx.body = html;
    ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  };
}

/** A file of the page. Holds nothing of this peer, so anybody may have it. */
export function pageFile(name: string): Route {
  const content = asset(name);
  return (ctx) => {
    ctx.type = name;
    ctx.body = content;
  };
}

function enter(ctx: RouteContext, { token, session, cookieName }: GuardConfig, shown: string) {
  if (!equal(new TextEncoder().encode(shown), token)) throw new Problem('token_wrong');
  const value = new TextDecoder().decode(session);
  ctx.set('Set-Cookie', `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict`);
  ctx.status = 303;
  ctx.redirect('/');
}

function asset(name: string): string {
  return readFileSync(new URL(`../web/${name}`, import.meta.url), 'utf8');
}
