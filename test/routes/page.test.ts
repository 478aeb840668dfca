/**
 * Goal: what the page calls answers it and nobody else: the page itself, its session, its live
 * events, conversations, and what protects the peer's data.
 * Method: the real app on loopback above a messenger that only remembers what it was asked.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import t, { type Test } from 'tap';
import { StoreError } from '../../src/failures.ts';
import type { Happening, TalkMessage } from '../../src/messenger/index.ts';
import {
  createOperatorApp,
  type EventLimits,
  Events,
  type Keeper,
  PROBLEMS,
} from '../../src/routes/index.ts';
import { type ProblemCode, whatToDo } from '../../src/routes/problem-codes.ts';
import { fakeMessenger } from '../support/fake-messenger.ts';
import { call, serve } from '../support/http.ts';
import { guard, json, peer, sideOf, withToken } from '../support/operator.ts';
import { until } from '../support/peer-process.ts';

const WEB = new URL('../../src/web/', import.meta.url).href;
/** What a field shows before something is typed, or takes; and the name of SVG's namespace. */
const EXAMPLES = /^http:\/\/(\$\{plain\}$|192\.168\.1\.7:5000|www\.w3\.org\/2000\/svg|…)/;

t.test('anybody may have the page, which then shows what anybody may see', async (t) => {
  const { ask } = await peer(t, {}, 'token');
  const { status, headers, text } = await ask('GET /');
  t.equal(status, 200);
  const [, importMap = ''] = /<script type="importmap">([\s\S]*?)<\/script>/.exec(text) ?? [];
  const hash = createHash('sha256').update(importMap).digest('base64');
  const policy = headers['content-security-policy'] ?? '';
  t.match(policy, /^default-src 'none'; script-src 'self' 'sha256-[^']+'; style-src 'self'; /);
  t.match(policy, /base-uri 'none'; form-action 'none'; frame-ancestors 'none'; /);
  t.match(policy, /require-trusted-types-for 'script'; trusted-types 'none'/);
  t.equal(headers['cross-origin-resource-policy'], 'same-origin');
  t.ok(policy.includes(`'sha256-${hash}'`), 'the import map is the one that is named');
  t.notMatch(policy, /unsafe/);
  const rest = text.replace(importMap, '');
  t.notMatch(rest, /<script(?![^>]*(src=|importmap))|\son\w+=|style=/, 'nothing else is inline');
  const parts = [...text.matchAll(/"(\/web\/[^"]+)"/g)].map(([, path = '']) => path);
  t.ok(parts.length > 8, `${parts.length} parts`);
  for (const path of parts) {
    const part = await ask(`GET ${path}`);
    t.equal(part.status, 200, path);
    t.match(part.headers['content-type'], /javascript|css|svg/, path);
    t.equal(part.headers['x-content-type-options'], 'nosniff');
  }
  for (const path of ['/web/nothing.js', '/web/..%2fpeer.ts', '/web/constructor']) {
    t.equal((await ask(`GET ${path}`)).status, 404, path);
  }
});

