/**
 * Goal: only who may operate a peer can make it act, and every refusal says what to do.
 * Method: a table of requests through a real Koa server on loopback, for both modes. node:http
 * sends exactly the headers of a row. A caller's address cannot be chosen on loopback beyond
 * 127.0.0.0/8, so rows with `from` replace what the socket reports.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import Koa from 'koa';
import t from 'tap';
import {
  type Access,
  decide,
  type GuardConfig,
  guard,
  PROBLEMS,
  problems,
} from '../../src/routes/index.ts';
import type { ProblemCode } from '../../src/routes/problem-codes.ts';
import { type Call, call, serve, silentLog } from '../support/http.ts';

const TOKEN = 'a-token-of-this-test';
const SESSION = 'a-session-of-this-test';
const bytes = (text: string) => new TextEncoder().encode(text);

function config(mode: GuardConfig['mode'], over: Partial<GuardConfig> = {}): GuardConfig {
  return {
    mode,
    hosts: ['peer.example'],
    behindProxy: false,
    token: bytes(TOKEN),
    session: bytes(SESSION),
    cookieName: 'sotto_5000',
    ...over,
  };
}

/** A peer's operator side with one route, which tells what the guard found. */
function guarded(access: Access, settings: GuardConfig, from?: string): Koa {
  const app = new Koa();
  app.use(problems(silentLog));
  app.use(async (ctx, next) => {
    if (from !== undefined) {
      Object.defineProperty(ctx.req, 'socket', { value: { remoteAddress: from } });
    }
    await next();
  });
  app.use(guard(access, settings));
  app.use((ctx) => {
    ctx.body = ctx.state['caller'];
  });
  return app;
}

/** A problem's code, or how far a caller comes. */
type Outcome = ProblemCode | 'operator' | 'onlooker';

interface Row extends Call {
  readonly says: string;
  readonly access?: Access;
  readonly over?: Partial<GuardConfig>;
  readonly from?: string;
  /** What each mode answers. */
  readonly demo: Outcome;
  readonly token: Outcome;
}

const host = { host: '127.0.0.1:5000' };
const bearer = { ...host, authorization: `Bearer ${TOKEN}` };
const cookie = { ...host, cookie: `theme=dark; sotto_5000=${SESSION}` };
const both = (outcome: Outcome) => ({ demo: outcome, token: outcome });
const needsToken = { demo: 'operator', token: 'token_missing' } as const;
const needsNearness = { demo: 'not_local', token: 'operator' } as const;
const authorization = (value: string) => ({ ...host, authorization: value });

const WHO: readonly Row[] = [
  { says: 'curl without a token', headers: host, ...needsToken },
  { says: 'curl with the token', headers: bearer, ...both('operator') },
  { says: 'the page with its cookie', headers: cookie, ...both('operator') },
  { says: 'a wrong token', headers: authorization('Bearer wrong'), ...both('token_wrong') },
  { says: 'half a token', headers: authorization('Bearer a-token'), ...both('token_wrong') },
  { says: 'a token as Basic', headers: authorization(`Basic ${TOKEN}`), ...both('token_wrong') },
  { says: 'an empty token', headers: authorization('Bearer '), ...both('token_wrong') },
  {
    says: 'a wrong token beside a right cookie',
    headers: { ...cookie, authorization: 'Bearer x' },
    ...both('token_wrong'),
  },
  {
    says: 'the session shown as a token',
    headers: authorization(`Bearer ${SESSION}`),
    ...both('token_wrong'),
  },
  {
    says: 'the token shown as a cookie',
    headers: { ...host, cookie: `sotto_5000=${TOKEN}` },
    ...needsToken,
  },
  {
    says: 'the cookie of the peer on another port',
    headers: { ...host, cookie: `sotto_5001=${SESSION}` },
    ...needsToken,
  },
  {
    says: 'the public part, without a token',
    access: 'public',
    method: 'GET',
    headers: host,
    demo: 'operator',
    token: 'onlooker',
  },
  {
    says: 'reading, without a token',
    access: 'read',
    method: 'GET',
    headers: host,
    ...needsToken,
  },
];

const v6 = { ...bearer, host: '[::1]:5000' };
const FROM_WHERE: readonly Row[] = [
  { says: 'from 127.0.0.2', from: '127.0.0.2', headers: bearer, ...both('operator') },
  { says: 'from ::1', from: '::1', headers: v6, ...both('operator') },
  { says: 'mapped loopback', from: '::ffff:127.0.0.1', headers: bearer, ...both('operator') },
  {
    says: 'from another machine, with a loopback Host',
    from: '192.168.1.9',
    headers: host,
    demo: 'not_local',
    token: 'token_missing',
  },
  { says: 'from another machine', from: '192.168.1.9', headers: bearer, ...needsNearness },
  { says: 'the same, mapped', from: '::ffff:192.168.1.9', headers: bearer, ...needsNearness },
  { says: 'nearly loopback', from: '127.0.0.1.evil', headers: bearer, ...needsNearness },
  { says: 'a caller that has gone', from: '', headers: bearer, ...needsNearness },
  {
    says: 'another machine looks at the public part',
    access: 'public',
    from: '10.0.0.2',
    headers: host,
    demo: 'not_local',
    token: 'onlooker',
  },
];

