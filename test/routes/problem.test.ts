/**
 * Goal: whatever goes wrong becomes a problem with a stable, documented code, and tells no secret.
 * Method: throw each kind of error below the middleware of a real server; send broken bodies.
 */
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type OutgoingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import Koa from 'koa';
import t from 'tap';
import { inCommands } from '../../src/cli/next-step.ts';
import { LinkError, StoreError } from '../../src/failures.ts';
import { UseCaseError } from '../../src/messenger/index.ts';
import { NextStepSchema } from '../../src/next-step.ts';
import { hearOut, readBytes, readChunks } from '../../src/routes/body.ts';
import { PROBLEMS, Problem, problems } from '../../src/routes/index.ts';
import { inRoutes } from '../../src/routes/next-step.ts';
import { type ProblemCode, whatToDo } from '../../src/routes/problem-codes.ts';
import { call, serve, silentLog } from '../support/http.ts';

const headers = { host: '127.0.0.1' };

t.test('whatever is thrown becomes a problem', async (t) => {
  const cases: readonly (readonly [unknown, ProblemCode])[] = [
    [new Problem('other_site'), 'other_site'],
    [new UseCaseError('not_paired', 'bob has no keys'), 'not_paired'],
    [new StoreError('full', 'the disk is full'), 'store_full'],
    [new StoreError('busy', 'another process'), 'unavailable'],
    [new StoreError('damaged', 'page 7 of /home/alice'), 'store_failed'],
    [new LinkError('timeout', 'no answer'), 'unreachable'],
    [Object.assign(new Error('nope'), { status: 415 }), 'unsupported_media_type'],
    [new Error('key 0123456789abcdef'), 'internal'],
    ['a string', 'internal'],
  ];
  for (const [thrown, code] of cases) {
    const logged: string[] = [];
    const app = new Koa();
    const error = (event: string, fields = {}) => logged.push(event, JSON.stringify(fields));
    app.use(problems({ ...silentLog, error }));
    app.use(() => {
      throw thrown;
    });
    const { status, text } = await call(await serve(t, app), { headers });
    t.equal(JSON.parse(text).code, code);
    t.equal(status, PROBLEMS[code].status);
    t.notMatch(text, /page 7|0123456789abcdef/);
    t.notMatch(logged.join(' '), /0123456789abcdef/, 'a foreign message stays out of the log');
    t.equal(logged.length > 0, status === 500, 'what is our fault is logged');
  }
});

t.test('a refusal words its next step as a route, and carries it as data', async (t) => {
  const next = { do: 'meet', to: 'b"ob', again: true } as const;
  const cases: readonly (readonly [unknown, object])[] = [
    [
      new UseCaseError('nothing_to_compare', 'there is no code', { next }),
      {
        detail: 'there is no code: POST /send_keys {"to": "b\\"ob", "again": true} on both sides',
        reason: 'there is no code',
        next,
      },
    ],
    [
      new LinkError('timeout', 'no answer'),
      {
        detail: `${PROBLEMS.unreachable.title}. ${whatToDo('unreachable')}`,
        reason: PROBLEMS.unreachable.title,
        next: { do: 'see_address' },
      },
    ],
    [
      new UseCaseError('invalid_code', 'it is cut'),
      { detail: 'it is cut', reason: undefined, next: undefined },
    ],
    // What stands instead of the table's words must not be followed by a step of the table.
    [
      new Problem('unreachable', { detail: 'Nobody there.' }),
      { detail: 'Nobody there.', reason: undefined, next: undefined },
    ],
  ];
  for (const [thrown, expected] of cases) {
    const app = new Koa();
    app.use(problems(silentLog));
    app.use(() => {
      throw thrown;
    });
    const { detail, reason, next } = JSON.parse(
      (await call(await serve(t, app), { headers })).text,
    );
    t.strictSame({ detail, reason, next }, { reason: undefined, next: undefined, ...expected });
  }
});