t.test('no part of the page writes markup from text', async (t) => {
  const { ask } = await peer(t);
  const waiting = ['main.js'];
  const seen = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const { status, text } = await ask(`GET /web/${name}`);
    t.equal(status, 200, name);
    t.notMatch(text, /innerHTML|insertAdjacentHTML|document\.write|dangerously|eval\(/, name);
    waiting.push(...[...text.matchAll(/from '\.\/([^']+)'/g)].map(([, next = '']) => next));
  }
  t.ok(seen.size > 20, `${seen.size} modules`);
});

t.test('the page tells every refusal in words for a person at it, with its code', async (t) => {
  const { refusal } = await import(`${WEB}words.js`);
  for (const [code, { title }] of Object.entries(PROBLEMS)) {
    const message = `${title}. ${whatToDo(code as ProblemCode)}`;
    const told = refusal({ code, message });
    t.equal(told.code, code);
    t.match(told.text, /^[A-Z].{20,}\.$/s, code);
    t.notMatch(
      told.text,
      /\b(GET|POST) \/|[{}`"]|--|docs\/|Retry-After/,
      `${code}: a person cannot`,
    );
  }
  t.match(refusal({ message: 'it broke' }), { text: 'It broke', code: undefined });
});

t.test('an export has every reading once, also of a device that fills an answer', async (t) => {
  const { exportCsv } = await import(`${WEB}export.js`);
  /** One reading in so many milliseconds: 240,000 an hour, of which an answer holds 100,000. */
  const pace = 15;
  const asked: URL[] = [];
  const answer = async (path: string) => {
    const url = new URL(path, 'http://peer');
    asked.push(url);
    const ms = (name: string) => new Date(url.searchParams.get(name) ?? '').getTime();
    const first = Math.ceil(ms('from') / pace);
    const count = Math.ceil(ms('to') / pace) - first;
    const limited = Math.min(count, Number(url.searchParams.get('limit')));
    const rows = Array.from({ length: limited }, (_, index) => `${first + index}\r\n`);
    return new Response(`at\r\n${rows.join('')}`);
  };
  t.intercept(globalThis, 'fetch', { value: answer });
  const done: number[] = [];
  const csv: Blob = await exportCsv('a device', 1, (share: number) => done.push(share));
  const [head, ...rows] = (await csv.text()).trimEnd().split('\r\n');
  t.equal(head, 'at');
  t.equal(rows.length, 3_600_000 / pace);
  t.ok(rows.every((row, at) => at === 0 || Number(row) === Number(rows[at - 1]) + 1));
  t.equal(asked.length, 7, 'the whole, two halves, four quarters');
  t.match(asked[0]?.searchParams.get('device'), 'a device');
  t.strictSame(done, [0]);
});

t.test('no part of the page names another site', (t) => {
  for (const name of readdirSync(new URL(WEB))) {
    const text = readFileSync(new URL(name, WEB), 'utf8');
    const named = [...text.matchAll(/https?:\/\/[^\s"'`<)]+/g)].map(([url]) => url);
    t.strictSame(
      named.filter((url) => !EXAMPLES.test(url)),
      [],
      name,
    );
  }
  t.end();
});

t.test('the printed link leaves a cookie, and so does its token', async (t) => {
  const { ask } = await peer(t, {}, 'token');
  const { status, headers } = await ask('GET /?token=right-token');
  t.equal(status, 303);
  t.equal(headers.location, '/');
  const cookie = 'sotto_5000=right-session; Path=/; HttpOnly; SameSite=Strict';
  t.strictSame(headers['set-cookie'], [cookie]);
  const posted = await ask('POST /session', json, '{"token":"right-token"}');
  t.equal(posted.status, 204);
  t.strictSame(posted.headers['set-cookie'], [cookie]);
  const left = await ask('DELETE /session');
  t.match(left.headers['set-cookie'], [/^sotto_5000=; .*Max-Age=0$/]);
  const shown = { cookie: 'sotto_5000=right-session' };
  t.match(JSON.parse((await ask('GET /identity', shown)).text), { token_shown: true });
});

t.test('behind a proxy that speaks TLS the cookie goes by TLS only', async (t) => {
  const messenger = fakeMessenger();
  const behind = { ...guard, mode: 'token', behindProxy: true } as const;
  const port = await serve(t, createOperatorApp({ ...sideOf(messenger), guard: behind }));
  for (const proto of ['https', 'http']) {
    const headers = { host: 'localhost', 'x-forwarded-proto': proto };
    const path = '/?token=right-token';
    const { headers: answered } = await call(port, { method: 'GET', path, headers, body: '' });
    t.equal(/; Secure$/.test(`${answered['set-cookie']}`), proto === 'https', proto);
  }
});

t.test('a wrong token leaves nothing; a person is told by the page', async (t) => {
  const { ask } = await peer(t, {}, 'token');
  const wrong = await ask('GET /?token=wrong');
  t.match(JSON.parse(wrong.text), { code: 'token_wrong', status: 401 });
  const person = await ask('GET /?token=wrong', { accept: 'text/html,*/*' });
  t.equal(person.status, 401);
  t.match(person.headers['content-type'], /html/);
  const posted = await ask('POST /session', json, '{"token":"wrong"}');
  t.match(JSON.parse(posted.text), { code: 'token_wrong' });
  for (const { headers } of [wrong, person, posted]) t.equal(headers['set-cookie'], undefined);
  t.equal((await ask('POST /session', json, '{}')).status, 400);
  const evil = { ...json, origin: 'http://evil.example' };
  t.equal((await ask('POST /session', evil, '{"token":"right-token"}')).status, 403);
});

