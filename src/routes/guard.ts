/**
 * Who may operate a peer, as one pure decision, and the Koa middleware that asks it.
 *
 * The attackers: a web page that the operator has open elsewhere (it can make the browser send
 * requests here, and can rebind its own name to our address), another machine on the network, and
 * in token mode another program or person on this machine. What a peer sends to a peer
 * (`/packets`) and `/healthz` do not pass here.
 */
import { isIP } from 'node:net';
import type { Middleware } from 'koa';
import { equal } from '../crypto/index.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { ProblemCode } from './problem-codes.ts';

/**
 * `public`: whoever may talk to this peer at all may see it. `read`: operators only.
 * `trigger`: operators only, and a GET must have been typed by a person.
 */
export type Access = 'public' | 'read' | 'trigger';

export interface GuardConfig {
  /** `demo`: any loopback caller operates. `token`: whoever holds the token or the cookie. */
  readonly mode: 'demo' | 'token';
  /** Names besides the loopback ones under which this peer may be called, without port. */
  readonly hosts: readonly string[];
  /** A reverse proxy is expected in front. Never together with `demo`. */
  readonly behindProxy: boolean;
  /** What `Authorization: Bearer` must carry. */
  readonly token: Uint8Array;
  /** What the session cookie must carry; another secret than the token. */
  readonly session: Uint8Array;
  readonly cookieName: string;
}

export interface GuardRequest {
  readonly method: string;
  readonly url: string | undefined;
  readonly remoteAddress: string | undefined;
  /** Names in lower case, as node:http gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The same, where one that came twice stands twice: of two Hosts `headers` has the first. */
  readonly headersDistinct: Readonly<Record<string, readonly string[] | undefined>>;
}

export type Decision =
  | {
      readonly allowed: true;
      /** May act. Always true but on public routes. */
      readonly operator: boolean;
      /** Showed the token or the cookie, so may also see plaintext in a reply. */
      readonly authenticated: boolean;
    }
  | { readonly allowed: false; readonly code: ProblemCode };

type Refusal = ProblemCode | undefined;

export function decide(access: Access, request: GuardRequest, config: GuardConfig): Decision {
  const refusal =
    forwarded(request, config) ??
    foreignHost(request, config) ??
    otherSite(request, config) ??
    (access === 'trigger' ? notTyped(request) : undefined) ??
    notLocal(request, config);
  if (refusal !== undefined) return { allowed: false, code: refusal };

  const proof = credentials(request, config);
  if (proof === 'wrong') return { allowed: false, code: 'token_wrong' };
  const authenticated = proof === 'right';
  const operator = config.mode === 'demo' || authenticated;
  if (access !== 'public' && !operator) return { allowed: false, code: 'token_missing' };
  return { allowed: true, operator, authenticated };
}

const FORWARDING = /^(forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip)$/;

/**
 * A proxy turns a remote caller into a loopback one, so it must have been announced; and where
 * loopback is all that a caller has to be, there can be none.
 */
function forwarded({ headers }: GuardRequest, { mode, behindProxy }: GuardConfig): Refusal {
  const named = Object.keys(headers).some((name) => FORWARDING.test(name));
  return named && (mode === 'demo' || !behindProxy) ? 'forwarded' : undefined;
}

/**
 * DNS rebinding: the page's own name points here, but its name is still in Host. Who names two, or
 * one in the request line besides, has it both ways: what stands in front may go by the other.
 */
function foreignHost(
  { headers, headersDistinct, url = '' }: GuardRequest,
  { hosts }: GuardConfig,
): Refusal {
  const names = headersDistinct['host']?.length ?? 0;
  if (names > 1 || !url.startsWith('/')) return 'host_not_allowed';
  const name = hostName(one(headers['host']) ?? '');
  const known = name !== undefined && (isLoopbackName(name) || hosts.includes(name));
  return known ? undefined : 'host_not_allowed';
}