const named = (name: string) => ({ headers: { ...bearer, host: name } });
const UNDER_WHICH_NAME: readonly Row[] = [
  { says: 'localhost', ...named('LocalHost:5000'), ...both('operator') },
  { says: 'a configured name', ...named('Peer.example:5000'), ...both('operator') },
  { says: 'a name that was rebound', ...named('evil.example:5000'), ...both('host_not_allowed') },
  { says: 'ends in a known name', ...named('evil-peer.example'), ...both('host_not_allowed') },
  { says: 'begins with one', ...named('localhost.evil.example'), ...both('host_not_allowed') },
  { says: 'looks like an address', ...named('127.0.0.1.nip.io'), ...both('host_not_allowed') },
  { says: 'a user before it', ...named('localhost@evil.example'), ...both('host_not_allowed') },
  { says: 'a dot after it', ...named('localhost.:5000'), ...both('host_not_allowed') },
  { says: 'no name', ...named(''), ...both('host_not_allowed') },
  { says: 'all interfaces', ...named('0.0.0.0:5000'), ...both('host_not_allowed') },
  {
    says: 'a rebound name asks for the public part',
    access: 'public',
    method: 'GET',
    headers: { host: 'evil.example' },
    ...both('host_not_allowed'),
  },
];

const via = (headers: OutgoingHttpHeaders) => ({ headers: { ...bearer, ...headers } });
const THROUGH_WHAT: readonly Row[] = [
  { says: 'Forwarded', ...via({ forwarded: 'for=127.0.0.1' }), ...both('forwarded') },
  { says: 'Via', ...via({ via: '1.1 proxy' }), ...both('forwarded') },
  { says: 'X-Real-IP', ...via({ 'x-real-ip': '127.0.0.1' }), ...both('forwarded') },
  { says: 'X-Forwarded-For', ...via({ 'x-forwarded-for': '127.0.0.1' }), ...both('forwarded') },
  { says: 'X-Forwarded-Host', ...via({ 'x-forwarded-host': 'x' }), ...both('forwarded') },
  { says: 'X-Forwarded-Proto', ...via({ 'x-forwarded-proto': 'https' }), ...both('forwarded') },
  {
    says: 'an announced proxy',
    over: { behindProxy: true },
    ...via({ forwarded: 'for=10.0.0.2' }),
    demo: 'forwarded',
    token: 'operator',
  },
  {
    says: 'an announced proxy, without a token',
    over: { behindProxy: true },
    headers: { ...host, via: '1.1 proxy' },
    demo: 'forwarded',
    token: 'token_missing',
  },
  {
    says: 'an announced proxy that speaks TLS',
    over: { behindProxy: true },
    ...via({ origin: 'https://127.0.0.1:5000' }),
    ...both('operator'),
  },
];

/** Each with the cookie that the browser would send along if it could. */
const site = (value: string, more: OutgoingHttpHeaders = {}) => ({
  headers: { ...cookie, 'sec-fetch-site': value, ...more },
});
const origin = (value: string) => ({ headers: { ...cookie, origin: value } });
const typed = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const get = { method: 'GET' };
const ours = { origin: 'http://127.0.0.1:5000' };
const evil = { origin: 'http://evil.example' };
const OTHER_SITES: readonly Row[] = [
  { says: 'our page posts', ...site('same-origin', ours), ...both('operator') },
  { says: 'another site posts', ...site('cross-site', evil), ...both('other_site') },
  { says: 'another port posts', ...site('same-site'), ...both('other_site') },
  { says: 'a made-up value', ...site('trusted'), ...both('other_site') },
  { says: 'our page, older browser', ...origin(ours.origin), ...both('operator') },
  { says: 'another site, older browser', ...origin(evil.origin), ...both('other_site') },
  { says: 'another port', ...origin('http://127.0.0.1:3000'), ...both('other_site') },
  { says: 'another scheme', ...origin('https://127.0.0.1:5000'), ...both('other_site') },
  { says: 'a sandboxed frame', ...origin('null'), ...both('other_site') },
  { says: 'an image elsewhere', ...get, ...site('cross-site'), ...both('other_site') },
  { says: 'a link elsewhere', ...get, ...site('cross-site', typed), ...both('other_site') },
  { says: 'a link on another port', ...get, ...site('same-site', typed), ...both('other_site') },
  { says: 'the address bar', ...get, ...site('none', typed), ...both('operator') },
  { says: 'curl GETs', ...get, headers: bearer, ...both('operator') },
  {
    says: 'a link elsewhere, in a browser of before 2023',
    ...get,
    headers: { ...bearer, referer: 'http://evil.example/' },
    ...both('not_typed'),
  },
  {
    says: 'the same, of which only this much is told',
    ...get,
    headers: { ...bearer, referer: '' },
    ...both('not_typed'),
  },
  { says: 'our page GETs a trigger', ...get, ...site('same-origin'), ...both('not_typed') },
  {
    says: 'a browser loads ahead of the Enter key',
    ...get,
    ...site('none', { ...typed, 'sec-purpose': 'prefetch;prerender' }),
    ...both('not_typed'),
  },
  {
    says: 'an older browser loads ahead',
    ...get,
    headers: { ...cookie, purpose: 'prefetch' },
    ...both('not_typed'),
  },
  {
    says: 'an extension fetches',
    ...get,
    ...site('none', { 'sec-fetch-mode': 'cors' }),
    ...both('not_typed'),
  },
  { says: 'HEAD', method: 'HEAD', headers: bearer, ...both('not_typed') },
  {
    says: 'a link elsewhere, to the public part',
    access: 'public',
    ...get,
    ...site('cross-site', typed),
    ...both('other_site'),
  },
  {
    says: 'EventSource of our page',
    access: 'read',
    ...get,
    ...site('same-origin', { accept: 'text/event-stream' }),
    ...both('operator'),
  },
  {
    says: 'EventSource of another site',
    access: 'read',
    ...get,
    ...site('cross-site', evil),
    ...both('other_site'),
  },
];