const at = new Date(0);
const common = {
  with: 'bob',
  id: 'e-0',
  carrier: 'session',
  at,
  size: 5,
  parts: undefined,
  isCut: false,
} as const;
const TALK: readonly TalkMessage[] = [
  {
    ...common,
    direction: 'in',
    row: 9,
    verified: true,
    state: 'sealed',
    isFile: true,
    content: undefined,
  },
  {
    ...common,
    direction: 'in',
    row: 8,
    verified: false,
    state: 'opened',
    isFile: true,
    content: { type: 'file', name: 'the-name.txt', mediaType: 'text/plain', size: 3 },
  },
  {
    ...common,
    direction: 'out',
    row: 4,
    verified: undefined,
    state: 'delivered',
    isFile: false,
    content: { type: 'text', text: 'the plaintext' },
  },
];

t.test('a conversation is listed; what is in it only to who showed the token', async (t) => {
  const queries: object[] = [];
  const { ask } = await peer(t, {
    conversation(query) {
      queries.push(query);
      return { messages: TALK, before: { received: 8, sent: undefined } };
    },
  });
  const plain = await ask('GET /messages?with=bob&limit=3&before=12-7');
  t.strictSame(queries, [{ with: 'bob', limit: 3, before: { received: 12, sent: 7 } }]);
  t.notMatch(plain.text, /the-name|the plaintext/);
  const { messages, before } = JSON.parse((await ask('GET /messages', withToken)).text);
  t.equal(before, '8-');
  t.match(messages[0], { state: 'sealed', kind: 'file', row: 9, content: undefined });
  t.match(messages[1], { name: 'the-name.txt', content: '/messages/8', verified: false });
  t.match(messages[2], { direction: 'out', state: 'delivered', text: 'the plaintext' });
  for (const query of ['limit=0', 'limit=201', 'before=1', 'before=x-1', 'from=bob']) {
    t.equal((await ask(`GET /messages?${query}`)).status, 400, query);
  }
});

t.test('one message is opened for who asks, and told to who showed the token', async (t) => {
  const { ask, asked } = await peer(t, {
    openMessage: (row) => ({
      row,
      id: 'e-0',
      from: 'bob',
      verified: true,
      carrier: 'session',
      at,
      content: { type: 'text', text: 'the plaintext' },
    }),
  });
  t.strictSame(JSON.parse((await ask('POST /messages/7/open')).text), { id: 'e-0' });
  const told = await ask('POST /messages/7/open', withToken);
  t.match(JSON.parse(told.text), { id: 'e-0', text: 'the plaintext' });
  t.equal((await ask('POST /messages/x/open', withToken)).status, 404);
  t.equal((await ask('GET /messages/7/open', withToken)).status, 405, 'a link cannot');
  t.strictSame(asked, []);
  const gone = JSON.parse((await (await peer(t)).ask('POST /messages/7/open')).text);
  t.match(gone, { code: 'no_message', status: 404 });
});

interface Page {
  readonly response: IncomingMessage;
  /** All that has come so far. */
  text(): string;
}