t.test('a person who came by a link or the address bar reads a page, a program JSON', async (t) => {
  const app = new Koa();
  app.use(problems(silentLog));
  const evil = `"><img src=x onerror=alert(1)>'`;
  app.use((ctx) => {
    throw new Problem(ctx.path === '/bad' ? 'invalid_request' : 'other_site', { detail: evil });
  });
  const port = await serve(t, app);
  const browser = { ...headers, accept: 'text/html,application/xml;q=0.9,*/*;q=0.8' };
  const came = { ...browser, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const page = await call(port, { headers: came });
  t.equal(page.status, 403);
  t.match(page.headers['content-type'], /^text\/html/);
  const policy = page.headers['content-security-policy'] ?? '';
  t.match(policy, /^default-src 'none';.*frame-ancestors 'none'/);
  t.notMatch(policy, /script|unsafe/);
  t.match(page.text, /Nothing was done\..*other_site/s);
  t.match(page.text, /href="\/"/);
  const { text } = await call(port, { headers: came, path: '/bad' });
  t.match(text, /&quot;&gt;&lt;img src=x onerror=alert\(1\)&gt;&#39;/);
  t.notMatch(text, /<img src=x/);
  for (const other of [
    headers,
    browser,
    { ...came, accept: '*/*' },
    { ...came, 'sec-fetch-dest': 'iframe' },
    { ...came, 'sec-fetch-mode': 'cors' },
  ]) {
    t.equal(JSON.parse((await call(port, { headers: other })).text).code, 'other_site');
  }
});

t.test('a path and a method that nobody serves are problems too', async (t) => {
  const app = new Koa();
  app.use(problems(silentLog));
  app.use((ctx) => {
    if (ctx.method === 'PUT') ctx.status = 405;
  });
  const port = await serve(t, app);
  const answer = async (method: string) => JSON.parse((await call(port, { method, headers })).text);
  t.match(await answer('GET'), { code: 'not_found', status: 404 });
  t.match(await answer('PUT'), { code: 'method_not_allowed', status: 405 });
});

t.test('a body is read with a limit and a deadline', async (t) => {
  const app = new Koa();
  app.use(problems(silentLog));
  app.use(async (ctx) => {
    const body = await readBytes(ctx.req, { sizeMax: 100, deadline_ms: 300 });
    ctx.body = `${body.length}`;
  });
  const port = await serve(t, app);
  const answer = async (size: number, more: OutgoingHttpHeaders = {}) => {
    const posted = { method: 'POST', body: 'x'.repeat(size), headers: { ...headers, ...more } };
    return await call(port, posted);
  };
  t.equal((await answer(100)).text, '100');
  t.equal((await answer(0)).text, '0');
  t.match(JSON.parse((await answer(101)).text), { code: 'too_large', status: 413 });
  const chunked = await answer(101, { 'transfer-encoding': 'chunked' });
  t.match(JSON.parse(chunked.text), { code: 'too_large' });

  const short = { method: 'POST', headers: { ...headers, 'content-length': 5 } };
  const { status, headers: answered, text } = await call(port, short);
  t.equal(status, 408);
  t.equal(answered.connection, 'close');
  t.match(JSON.parse(text), { code: 'body_timeout' });
});

t.test(
  'a body that comes with its head takes no listeners, and the next one is heard',
  async (t) => {
    const listeners: number[] = [];
    const server = createServer(async (asked, answer) => {
      const body = await readBytes(asked, { sizeMax: 100, deadline_ms: 30_000 });
      listeners.push(asked.listenerCount('error'));
      answer.end(`${body.length} bytes`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8');
    t.teardown(() => {
      socket.destroy();
      server.close();
    });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    const answered = async () => {
      while (!text.endsWith(' bytes')) await once(socket, 'data');
      const body = text.slice(text.lastIndexOf('\r\n') + 2);
      text = '';
      return body;
    };
    for (let round = 0; round < 3; round += 1) {
      socket.write(`${head}hello`);
      t.equal(await answered(), '5 bytes');
    }
    socket.write(head);
    await once(server, 'request');
    socket.write('hello');
    t.equal(await answered(), '5 bytes');
    t.strictSame(listeners, [0, 0, 0, 1], 'one whose body comes later is waited for');
  },
);

t.test('docs/ERRORS.md explains every code', async (t) => {
  const documented = readFileSync('docs/ERRORS.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| `[a-z_]+` \| \d{3} \|/.test(line));
  const expected = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) =>
      `| \`${code}\` | ${status} | ${title}. | ${whatToDo(code as ProblemCode)} |`,
  );
  t.strictSame(documented, expected);
});

t.test('docs/ERRORS.md has each next step, as a route and as a command', async (t) => {
  const documented = readFileSync('docs/ERRORS.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `{"do": '));
  const seen = documented.map((line) => {
    const [data = '', route = '', command = ''] = line.slice(2, -2).split(' | ');
    const next = NextStepSchema.parse(JSON.parse(data.replaceAll('`', '')));
    t.equal(route, inRoutes({ next }), data);
    t.equal(command, inCommands('', { next, reason: undefined }), data);
    t.notMatch(command, /(GET|POST|DELETE) \/|"[a-z]+":/, 'no command sends a person to a route');
    t.notMatch(route, /`sotto/);
    return next.do;
  });
  const kinds = NextStepSchema.options.map(({ shape }) => shape.do.value);
  t.strictSame([...new Set(seen)], kinds);
});

t.test('the use cases leave it to others how a route or a command is called', async (t) => {
  const sources = globSync('src/messenger/*.ts').map((path) => readFileSync(path, 'utf8'));
  t.ok(sources.length > 30);
  const code = sources.flatMap((text) =>
    text.split('\n').filter((line) => !/^\s*\/?\*/.test(line)),
  );
  const literals = code.filter((line) => /['`].*((GET|POST|DELETE) \/|sotto )/.test(line));
  t.strictSame(literals, []);
});

t.test('what nobody reads of a body any more can be thrown away', async (t) => {
  const body = new Uint8Array(1 << 20);
  const app = new Koa().use(async (ctx) => {
    const chunks = readChunks(ctx.req, { sizeMax: body.length, idle_ms: 30_000 });
    for await (const chunk of chunks) if (chunk.length > 0) break;
    // Node counts listeners anew a turn later.
    await setImmediate();
    ctx.body = { waiting: ctx.req.listenerCount('readable') };
    ctx.req.resume();
  });
  const answer = await call(await serve(t, app), { method: 'POST', body, headers: { host: 'a' } });
  t.strictSame(JSON.parse(answer.text), { waiting: 0 });
});

t.test('the rest of a body that was refused by its length is read', async (t) => {
  const { promise: isPaused, resolve } = Promise.withResolvers<boolean>();
  const app = new Koa().use(async (ctx) => {
    const refused = readBytes(ctx.req, { sizeMax: 10, deadline_ms: 30_000 });
    const heard = hearOut(ctx, () => refused.then(undefined, () => undefined));
    await refused.catch(() => setImmediate());
    resolve(ctx.req.isPaused());
    await heard;
  });
  const caller = request({ port: await serve(t, app), method: 'POST' });
  caller.on('error', () => undefined);
  caller.setHeader('Content-Length', 11).flushHeaders();
  t.equal(await isPaused, false);
  caller.destroy();
});