const ROWS = [...WHO, ...FROM_WHERE, ...UNDER_WHICH_NAME, ...THROUGH_WHAT, ...OTHER_SITES];

for (const mode of ['demo', 'token'] as const) {
  t.test(`who may operate a peer in ${mode} mode`, async (t) => {
    for (const row of ROWS) {
      const app = guarded(row.access ?? 'trigger', config(mode, row.over), row.from);
      const { status, text } = await call(await serve(t, app), { method: 'POST', ...row });
      const outcome = row[mode];
      if (outcome === 'operator' || outcome === 'onlooker') {
        t.match(JSON.parse(text), { operator: outcome === 'operator' }, row.says);
      } else {
        t.equal(status, PROBLEMS[outcome].status, row.says);
        if (row.method !== 'HEAD') t.equal(JSON.parse(text).code, outcome, row.says);
      }
    }
  });
}

t.test('the demonstration shows plaintext only to who shows the token', async (t) => {
  const port = await serve(t, guarded('trigger', config('demo')));
  const authenticated = async (headers: OutgoingHttpHeaders) =>
    JSON.parse((await call(port, { method: 'POST', headers })).text).authenticated;
  t.equal(await authenticated(host), false);
  t.equal(await authenticated(bearer), true);
  t.equal(await authenticated(cookie), true);
});

t.test('a refusal is a problem that names no secret', async (t) => {
  const port = await serve(t, guarded('trigger', config('token')));
  const guess = { method: 'POST', headers: authorization('Bearer a-guess') };
  const { status, headers, text } = await call(port, guess);
  t.equal(status, 401);
  t.match(headers, {
    'content-type': 'application/problem+json',
    'www-authenticate': 'Bearer realm="sotto"',
    'cache-control': 'no-store',
  });
  t.match(JSON.parse(text), {
    type: 'urn:sotto:error:token_wrong',
    status: 401,
    code: 'token_wrong',
    detail: PROBLEMS.token_wrong.next,
  });
  t.notMatch(text, /a-guess|a-token|a-session/);
});

t.test('two Host headers are an error, whichever comes first', async (t) => {
  const port = await serve(t, guarded('read', config('demo')));
  for (const hosts of [
    ['127.0.0.1', 'evil.example'],
    ['evil.example', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
  ]) {
    const socket = connect(port, '127.0.0.1');
    const named = hosts.map((name) => `Host: ${name}\r\n`).join('');
    socket.end(`GET / HTTP/1.1\r\n${named}Connection: close\r\n\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    t.match(answer, /^HTTP\/1\.1 400 .*invalid_request/s, hosts.join(', '));
  }
});

t.test('a name in the request line, or two of them, is none', async (t) => {
  const port = await serve(t, guarded('read', config('demo')));
  const socket = connect(port, '127.0.0.1');
  const line = 'GET http://evil.example/ HTTP/1.1';
  socket.end(`${line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  t.match(answer, /^HTTP\/1\.1 403 .*host_not_allowed/s);
  // The bridge asks without the server of this file.
  const twice = ['127.0.0.1', 'evil.example'];
  const asked = {
    ...{ method: 'GET', url: '/', remoteAddress: '127.0.0.1', headers: { host: '127.0.0.1' } },
    headersDistinct: { host: twice },
  };
  t.match(decide('read', asked, config('demo')), { allowed: false, code: 'host_not_allowed' });
});