async function live(t: Test, limits: Partial<EventLimits> = {}) {
  const listeners = new Set<(happening: Happening) => void>();
  const messenger = fakeMessenger({
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const tell = (happening: Happening) => {
    for (const listener of listeners) listener(happening);
  };
  const events = new Events(messenger, { gather_ms: 5, ...limits });
  const port = await serve(t, createOperatorApp({ ...sideOf(messenger), events }));
  t.teardown(() => events.close());
  const open = async (lastId?: string): Promise<Page> => {
    const headers = { host: `localhost:${port}`, ...(lastId && { 'last-event-id': lastId }) };
    const outgoing = request({ port, path: '/events', headers });
    outgoing.end();
    const [response]: IncomingMessage[] = await once(outgoing, 'response');
    if (response === undefined) throw new Error('no response');
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    response.on('error', () => undefined);
    t.teardown(() => outgoing.destroy());
    return { response, text: () => text };
  };
  const settled = async (page: Page, pattern: RegExp) =>
    await until(`an event matches ${pattern}`, () =>
      pattern.test(page.text()) ? true : undefined,
    );
  return { port, events, open, settled, tell };
}

t.test('events say that something changed, once for all of a moment', async (t) => {
  const { open, settled, tell } = await live(t, { heartbeat_ms: 20 });
  const page = await open();
  t.match(page.response.headers['content-type'], /^text\/event-stream/);
  await settled(page, /event: reset/);
  for (let time = 0; time < 100; time += 1) tell({ kind: 'arrived', contact: 'bob' });
  tell({ kind: 'contact', contact: undefined });
  await settled(page, /"contacts"/);
  t.equal(page.text().match(/"about":"messages","contact":"bob"/g)?.length, 1);
  await settled(page, /: still here/);
  tell({ kind: 'hiding', contact: undefined, share: 0.5 });
  await settled(page, /^event: hiding\ndata: \{"share":0\.5\}$/m);
});

t.test('a page that comes back hears what it missed, or to look at everything', async (t) => {
  const { open, settled, tell } = await live(t, { keptMax: 3 });
  const page = await open();
  await settled(page, /event: reset/);
  const change = async (contact: string) => {
    tell({ kind: 'readings', contact });
    await settled(page, new RegExp(`"${contact}"`));
  };
  await change('one');
  const heard = /id: (\S+)\nevent: change/.exec(page.text())?.[1] ?? '';
  await change('two');
  await change('three');
  const back = await open(heard);
  await settled(back, /"three"/);
  t.match(back.text(), /"two"/);
  t.notMatch(back.text(), /"one"|reset/);
  await change('four');
  await change('five');
  const late = await open(heard);
  await settled(late, /event: reset/);
  t.notMatch(late.text(), /change/);
  for (const made of ['x', 'x-1', `${heard}9`, '-']) {
    const stranger = await open(made);
    await settled(stranger, /event: reset/);
  }
});

t.test('so many pages and no more; a stopping peer ends them', async (t) => {
  const { open, events, port } = await live(t, { listenersMax: 2 });
  const pages = [await open(), await open()];
  const headers = { host: `localhost:${port}` };
  const third = await call(port, { path: '/events', headers });
  t.equal(third.status, 503);
  t.equal(third.headers['retry-after'], '5');
  pages[0]?.response.destroy();
  await until('a place is free', async () => {
    const { response } = await open();
    return response.statusCode === 200 ? true : undefined;
  });
  events.close();
  if (pages[1] !== undefined) await once(pages[1].response, 'end');
  const late = await call(port, { path: '/events', headers });
  t.match(JSON.parse(late.text), { status: 503, code: 'stopping' }, 'and begins none');
});

t.test('events are for operators', async (t) => {
  const { ask } = await peer(t, {}, 'token');
  t.equal((await ask('GET /events')).status, 401);
  const evil = { ...withToken, 'sec-fetch-site': 'cross-site' };
  t.equal((await ask('GET /events', evil)).status, 403);
});

t.test('passphrase and identity ask for the token, and for what protects them now', async (t) => {
  const given: (string | undefined)[] = [];
  const text = (secret: Uint8Array | undefined) => secret && new TextDecoder().decode(secret);
  const keeper: Keeper = {
    protection: () => 'passphrase',
    async changePassphrase(current, next) {
      if (text(current) !== 'now') throw new StoreError('wrong_key', 'no');
      given.push(text(current), text(next));
    },
    async exportIdentity(current, passphrase) {
      given.push(text(current), text(passphrase));
      return 'sealed';
    },
  };
  const side = sideOf(fakeMessenger());
  const port = await serve(t, createOperatorApp({ ...side, keeper }));
  const ask = (path: string, body: object, token: object = withToken) => {
    const headers = { host: `localhost:${port}`, ...json, ...token };
    return call(port, { method: 'POST', path, headers, body: JSON.stringify(body) });
  };
  const secrets = { current: 'now', passphrase: 'then' };
  t.equal((await ask('/passphrase', secrets, {})).status, 401);
  t.equal((await ask('/identity', secrets, {})).status, 401);
  const wrong = await ask('/passphrase', { passphrase: 'then' });
  t.match(JSON.parse(wrong.text), { code: 'wrong_passphrase', status: 403 });
  t.equal((await ask('/passphrase', { current: 'now', passphrase: '' })).status, 400);
  t.equal((await ask('/passphrase', { current: 'now', passphrase: 'a\nb' })).status, 400);
  t.strictSame(given, []);
  t.equal((await ask('/passphrase', secrets)).status, 204);
  const saved = await ask('/identity', secrets);
  t.equal(saved.text, 'sealed');
  t.match(saved.headers['content-disposition'], /alice\.identity/);
  t.strictSame(given, ['now', 'then', 'now', 'then']);
});
