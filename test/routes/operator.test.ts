/**
 * Goal: each operator route asks one use case for exactly what the person meant, and answers with
 * what the caller may know.
 * Method: the real app on loopback above a messenger that only remembers what it was asked.
 */
import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import t from 'tap';
import { StoreError } from '../../src/failures.ts';

import { type MessageBytes, type OpenedMessage, UseCaseError } from '../../src/messenger/index.ts';
import { createOperatorApp } from '../../src/routes/index.ts';
import { fakeMessenger, SHOWN } from '../support/fake-messenger.ts';

import { call, serve, silentLog } from '../support/http.ts';
import { bytes, form, json, peer, sideOf, withToken } from '../support/operator.ts';

t.test('send_keys answers 202 while somebody has to act, 200 with the code after', async (t) => {
  const waiting = await (await peer(t)).ask('POST /send_keys');
  t.equal(waiting.status, 202);
  t.match(JSON.parse(waiting.text), {
    state: 'waiting',
    detail: 'keys are sent: now bob has to POST /send_keys on its side',
    next: { do: 'await_contact', to: 'bob' },
  });
  const done = await peer(t, {
    sendKeys: async () => ({
      to: 'bob',
      state: 'established',
      comparison: { code: '012345', keyCheck: '0123456789abcdef' },
      verified: false,
      advice: { reason: 'compare' },
    }),
  });
  const established = await done.ask('POST /send_keys');
  t.equal(established.status, 200);
  t.match(JSON.parse(established.text), { code: '012345', key_check: '0123456789abcdef' });
});

t.test('text is sent with its 202, and GET has one fixed line', async (t) => {
  const { ask, asked } = await peer(t);
  const { status, text } = await ask('POST /send_msg', json, '{"text":"hi","to":"bob","wait":2}');
  t.equal(status, 202);
  t.strictSame(JSON.parse(text), { to: 'bob', id: 'e-0', trust: 'tofu', delivered: false });
  await ask('POST /send_msg', form, 'text=hi+there&to=bob');
  await ask('GET /send_msg?text=typed');
  await ask('GET /send_msg');
  const content = (text: string) => ({ type: 'text', text });
  t.strictSame(
    asked.map(({ request }) => request),
    [
      { to: 'bob', content: content('hi'), wait_ms: 2_000 },
      { to: 'bob', content: content('hi there') },
      { content: content('typed') },
      { content: content('Hello from alice.') },
    ],
  );
});

t.test('any other body is a file', async (t) => {
  const { ask, asked } = await peer(t);
  const cases: readonly [string, OutgoingHttpHeaders, string, object][] = [
    ['', { 'content-type': 'image/png' }, 'x', { name: 'file', mediaType: 'image/png' }],
    ['?name=a.bin', {}, 'x', { name: 'a.bin', mediaType: 'application/octet-stream' }],
    ['?name=a.json', json, '{"text":1}', { name: 'a.json', mediaType: 'application/json' }],
    ['?name=empty', {}, '', { name: 'empty', mediaType: 'application/octet-stream' }],
    ['', form, '\u0000binary', { name: 'file', mediaType: 'application/octet-stream' }],
    ['', form, 'binary'.padEnd(1 + 2 ** 20, 'x'), { name: 'file' }],
    ['', { 'transfer-encoding': 'chunked' }, 'x', { name: 'file' }],
    ['', { 'content-disposition': 'attachment; filename="b c.txt"' }, 'x', { name: 'b c.txt' }],
    [
      '',
      { 'content-disposition': "attachment; filename*=UTF-8''%C3%A9.txt" },
      'x',
      { name: 'é.txt' },
    ],
  ];
  for (const [query, headers, body, file] of cases) {
    const { status } = await ask(`POST /send_msg${query}`, headers, body);
    t.equal(status, 202);
    t.match(asked.at(-1)?.request, { content: { type: 'file', bytes: body, ...file } });
  }
});

t.test('a text that is too large is refused, not sent as a file', async (t) => {
  const { ask, asked } = await peer(t);
  for (const start of ['text=', '{"text":"', 'to=bob&text=']) {
    const body = start.padEnd(1 + 2 ** 20, 'x');
    const { status, text } = await ask('POST /send_msg', form, body);
    t.equal(status, 413, start);
    t.match(JSON.parse(text), { code: 'too_large', detail: /1 MiB.*\?name=FILE/ });
  }
  t.strictSame(asked, []);
});