/** `Name:5000` → `name`, `[::1]:5000` → `[::1]`; undefined if it is neither. */
function hostName(host: string): string | undefined {
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || isLoopbackAddress(name.replace(/^\[(.*)\]$/, '$1'));
}

function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** Another port of the same machine is same-site, but it is not us. */
function otherSite({ headers }: GuardRequest, { behindProxy }: GuardConfig): Refusal {
  const site = one(headers['sec-fetch-site']);
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'other_site';
  const origin = one(headers['origin']);
  if (origin === undefined) return undefined;
  const scheme = /^(https?):\/\/(.+)$/i.exec(origin);
  const ours = scheme?.[2]?.toLowerCase() === one(headers['host'])?.toLowerCase();
  // Only a proxy speaks TLS for us.
  return ours && (scheme?.[1]?.toLowerCase() === 'http' || behindProxy) ? undefined : 'other_site';
}

/**
 * A GET that acts must come from an address bar (`none`, a navigation) or from a program that
 * sends no such headers. A browser that loads ahead of the person's Enter key must wait.
 */
function notTyped({ method, headers }: GuardRequest): Refusal {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const ahead = ['sec-purpose', 'purpose', 'x-moz'].some((name) => headers[name] !== undefined);
  const site = one(headers['sec-fetch-site']) ?? 'none';
  const mode = one(headers['sec-fetch-mode']) ?? 'navigate';
  // Nobody's page leads to what a person types; a browser of before 2023 says no more than this.
  const led = headers['referer'] !== undefined || headers['origin'] !== undefined;
  const typed = method === 'GET' && site === 'none' && mode === 'navigate' && !ahead && !led;
  return typed ? undefined : 'not_typed';
}

function notLocal({ remoteAddress }: GuardRequest, { mode }: GuardConfig): Refusal {
  const local = remoteAddress !== undefined && isLoopbackAddress(remoteAddress);
  return mode === 'demo' && !local ? 'not_local' : undefined;
}

/** A wrong token is an error even beside a right cookie: somebody meant to show it. */
function credentials(
  { headers }: GuardRequest,
  config: GuardConfig,
): 'right' | 'wrong' | 'missing' {
  const authorization = one(headers['authorization']);
  if (authorization !== undefined) {
    const bearer = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
    return bearer !== undefined && matches(bearer, config.token) ? 'right' : 'wrong';
  }
  const cookies = (one(headers['cookie']) ?? '').split(/; */);
  const prefix = `${config.cookieName}=`;
  const shown = cookies.filter((cookie) => cookie.startsWith(prefix));
  const right = shown.some((cookie) => matches(cookie.slice(prefix.length), config.session));
  // A cookie of an earlier run is not an attack: it counts as none.
  return right ? 'right' : 'missing';
}

function matches(shown: string, secret: Uint8Array): boolean {
  return equal(new TextEncoder().encode(shown), secret);
}

/** A header that came twice is taken as its first value only if node:http could not join it. */
function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}

/** What routes behind the guard find in `ctx.state`. */
export interface Caller {
  readonly operator: boolean;
  readonly authenticated: boolean;
}

export function guard(access: Access, config: GuardConfig): Middleware<{ caller: Caller }> {
  return async (ctx, next) => {
    // RFC 9112 §3.2: which of them is meant, a proxy before us may see otherwise.
    if ((ctx.req.headersDistinct['host']?.length ?? 0) > 1) {
      throw invalidRequest('there are two Host headers');
    }
    const decision = decide(
      access,
      {
        method: ctx.method,
        url: ctx.req.url,
        remoteAddress: ctx.req.socket.remoteAddress,
        headers: ctx.req.headers,
        headersDistinct: ctx.req.headersDistinct,
      },
      config,
    );
    if (!decision.allowed) throw new Problem(decision.code);
    ctx.state.caller = decision;
    await next();
  };
}
