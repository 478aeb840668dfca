/**
 * Goal: a peer starts whole or not at all, says in one sentence why not, and leaves nothing behind
 * when it stops.
 * Method: peers in this process, on real folders and ports.
 */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigError, loadConfig } from '../src/config.ts';
import { openssl } from '../src/crypto/index.ts';
import { StoreError, type StoreFailure } from '../src/failures.ts';
import { createPeer, type Peer, type RunningPeer } from '../src/peer.ts';
import { findPresence } from '../src/presence.ts';
import { openStore } from '../src/store/index.ts';
import { freePort } from './support/free-ports.ts';
import { silentLog } from './support/http.ts';
import { PeerProcess, until } from './support/peer-process.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

function folder(t: Test): string {
  const made = temporaryFolder(t);
  return join(made, 'data');
}

/** A peer that says nothing to this test's own terminal. */
function peer(dataFolder: string, flags: readonly string[], words: Record<string, string> = {}) {
  const args = ['--port', '0', '--name', 'alice', '--data-dir', dataFolder, ...flags];
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  const terminal = { print, printMessage: print };
  return createPeer(loadConfig(args, words), { log: silentLog, terminal });
}

async function running(t: Test, made: Peer): Promise<RunningPeer> {
  t.teardown(() => made.stop());
  return await made.start();
}

async function rejectsWith(t: Test, made: Peer, failure: StoreFailure): Promise<void> {
  const cause = await made.start().then(
    () => undefined,
    (error: unknown) => error,
  );
  t.ok(cause instanceof StoreError && cause.failure === failure, `${failure}: ${cause}`);
}

const show = async ({ origin, pageLink }: RunningPeer) => {
  const token = new URL(pageLink).searchParams.get('token');
  const response = await fetch(`${origin}/show`, { headers: { authorization: `Bearer ${token}` } });
  return await response.json();
};

t.test('a peer keeps its key and its contacts, and is found while it runs', async (t) => {
  const data = folder(t);
  const contact = ['--contact', 'bob=http://127.0.0.1:1'];
  const first = peer(data, contact);
  const started = await first.start();
  const { name, origin, fingerprint, pageLink } = started;
  t.equal(name, 'alice');
  t.equal(findPresence(data)?.port, Number(new URL(origin).port));
  t.equal((statSync(data).mode & 0o777).toString(8), '700');
  for (const file of readdirSync(data)) {
    t.equal((statSync(join(data, file)).mode & 0o077).toString(8), '0', file);
  }
  const before = await show(started);
  await first.stop();
  t.equal(findPresence(data), undefined);
  await t.rejects(fetch(`${origin}/healthz`), 'nobody listens any more');

  const again = await running(t, peer(data, contact));
  t.equal(again.fingerprint, fingerprint);
  t.not(again.pageLink.split('token=')[1], pageLink.split('token=')[1], 'a new token each time');
  const after = await show(again);
  t.equal(after.public_key, before.public_key);
  t.match(after.contacts, [{ name: 'bob', address: 'http://127.0.0.1:1', state: 'new' }]);
  t.equal(after.contacts.length, 1);
});

t.test('a port that is taken is told, and the data let go', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const data = folder(t);
  const refused = peer(data, ['--port', `${port}`]).start();
  await t.rejects(refused, ConfigError);
  await t.rejects(peer(data, ['--port', `${port}`]).start(), {
    message: `Port ${port} of 127.0.0.1: another program listens there; choose another with --port.`,
  });
  await t.rejects(peer(data, ['--host', '192.0.2.1']).start(), { message: /no such address/ });
  t.notOk(existsSync(join(data, 'peer.json')));
  const fresh = join(data, 'fresh');
  await t.rejects(peer(fresh, ['--port', `${port}`]).start(), ConfigError);
  t.notOk(existsSync(fresh), 'nothing was made');
  await running(t, peer(data, []));
});

t.test('two peers on one folder, and a wrong passphrase', async (t) => {
  const data = folder(t);
  const right = { SOTTO_PASSPHRASE: 'correct horse' };
  await running(t, peer(data, [], right));
  await rejectsWith(t, peer(data, [], right), 'busy');
  const closed = folder(t);
  const made = peer(closed, [], right);
  await made.start();
  await made.stop();
  await rejectsWith(t, peer(closed, [], { SOTTO_PASSPHRASE: 'wrong' }), 'wrong_key');
  await rejectsWith(t, peer(closed, []), 'wrong_key');
  await running(t, peer(closed, [], right));
});

t.test('a passphrase is wiped once it has opened the data', async (t) => {
  const config = loadConfig(['--port', '0', '--data-dir', folder(t)], { SOTTO_PASSPHRASE: 'abc' });
  const print = () => undefined;
  const terminal = { print, printMessage: print };
  await running(t, createPeer(config, { log: silentLog, terminal }));
  t.strictSame(config.passphrase, new Uint8Array(3));
});

