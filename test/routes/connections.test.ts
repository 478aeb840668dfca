/**
 * Goal: no address and no connection takes the places, the memory or the turns of others.
 * Method: the real server and a real bridge on loopback; raw sockets from several addresses.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startBridge } from '../../src/bridge/index.ts';
import { call } from '../support/http.ts';
import { until } from '../support/peer-process.ts';
import { host, MiB, peer, post } from '../support/peer-side.ts';

t.test(
  'a bridge holds 64 connections, and a newcomer gets the place of the most idle',
  async (t) => {
    const line = { write: () => undefined, close: () => undefined };
    const config = { serial: 'none', baud: 115_200, host: '127.0.0.1', port: 0, peers: [] };
    const bridge = await startBridge({ ...config, say: () => undefined, open: async () => line });
    t.teardown(() => bridge.stop());
    const port = Number(new URL(bridge.origin).port);
    const held = await connections(t, port, 64, '127.0.0.1');
    const healthz = { method: 'GET', path: '/healthz', headers: { host: '127.0.0.1' } };
    t.equal((await call(port, healthz)).status, 200);
    await until('the first has made room', () => held[0]?.closed || undefined);
    t.equal(held.filter(({ closed }) => closed).length, 1, 'and nobody else');
  },
);

/** Each is open before the next begins. They ask nothing. */
async function connections(t: Test, port: number, count: number, localAddress: string) {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += 1) {
    const socket = connect({ port, host: '127.0.0.1', localAddress }).resume();
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    sockets.push(socket);
  }
  t.teardown(() => sockets.map((socket) => socket.destroy()));
  return sockets;
}

t.test('a peer holds 1,000 connections, and no more', async (t) => {
  const { port } = await peer(t);
  const held: Socket[] = [];
  t.teardown(() => held.map((socket) => socket.destroy()));
  // Who was answered may rest for more than a minute, however slow this machine is.
  const hold = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    held.push(socket);
    socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    const [answer] = await once(socket, 'data');
    if (!/^HTTP\/1\.1 200 /.test(String(answer))) t.fail(`${held.length}: ${answer}`);
  };
  while (held.length < 1_000) await hold();
  t.notOk(
    held.find(({ closed }) => closed),
    'a thousand have room',
  );
  await hold();
  await until('one has made room', () => held.find(({ closed }) => closed));
  t.ok(held[0]?.closed, 'the longest idle');
  t.equal(held.filter(({ closed }) => closed).length, 1, 'and nobody else');
});

t.test('who hoards connections takes them from itself', async (t) => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
  const receive = () =>
    new Promise<Uint8Array>((resolve) => ask(() => resolve(Uint8Array.of(0x61))));
  const { port } = await peer(t, { receive }, {}, 8);
  const first = post(port, Uint8Array.of(1));
  const answer = await asked;
  const [quiet] = await connections(t, port, 1, '127.0.0.3');
  const hoard = await connections(t, port, 30, '127.0.0.2');
  t.equal((await call(port, { method: 'GET', path: '/healthz', headers: host })).status, 200);
  await until(
    'places were given up',
    () => hoard.filter((each) => each.closed).length > 23 || undefined,
  );
  t.notOk(quiet?.closed, 'who holds one keeps it');
  answer();
  t.equal((await first).status, 200, 'who asks keeps it, too');
});