t.test('a file names its contact by query or header', async (t) => {
  const { ask, asked } = await peer(t);
  await ask('POST /send_msg?name=a&to=bob&wait=1', {}, 'x');
  t.match(asked.at(-1)?.request, { to: 'bob', wait_ms: 1_000 });
  const name = Buffer.from('bób').toString('latin1');
  // With a string for a body, node would encode head and body as one, by UTF-8 twice.
  await ask('POST /send_msg?name=a', { 'sotto-to': name }, bytes('x'));
  t.match(asked.at(-1)?.request, { to: 'bób' });
  const broken = { 'content-disposition': 'attachment; filename="a' };
  t.equal((await ask('POST /send_msg', broken, 'x')).status, 400);
  t.equal((await ask('POST /send_msg?name=a&size=3', {}, 'x')).status, 400);
});

t.test('a refusal in the middle of a large upload reaches a client that only writes', async (t) => {
  const sendMessage = async () => {
    throw new UseCaseError('not_paired', 'POST /send_keys on bob first');
  };
  const { ask } = await peer(t, { sendMessage });
  const { status, text } = await ask('POST /send_msg?name=a', {}, new Uint8Array(8 << 20));
  t.equal(status, 409);
  t.match(JSON.parse(text), { code: 'not_paired', detail: /send_keys/ });
});

t.test('carrier=file answers the letter, and /receive takes one', async (t) => {
  const { ask, asked } = await peer(t);
  const body = '{"text":"hi","carrier":"file"}';
  const { status, headers, text } = await ask('POST /send_msg', json, body);
  t.equal(status, 200);
  t.equal(headers['content-type'], 'application/octet-stream');
  t.match(headers['content-disposition'], /^attachment; filename="to-bob-e-1\.sotto"$/);
  t.equal(headers['sotto-message-id'], 'e-1');
  t.equal(text, '\u0000\u0001\t');
  const received = await ask('POST /receive', {}, new Uint8Array(1_000));
  t.strictSame(JSON.parse(received.text), { from: 'bob', messages: 1 });
  t.strictSame(asked.at(-1), { name: 'readLetter', request: 1_000 });
  t.equal((await ask('POST /receive', {}, new Uint8Array(33 << 20))).status, 413);
});

const opened: readonly OpenedMessage[] = [
  {
    row: 4,
    id: 'e-0',
    from: 'bob',
    verified: true,
    carrier: 'session',
    at: new Date(0),
    content: { type: 'text', text: 'the plaintext' },
  },
  {
    row: 5,
    id: 'e-1',
    from: 'bob',
    verified: true,
    carrier: 'file',
    at: new Date(0),
    content: { type: 'file', name: 'the-name.txt', mediaType: 'text/plain', size: 3 },
  },
];

t.test('decrypt_msg tells count and ids; content only to who showed the token', async (t) => {
  const { ask } = await peer(t, { decryptMessages: () => opened });
  const { status, text } = await ask('POST /decrypt_msg');
  t.equal(status, 200);
  t.strictSame(JSON.parse(text), { count: 2, ids: ['e-0', 'e-1'] });
  const all = JSON.parse((await ask('POST /decrypt_msg', withToken)).text);
  t.match(all.messages[0], { id: 'e-0', from: 'bob', type: 'text', text: 'the plaintext' });
  t.match(all.messages[1], { name: 'the-name.txt', media_type: 'text/plain', size: 3 });
  t.equal(all.messages[1].content, '/messages/5');
  const nothing = await (await peer(t)).ask('POST /decrypt_msg');
  t.strictSame(JSON.parse(nothing.text), { count: 0, ids: [] });
});

t.test('the bytes of a file go to who showed the token', async (t) => {
  const fileContent = (row: number): MessageBytes => {
    if (row !== 5) throw new StoreError('missing', `there is no message ${row}`);
    return { name: 'ó.txt', bytes: [bytes('ab'), bytes('c')] };
  };
  const { ask } = await peer(t, { fileContent });
  t.equal((await ask('GET /messages/5')).status, 401);
  const { headers, text } = await ask('GET /messages/5', withToken);
  t.equal(text, 'abc');
  t.match(headers['content-disposition'], /^attachment; filename="ó.txt"/);
  t.equal(headers['x-content-type-options'], 'nosniff');
  for (const row of ['6', '0', '-1', '5e0', '05', 'x', '9'.repeat(30)]) {
    t.equal((await ask(`GET /messages/${row}`, withToken)).status, 404, row);
  }
});

t.test('a file that cannot be read to its end breaks off, and the log has it', async (t) => {
  const logged: string[] = [];
  const warn = (event: string, fields = {}) => void logged.push(event, JSON.stringify(fields));
  function* damaged() {
    yield bytes('the plaintext');
    throw new StoreError('damaged', 'page 7');
  }
  const messenger = fakeMessenger({
    fileContent: () => ({ name: 'a.txt', bytes: damaged() }),
  });
  const log = { ...silentLog, warn };
  const port = await serve(t, createOperatorApp({ ...sideOf(messenger), log }));
  const headers = { host: `localhost:${port}`, ...withToken };
  await t.rejects(call(port, { path: '/messages/5', headers }));
  t.strictSame(logged.slice(0, 2), ['answer_broke_off', '{"code":"StoreError"}']);
});