t.test('stopping does not wait for a contact that never answers', async (t) => {
  const { promise: called, resolve: call } = Promise.withResolvers<void>();
  const silent = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => call());
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const made = peer(folder(t), ['--demo', '--contact', `bob=http://127.0.0.1:${port}`]);
  const { origin } = await made.start();
  const asked = fetch(`${origin}/send_keys`, { method: 'POST' });
  await called;
  const [answer] = await Promise.all([asked, made.stop()]);
  t.equal(answer.status, 502, 'who has asked is answered');
});

t.test('an address that other peers cannot use is refused, here and in a request', async (t) => {
  const data = folder(t);
  for (const flags of [
    ['--address', 'http://my_host:5000'],
    ['--host', 'fe80::1%lo'],
  ]) {
    await t.rejects(peer(data, flags).start(), { name: 'ConfigError', message: /--address/ });
  }
  t.notOk(existsSync(data), 'before anything is made');
  const { origin } = await running(t, peer(data, ['--demo']));
  for (const host of ['192.168.1.300', '1.2.3.4.5', '[1:2]']) {
    const answer = await post(origin, '/send_keys', { to: 'bob', address: `http://${host}:5001` });
    t.match(answer, { status: 400, code: 'invalid_address' }, host);
  }
});

const post = async (origin: string, path: string, body: object) => {
  const headers = { 'content-type': 'application/json' };
  const sent = { method: 'POST', headers, body: JSON.stringify(body) };
  return await (await fetch(`${origin}${path}`, sent)).json();
};

/** Alice knows bob's address, and he can stop and come back there. */
async function twoThatMet(t: Test) {
  const [here, there] = [folder(t), folder(t)];
  const bobMade = peer(there, ['--demo', '--name', 'bob', '--port', `${await freePort()}`]);
  const bob = await running(t, bobMade);
  const aliceMade = peer(here, ['--demo', '--contact', `bob=${bob.origin}`]);
  const alice = await running(t, aliceMade);
  await post(alice.origin, '/send_keys', {});
  await post(bob.origin, '/send_keys', { to: 'alice', address: alice.origin });
  return { here, alice: { ...alice, ...aliceMade }, bob: { ...bob, ...bobMade } };
}

t.test('who has compared nothing is refused, and told how to come by a code', async (t) => {
  const here = folder(t);
  const flags = ['--demo', '--trust', 'verified'];
  const bob = await running(t, peer(folder(t), ['--demo', '--name', 'bob']));
  const made = peer(here, [...flags, '--contact', `bob=${bob.origin}`]);
  const { origin } = await running(t, made);
  await post(origin, '/send_keys', {});
  await post(bob.origin, '/send_keys', { to: 'alice', address: origin });
  const early = await post(origin, '/send_msg', { text: 'too early' });
  t.match(early, { status: 409, code: 'not_verified', next: { do: 'compare_first' } });
  await made.stop();
  const anew = await running(t, peer(here, flags));
  const late = await post(anew.origin, '/send_msg', { text: 'no code any more' });
  t.match(late, { code: 'not_verified', next: { do: 'meet', to: 'bob', again: true } });
});

t.test('what was acknowledged is off the queue when a peer has stopped', async (t) => {
  const { here, alice } = await twoThatMet(t);
  t.match(await post(alice.origin, '/send_msg', { text: 'hello', wait: 60 }), { delivered: true });
  await alice.stop();

  const store = await openStored(here);
  t.teardown(() => store.close());
  const counts = store.contacts.all().map(({ id }) => store.outbox.count(id).messages);
  t.strictSame(counts, [0], 'so it is not sent once more');
});

const openStored = (data: string) =>
  openStore({ folder: data, key: 'key file', log: silentLog, crypto: openssl });

const PAGE_SIZE = 8192;

/** Spoils a page of the database that only who asks for waiting pictures reads. */
async function spoilPictures(data: string): Promise<void> {
  const [path, run] = [join(data, 'peer.db'), join(data, 'peer.run')];
  const [whole, number] = [readFileSync(path), readFileSync(run)];
  for (let at = PAGE_SIZE + 1_000; at < whole.length; at += PAGE_SIZE) {
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    const spoil = () => {
      rmSync(`${path}-wal`, { force: true });
      writeFileSync(path, damaged);
      writeFileSync(run, number);
    };
    spoil();
    const hit = await failsAtPictures(data);
    spoil();
    if (hit) return;
  }
  throw new Error('no page holds the waiting pictures');
}