/** The bytes of a request, for a raw socket. */
const bundleOf = (body: string) =>
  `POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

t.test('asking slowly on them does not help', async (t) => {
  let asking = 0;
  const receive = () => {
    asking += 1;
    return new Promise<Uint8Array>(() => undefined);
  };
  const { port } = await peer(t, { receive }, {}, 8);
  const hoard = await connections(t, port, 8, '127.0.0.2');
  for (const socket of hoard) socket.write(bundleOf('x'));
  await until('all ask', () => asking === 8 || undefined);
  const honest = connect(port, '127.0.0.1').on('error', () => undefined);
  t.teardown(() => void honest.destroy());
  const status = async () => {
    if (honest.closed) return 'closed';
    honest.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = await Promise.race([once(honest, 'data'), once(honest, 'close')]);
    return /^HTTP\/1\.1 (\d+) /.exec(String(answer))?.[1];
  };
  t.equal(await status(), '200', 'a newcomer is served');
  await until('a place was given up', () => hoard.find(({ closed }) => closed));
  const [more] = await connections(t, port, 1, '127.0.0.2');
  await until('who holds most gets no more', () => more?.closed || undefined);
  t.equal(await status(), '200', 'nor does it push out who holds less and asks nothing');
  t.equal(hoard.filter(({ closed }) => closed).length, 1);
});

t.test('requests that one connection sends ahead are answered one after the other', async (t) => {
  let [asking, most] = [0, 0];
  const receive = async (bundle: Uint8Array) => {
    asking += 1;
    most = Math.max(most, asking);
    await new Promise((resolve) => setImmediate(resolve));
    asking -= 1;
    return Uint8Array.from(bundle);
  };
  const { port } = await peer(t, { receive });
  const [socket] = await connections(t, port, 1, '127.0.0.1');
  let text = '';
  socket?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket?.write([...'abcdefghi'].map(bundleOf).join(''));
  const replies = () => [...text.matchAll(/\r\n\r\n([a-z])/g)].map(([, body]) => body);
  await until('all are answered', () => replies().length === 9 || undefined);
  t.equal(replies().join(''), 'abcdefghi');
  t.equal(most, 1, 'one at a time');
});

t.test('who sends many requests ahead is cut', async (t) => {
  let asked = 0;
  const receive = () => {
    asked += 1;
    return new Promise<Uint8Array>(() => undefined);
  };
  const { port, server } = await peer(t, { receive });
  let parsed = 0;
  server.on('request', () => {
    parsed += 1;
  });
  const [socket] = await connections(t, port, 1, '127.0.0.1');
  socket?.write(bundleOf('x').repeat(600));
  await until('it is cut', () => socket?.closed || undefined);
  t.equal(asked, 1, 'the others were not looked at');
  t.equal(parsed, 10, 'and most not even parsed');
  t.equal((await call(port, { path: '/healthz', headers: host })).status, 200);
});

t.test('who does not read its answer is cut, who waits for one is not', async (t) => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
  const receive = ([first]: Uint8Array) =>
    first === 0
      ? new Promise<Uint8Array>((resolve) => ask(() => resolve(Uint8Array.of(0x61))))
      : Promise.resolve(new Uint8Array(64 * MiB)); // More than the system takes for it.
  const { port, server } = await peer(t, { receive });
  server.timeout = 50;
  const waiting = post(port, Uint8Array.of(0));
  const answer = await asked;
  const accepted = once(server, 'connection');
  const unread = connect(port, '127.0.0.1').on('error', () => undefined);
  t.teardown(() => void unread.destroy());
  const [socket]: Socket[] = await accepted;
  unread.write(bundleOf('x'));
  await until('it is cut', () => socket?.closed || undefined);
  answer();
  t.equal((await waiting).text, 'a');
});

t.test('where all ask, a newcomer is closed', async (t) => {
  const answers: (() => void)[] = [];
  const receive = () =>
    new Promise<Uint8Array>((resolve) => {
      answers.push(() => resolve(Uint8Array.of(0x61)));
    });
  const { port } = await peer(t, { receive }, {}, 2);
  const asking = [post(port, Uint8Array.of(1)), post(port, Uint8Array.of(2))];
  await until('both ask', () => answers.length === 2 || undefined);
  const [beyond] = await connections(t, port, 1, '127.0.0.1');
  await until('it is closed', () => beyond?.closed || undefined);
  for (const answer of answers) answer();
  for (const { status } of await Promise.all(asking)) t.equal(status, 200);
  const healthz = { method: 'GET', path: '/healthz', headers: host };
  const status = () =>
    call(port, healthz).then(
      (answer) => answer.status,
      () => undefined,
    );
  t.equal(await until('there is room', status), 200);
});

const CHUNKED =
  'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

t.test('who sends a body in crumbs is cut, whether it is read or only heard out', async (t) => {
  const crumbs = '1\r\nx\r\n'.repeat(3_000);
  const { port } = await peer(t);
  const limited = await peer(t, {}, { burst: 0 });
  for (const each of [port, limited.port]) {
    const [socket] = await connections(t, each, 1, '127.0.0.1');
    let text = '';
    socket?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket?.write(CHUNKED + crumbs);
    await until('it is cut', () => socket?.closed || undefined);
    t.equal(text, '', 'before its deadline');
  }
  const [honest] = await connections(t, port, 1, '127.0.0.1');
  const answer = once(honest as Socket, 'data');
  honest?.write(`${CHUNKED}${`40\r\n${'x'.repeat(64)}\r\n`.repeat(3_000)}0\r\n\r\n`);
  t.match(String((await answer)[0]), /^HTTP\/1\.1 200 /, 'pieces of 64 bytes are none');
});

t.test('bodies that do not end make room, the oldest first', async (t) => {
  const { port, server } = await peer(t, {}, { arrivingMax: 2 * MiB });
  const head = bundleOf('').replace('Length: 0', `Length: ${MiB}`);
  const most = 'x'.repeat(MiB - 1);
  const answers: string[] = [];
  const begin = async (at: number) => {
    const accepted = once(server, 'connection');
    const [socket] = await connections(t, port, 1, '127.0.0.1');
    socket?.on('data', (chunk: Buffer) => {
      answers[at] ??= chunk.toString().slice(9, 12);
    });
    const [own]: Socket[] = await accepted;
    socket?.write(head + most);
    await until('it is there', () => (own?.bytesRead ?? 0) >= MiB || undefined);
    return socket;
  };
  const bodies = [await begin(0), await begin(1), await begin(2)];
  t.equal((await post(port, Uint8Array.of(1))).status, 200, 'a small one needs no room');
  bodies[0]?.write('x');
  for (const at of [1, 2]) bodies[at]?.write('x');
  await until('each is answered', () => (answers[0] && answers[1] && answers[2]) || undefined);
  t.strictSame(answers, ['503', '200', '200']);
});
