/**
 * Goal: /packets answers as PROTOCOL §3.1 has it, whatever is thrown at it, and one address
 * cannot take all there is.
 * Method: the real server on loopback above a messenger that only remembers what it was asked;
 * raw sockets for what no HTTP client would send.
 */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { StoreError } from '../../src/failures.ts';
import { type Messenger, UseCaseError } from '../../src/messenger/index.ts';
import { RemoteProtocolError } from '../../src/protocol/index.ts';
import {
  ARRIVAL_LIMITS,
  Arrivals,
  closeServer,
  createHttpServer,
  createOperatorApp,
  createPeerApp,
  Meters,
  serve,
} from '../../src/routes/index.ts';
import { fakeMessenger } from '../support/fake-messenger.ts';
import { call, silentLog } from '../support/http.ts';
import { sideOf } from '../support/operator.ts';
import { bundleType, host, MiB, peer, post } from '../support/peer-side.ts';

t.test('a bundle in, a bundle back', async (t) => {
  const receive = async (bundle: Uint8Array) => Uint8Array.from(bundle).reverse();
  const { port } = await peer(t, { receive });
  const { status, headers, text } = await post(port, Uint8Array.of(0x61, 0x62));
  t.equal(status, 200);
  t.equal(headers['content-type'], 'application/octet-stream');
  t.equal(text, 'ba');
  const put = { ...bundleType, 'content-type': 'application/octet-stream; version=1' };
  t.equal((await post(port, Uint8Array.of(0x61, 0x62), put)).text, 'ba', 'the long way');
  const empty = await post(port, new Uint8Array());
  t.equal(empty.status, 200);
  t.equal(empty.headers['content-length'], '0');
});

t.test('each failure has the status that PROTOCOL gives it', async (t) => {
  const failing = (error: Error) => ({ receive: () => Promise.reject(error) });
  const cases: readonly [Partial<Messenger>, Uint8Array, Record<string, string>, number, string][] =
    [
      [
        failing(new RemoteProtocolError('malformed')),
        Uint8Array.of(1),
        bundleType,
        400,
        'malformed_bundle',
      ],
      [failing(new StoreError('full', 'disk')), Uint8Array.of(1), bundleType, 503, 'unavailable'],
      [failing(new StoreError('busy', 'locked')), Uint8Array.of(1), bundleType, 503, 'unavailable'],
      [
        failing(new UseCaseError('stopping', 'bye')),
        Uint8Array.of(1),
        bundleType,
        503,
        'unavailable',
      ],
      [failing(new Error('bug')), Uint8Array.of(1), bundleType, 500, 'internal'],
      [{}, new Uint8Array(MiB + 1), bundleType, 413, 'too_large'],
      [{}, new Uint8Array(MiB), bundleType, 200, ''],
      [
        {},
        Uint8Array.of(1),
        { ...host, 'content-type': 'text/plain' },
        415,
        'unsupported_media_type',
      ],
      [{}, Uint8Array.of(1), host, 415, 'unsupported_media_type'],
      [
        {},
        Uint8Array.of(1),
        { ...bundleType, 'content-encoding': 'gzip' },
        415,
        'unsupported_media_type',
      ],
    ];
  for (const [overrides, body, headers, status, code] of cases) {
    const { port, meters } = await peer(t, overrides);
    const answer = await post(port, body, headers);
    t.equal(answer.status, status, `${status} ${code}`);
    t.equal(answer.headers['retry-after'] !== undefined, status === 503);
    const counted = new RegExp(`sotto_exchanges_total.*status="${status}".* 1`);
    t.match((await meters.scrape()).text, counted, 'counted once');
    if (status === 200) continue;
    t.equal(answer.headers['content-type'], 'application/problem+json');
    t.match(JSON.parse(answer.text), { status, code });
  }
});

t.test('a body over the limit is found out without its length, too', async (t) => {
  const { port, asked } = await peer(t);
  const chunked = { ...bundleType, 'transfer-encoding': 'chunked' };
  t.equal((await post(port, new Uint8Array(MiB + 1), chunked)).status, 413);
  t.equal((await post(port, new Uint8Array(9 * MiB), chunked)).status, 413);
  t.strictSame(asked, []);
});

t.test('other methods are told which one there is', async (t) => {
  const { port } = await peer(t);
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']) {
    const { status, headers } = await call(port, { method, path: '/packets', headers: host });
    t.equal(status, 405, method);
    t.equal(headers.allow, 'POST');
  }
});

t.test('over its rate, an address is told when to come again', async (t) => {
  const { port, asked } = await peer(t, {}, { burst: 3, perSecond: 0.5 });
  const statuses: number[] = [];
  for (let i = 0; i < 4; i += 1) statuses.push((await post(port, Uint8Array.of(1))).status);
  t.strictSame(statuses, [200, 200, 200, 429]);
  const { headers, text } = await post(port, new Uint8Array(2 * MiB));
  t.equal(headers['retry-after'], '2');
  t.match(JSON.parse(text), { code: 'too_many_requests' });
  t.equal(asked.length, 3);
  t.equal((await call(port, { path: '/healthz', headers: host })).status, 200);
});

t.test('an address has only so many requests under way', async (t) => {
  const { port } = await peer(t, {}, { underWayMax: 2 });
  const head = 'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n';
  const slow = [1, 2].map(() => connect(port, '127.0.0.1'));
  t.teardown(() => slow.forEach((socket) => void socket.destroy()));
  for (const socket of slow) socket.write(`${head}Content-Length: 5\r\n\r\nab`);
  const full = async () => {
    for (;;) if ((await post(port, Uint8Array.of(1))).status === 429) return;
  };
  await full();
  slow[0]?.write('cde');
  const [answer] = slow[0] === undefined ? [] : await once(slow[0], 'data');
  t.match(String(answer), /^HTTP\/1\.1 200 /);
  t.equal((await post(port, Uint8Array.of(1))).status, 200);
});