t.test('a pairing code, being a secret, asks for the token too', async (t) => {
  const { ask } = await peer(t);
  t.equal((await ask('POST /pair')).status, 401);
  t.match(JSON.parse((await ask('POST /pair', withToken)).text), { code: 'CODE' });
});

t.test('verify and contacts', async (t) => {
  const { ask, asked } = await peer(t);
  const verified = await ask('POST /verify', json, '{"to": "bob", "code": "012 345"}');
  t.strictSame(JSON.parse(verified.text), { to: 'bob', verified: true });
  await ask('POST /verify', json, '{"code": "012345", "differs": true}');
  t.match(JSON.parse((await ask('GET /contacts')).text), [{ name: 'bob', public_key: 'bb' }]);
  t.equal((await ask('DELETE /contacts/b%C3%B3b')).status, 204);
  t.strictSame(
    asked.map(({ request }) => request),
    [{ to: 'bob', code: '012345' }, { code: '012345', differs: true }, 'bób'],
  );
});

t.test('show has a public part, and the rest for the operator', async (t) => {
  const demo = JSON.parse((await (await peer(t)).ask('GET /show')).text);
  t.match(demo, { refused: SHOWN.refused, contacts: [{ name: 'bob', code: '012345' }] });
  const { ask } = await peer(t, {}, 'token');
  const stranger = JSON.parse((await ask('GET /show')).text);
  t.strictSame(Object.keys(stranger).sort(), ['address', 'fingerprint', 'name', 'public_key']);
  t.match(JSON.parse((await ask('GET /show', withToken)).text), { contacts: [{ name: 'bob' }] });
});

t.test('every answer that is not a success is a problem', async (t) => {
  const { ask } = await peer(t, {
    show: () => {
      throw new Error('secret');
    },
  });
  const cases: readonly [string, number, string | undefined][] = [
    ['GET /nothing', 404, undefined],
    ['GET /contacts/%ff', 405, 'DELETE'],
    ['PUT /send_msg', 405, 'POST, GET'],
    ['GET /verify', 405, 'POST'],
    ['PROPFIND /show', 405, 'GET'],
    ['GET /show', 500, undefined],
    ['HEAD /send_keys', 403, undefined],
  ];
  for (const [line, status, allow] of cases) {
    const answer = await ask(line);
    t.equal(answer.status, status, line);
    t.equal(answer.headers['content-type'], 'application/problem+json', line);
    for (const method of allow?.split(', ') ?? []) t.match(answer.headers.allow, method);
    t.notMatch(answer.text, /secret|\.ts:/);
  }
});

t.test('docs/ROUTES.md lists every route and no other', async (t) => {
  const { ask } = await peer(t);
  const documented = [
    ...readFileSync('docs/ROUTES.md', 'utf8').matchAll(/^\| `([A-Z]+) (\S+)` \|/gm),
  ];
  const operators = documented.filter(([, , path]) => path !== '/packets' && path !== '/healthz');
  const methods = Map.groupBy(operators, ([, , path = '']) => path);
  for (const [path, rows] of methods) {
    const { headers } = await ask(`OPTIONS ${path}`);
    const allowed = (headers.allow ?? '').split(', ').filter((method) => method !== 'HEAD');
    t.strictSame(new Set(rows.map(([, method]) => method)), new Set(allowed), path);
  }
  // The router itself cannot be asked, but what describes it fails where one is missing.
  const { text } = await ask('GET /openapi.json');
  const served = Object.keys(JSON.parse(text).paths)
    .filter((path) => path !== '/packets' && path !== '/healthz')
    .map((path) => path.replace(/\{(\w+)\}/g, ':$1'));
  t.strictSame(new Set(methods.keys()), new Set(served));
});

t.test('metrics count, and name nobody', async (t) => {
  const { ask } = await peer(t);
  const { text } = await ask('GET /metrics');
  t.match(text, /sotto_outbox_messages 3\n/);
  t.match(text, /sotto_inbox_unopened 2\n/);
  t.match(text, /sotto_refused_packets_total\{reason="malformed"\} 7\n/);
  t.match(text, /nodejs_eventloop_lag_seconds/);
  t.notMatch(text, /bob|127\.0\.0\.1/);
  t.match((await ask('GET /metrics')).text, /reason="malformed"\} 7\n/, 'not added up again');
});