async function failsAtPictures(data: string): Promise<boolean> {
  try {
    const store = await openStored(data);
    try {
      const [contact] = store.contacts.all();
      store.outbox.pending(contact?.id ?? 0, 0n, 10, 2 ** 20);
      return isDamaged(() => store.pictures.queued(contact?.id ?? 0));
    } finally {
      store.close();
    }
  } catch (cause) {
    if (cause instanceof StoreError) return false;
    throw cause;
  }
}

function isDamaged(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (cause) {
    return cause instanceof StoreError && cause.failure === 'damaged';
  }
}

t.test('a start that fails at what it has to send has sent nothing', async (t) => {
  const { here, alice, bob } = await twoThatMet(t);
  await bob.stop();
  await post(alice.origin, '/send_msg', { text: 'hello' });
  await alice.stop();
  await spoilPictures(here);
  let heard = 0;
  const listening = createServer((socket) => {
    heard += 1;
    socket.destroy();
  }).listen(Number(new URL(bob.origin).port), '127.0.0.1');
  t.teardown(() => listening.close());
  await rejectsWith(t, peer(here, ['--demo']), 'damaged');
  const last = connect((listening.address() as AddressInfo).port, '127.0.0.1');
  await once(last, 'close');
  t.equal(heard, 1, 'nobody called before the test itself');
});

t.test('a peer answers under the address it was told to listen on', async (t) => {
  const addresses = Object.values(networkInterfaces()).flat();
  const outward = addresses.find((each) => each?.family === 'IPv4' && !each.internal);
  const host = outward?.address ?? '127.0.0.1';
  const { origin, pageLink } = await running(t, peer(folder(t), ['--host', host]));
  t.equal(new URL(origin).hostname, host);
  const page = await fetch(pageLink, { redirect: 'manual' });
  t.equal(page.status, 303);
});

/** Of each package that a peer loads while it starts: what it needs it for by then. */
const LOADED_AT_START: Readonly<Record<string, string>> = {
  '@koa/router': 'routes',
  koa: 'routes',
  'better-sqlite3-multiple-ciphers': 'the store',
  '@noble/hashes': 'random bytes',
  'content-disposition': 'routes',
  pino: 'the log',
  zod: 'settings',
  cborg: 'the first reading; small',
};

t.test('a start loads what a peer needs, and not what only some need later', async (t) => {
  const made = folder(t);
  const list = `${made}.loaded`;
  const preload = `import { registerHooks } from 'node:module';
    import { appendFileSync } from 'node:fs';
    registerHooks({ load(url, context, next) {
      appendFileSync(${JSON.stringify(list)}, url + '\\n');
      return next(url, context);
    } });`;
  const environment = { ...process.env, NODE_OPTIONS: `--import=${dataUrl(preload)}` };
  const started = new PeerProcess({ name: 'alice', folder: made, environment });
  t.teardown(() => started.stop('SIGKILL'));
  await started.start();
  const urls = readFileSync(list, 'utf8').split('\n');
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const packages = urls.map((url) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? '');
  const ours = [...new Set(packages)].filter((name) => name in dependencies);
  t.strictSame(ours.sort(), Object.keys(LOADED_AT_START).sort());
  const late =
    /src\/(bridge|forward)\/|src\/nearby\.ts|crypto\/noble\.ts|stego\/(worker|coder|message|engine|png)\.ts|@opentelemetry/;
  t.strictSame(
    urls.filter((url) => late.test(url)),
    [],
  );
});

function dataUrl(script: string): string {
  return `data:text/javascript,${encodeURIComponent(script)}`;
}

t.test(
  'the space for new objects keeps the size that it has once a peer has started',
  async (t) => {
    const made = folder(t);
    // Where the peer listens, it makes three million objects of no use, and says how large that space was.
    const churn = `import { getHeapSpaceStatistics } from 'node:v8';
    const size = () => getHeapSpaceStatistics().find((each) => each.space_name === 'new_space').space_size;
    const send = process.send.bind(process);
    process.send = (message, ...rest) => {
      setTimeout(() => {
        const before = size();
        const kept = [];
        for (let at = 0; at < 3e6; at += 1) kept[at % 3e5] = { at, of: [at, at], is: 'x' + at };
        send({ before, after: size() });
      }, 100);
      return send(message, ...rest);
    };`;
    const environment = { ...process.env, NODE_OPTIONS: `--import=${dataUrl(churn)}` };
    const started = new PeerProcess({ name: 'alice', folder: made, environment });
    t.teardown(() => started.stop('SIGKILL'));
    await started.start();
    const sizes = await until('it tells', () => started.told[0]);
    t.match(sizes, { before: Number, after: Number });
    const { before, after } = sizes as { before: number; after: number };
    // V8 fills what it has allowed itself page by page, so the start need not show all of it.
    t.ok(after <= Math.max(before, 32 * 2 ** 20), `${before} and then ${after} bytes`);
  },
);