t.test('the rate of an address is a bucket: never more than burst + time × rate', async (t) => {
  const steps = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 4 })), { maxLength: 60 });
  const bounded = fc.property(steps, (waits) => {
    let now_ms = 0;
    const limits = { ...ARRIVAL_LIMITS, burst: 5, perSecond: 10 };
    const arrivals = new Arrivals(limits, () => now_ms);
    let admitted = 0;
    for (const [wait_ms, calls] of waits) {
      now_ms += wait_ms;
      for (let i = 0; i < calls; i += 1) {
        const arrival = arrivals.enter('192.0.2.1');
        if (!arrival.admitted) continue;
        arrival.leave();
        admitted += 1;
      }
      if (admitted > 5 + (now_ms / 1_000) * 10) return false;
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(bounded));
});

t.test('a /64 counts as one address, and addresses are forgotten, oldest first', async (t) => {
  const limits = { ...ARRIVAL_LIMITS, burst: 1, addressesMax: 2 };
  const arrivals = new Arrivals(limits, () => 0);
  const admitted = (address: string) => {
    const arrival = arrivals.enter(address);
    if (arrival.admitted) arrival.leave();
    return arrival.admitted;
  };
  t.equal(admitted('2001:db8:1:2::3'), true);
  t.equal(admitted('2001:db8:1:2:9:8:7:6'), false);
  t.equal(admitted('2001:db8:1:3::3'), true);
  t.equal(admitted('::ffff:192.0.2.1'), true, 'the first /64 makes room');
  t.equal(admitted('2001:db8:1:2::3'), true, 'and is new again');
});

t.test('a client that speaks no HTTP gets a problem, and is left', async (t) => {
  const { port } = await peer(t);
  const cases: readonly [string, RegExp][] = [
    ['hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['POST /packets HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n', /^HTTP\/1\.1 400 /],
  ];
  for (const [sent, status] of cases) {
    const socket = connect(port, '127.0.0.1');
    socket.write(sent);
    const text = Buffer.concat(await socket.toArray()).toString();
    t.match(text, status);
    t.match(text, /application\/problem\+json[\s\S]*"code":"invalid_request"/);
  }
});

t.test('who names two hosts is refused, whichever comes first', async (t) => {
  const { port } = await peer(t);
  const own = `Host: 127.0.0.1:${port}\r\n`;
  for (const [target, hosts, refusal] of [
    ['/show', `${own}Host: evil.example\r\n`, '400 invalid_request'],
    ['/show', `Host: evil.example\r\n${own}`, '400 invalid_request'],
    ['http://evil.example/show', own, '403 host_not_allowed'],
  ]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET ${target} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
    const text = Buffer.concat(await socket.toArray()).toString();
    const [, status, code] = /^HTTP\/1\.1 (\d+) [\s\S]*"code":"(\w+)"/.exec(text) ?? [];
    t.equal(`${status} ${code}`, refusal, `${target} ${hosts}`);
  }
});

t.test('a closing server finishes what is under way', async (t) => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
  const receive = () =>
    new Promise<Uint8Array>((resolve) => ask(() => resolve(Uint8Array.of(0x61))));
  const messenger = fakeMessenger({ receive });
  const meters = new Meters(messenger);
  const arrivals = new Arrivals(ARRIVAL_LIMITS, () => 0);
  const both = { arrivals, pictureArrivals: arrivals };
  const app = createPeerApp({ messenger, log: silentLog, meters, ...both });
  const server = createHttpServer();
  serve(server, app, createOperatorApp(sideOf(messenger)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const posted = post((server.address() as AddressInfo).port, Uint8Array.of(1));
  const finish = await asked;
  const closed = closeServer(server, 60_000);
  finish();
  t.equal((await posted).text, 'a');
  await closed;
  t.match((await meters.scrape()).text, /sotto_exchanges_total\{status="200"\} 1/);
});

const pictureType = { ...host, 'content-type': 'image/png' };

t.test('a picture is answered alike whatever is in it, and told from whom it came', async (t) => {
  const { port, asked } = await peer(t);
  const { status, text, headers } = await post(port, Uint8Array.of(1, 2, 3), pictureType);
  t.strictSame([status, text, headers['content-type']], [200, '', 'application/octet-stream']);
  t.strictSame(asked, [{ name: 'receivePicture', request: { png: 3, source: '127.0.0.1' } }]);
  t.equal((await post(port, new Uint8Array(32 * MiB), pictureType)).status, 200);
  t.equal((await post(port, new Uint8Array(32 * MiB + 1), pictureType)).status, 413);
  const packed = { ...pictureType, 'content-encoding': 'gzip' };
  t.equal((await post(port, Uint8Array.of(1), packed)).status, 415);
});

t.test('a full line of pictures asks for patience', async (t) => {
  const receivePicture = () => {
    throw new UseCaseError('busy', 'other pictures are being looked at');
  };
  const { port } = await peer(t, { receivePicture });
  const { status, headers } = await post(port, Uint8Array.of(1), pictureType);
  t.equal(status, 503);
  t.ok(Number(headers['retry-after']) > 0);
});

t.test('pictures are counted apart, and packets still come through', async (t) => {
  const { port } = await peer(t);
  const answers = [];
  for (let i = 0; i < 9; i += 1) answers.push(await post(port, Uint8Array.of(i), pictureType));
  t.strictSame(
    answers.map(({ status }) => status),
    [...Array(8).fill(200), 429],
  );
  t.ok(Number(answers.at(-1)?.headers['retry-after']) > 0);
  t.equal((await post(port, Uint8Array.of(1))).status, 200);
});
