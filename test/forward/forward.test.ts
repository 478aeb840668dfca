/**
 * Goal: every reading that a peer has acknowledged is in PostgreSQL exactly once, whoever of both
 * is killed when; and what stands in the way is said in words, without ending the peer.
 * Method: a real server of Debian's package, real peers, devices with real packets; SIGKILL at the
 * peer and at the server while readings come. What the devices were acknowledged is a ledger
 * outside of both. Without the package only what needs no server is tested, and that is said.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { PostgresPlace } from '../../src/forward/postgres.ts';
import { SCHEMA } from '../../src/forward/postgres-schema.ts';
import { unmet } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { NOW, options } from '../store/support.ts';
import { rounds } from '../support/counts.ts';
import { FleetDevice, SENSORS } from '../support/fleet-device.ts';
import { freePort } from '../support/free-ports.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { AUTHORITY, findPostgres, PostgresServer } from '../support/postgres-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = 2;
const KILLS = rounds({ reduced: 2, full: 40 });
const OWNER = 'clinic';
const GUEST = 'guest';
const WORDS = { [OWNER]: 'ownerword-xyz', [GUEST]: 'guestword-xyz' };

const programs = findPostgres();
if (programs === undefined)
  t.comment('LEFT OUT for want of postgresql: apt-get install postgresql');
else t.test('with a real server', (t) => withServer(t, programs));

t.test('docs/SCALE.md shows the tables that are made', async (t) => {
  const words = (text: string) => text.replace(/\s+/g, ' ').trim();
  const made = SCHEMA.slice(SCHEMA.indexOf('create'), SCHEMA.lastIndexOf(';') + 1);
  t.ok(words(readFileSync('docs/SCALE.md', 'utf8')).includes(words(made)));
});

t.test('a server may answer anything: its connection ends, and not the peer', async (t) => {
  const message = (type: string, body: readonly number[]) =>
    Buffer.from([type.charCodeAt(0), 0, 0, 0, 4 + body.length, ...body]);
  const welcome = Buffer.concat([message('R', [0, 0, 0, 0]), message('Z', [0x49])]);
  const answers: readonly Buffer[] = [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    // GSSAPI, as a server asks for it that knows no passwords.
    message('R', [0, 0, 0, 7]),
    message('R', [0, 0, 0, 11]),
    Buffer.concat([welcome, message('T', [0xff, 0xff])]),
    Buffer.concat([welcome, message('T', [0, 1]), message('D', [0, 9])]),
    Buffer.concat([welcome, message('G', [0, 0, 0])]),
    Buffer.concat([welcome, Buffer.of(0x44, 0, 0, 0, 0, 1, 2, 3)]),
    // The library would look for its end until the process is killed.
    message('E', [0x53, 0x41]),
  ];
  const left = [...answers];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(left.shift() ?? ''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const place = new PostgresPlace(`postgres://u:p@127.0.0.1:${port}/d?sslmode=disable`, 'pi');
  for (const answer of answers) {
    await t.rejects(place.deliver([]), { name: 'ForwardError' }, answer.toString('latin1'));
  }
});

t.test('the queue keeps what comes for who is named, and nothing for who is not', async (t) => {
  const folder = temporaryFolder(t);
  let store = await openStore(options(folder));
  t.teardown(() => store.close());
  const { id: contact } = store.contacts.insert(unmet('attic', 'http://127.0.0.1:9'));
  const add = (...values: number[]) =>
    store.readings.add(
      values.map((value) => ({ contact, name: 'a', unit: 'm', at: NOW, sure: true, value })),
    );
  const take = (target: string, limit = 10) => {
    const batch = store.forwards.next(target, limit);
    return { done: batch?.done, values: batch?.readings.map(({ n, value }) => [n, value]) };
  };
  add(1, 2, 3);
  store.forwards.nameTargets(['one']);
  add(4);
  t.strictSame(take('one').values, [[3, 4]], 'what is new comes first');
  t.strictSame(take('one').values, [[3, 4]], 'and again until it is done');
  take('one').done?.();
  t.strictSame(
    take('one', 2).values,
    [
      [0, 1],
      [1, 2],
    ],
    'then what was there',
  );
  take('one', 2).done?.();
  store.close();
  store = await openStore(options(folder));
  store.forwards.nameTargets(['one', 'two']);
  t.strictSame(
    take('one').values,
    [
      [2, 3],
      [3, 4],
    ],
    'a restart goes on where it was',
  );
  take('one').done?.();
  t.equal(take('one').values, undefined);
  add(5);
  take('one').done?.();
  t.equal(store.forwards.waiting('one'), 0);
  t.equal(store.forwards.waiting('two'), 1, 'each has a place of its own');
  store.contacts.remove(contact);
  t.match(store.forwards.next('two', 1)?.readings, [
    { device: { name: 'attic', id: /^[0-9a-f]{32}$/ } },
  ]);
  while (store.prune({ readings: new Date(NOW.getTime() + 1) }) > 0);
  t.strictSame(take('two').values, [], 'what was forgotten meanwhile is passed over');
  take('two').done?.();
  t.equal(take('two').values, undefined);
  store.forwards.nameTargets([]);
  t.equal(store.forwards.next('one', 1), undefined);
});

async function withServer(t: Test, programs: string): Promise<void> {
  const server = await PostgresServer.create(programs);
  t.teardown(() => server.remove());
  await server.query(`create role ${OWNER} login password '${WORDS[OWNER]}'`);
  await server.query(`create role ${GUEST} login password '${WORDS[GUEST]}'`);
  await server.query(`create database readings owner ${OWNER}`);
  server.allow(WORDS);
  await t.test('exactly once, through kills of both', (t) => throughKills(t, server));
  await t.test('two places, and one that comes later', (t) => anotherPlace(t, server));
  await t.test('what stands in the way is said', (t) => obstacles(t, server));
}

async function peerAt(
  t: Test,
  server: PostgresServer,
  addresses: readonly string[],
): Promise<PeerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-forward-'));
  const forward = addresses.flatMap((address) => ['--forward', address]);
  const flags = ['--port', `${await freePort()}`, ...forward];
  const environment = { ...process.env, PGPASSFILE: server.passwordFile };
  const peer = new PeerProcess({ name: 'pi', folder, flags, environment });
  t.teardown(async () => {
    await peer.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return peer;
}

const addressOf = ({ port }: PostgresServer, database = 'readings', user = OWNER) =>
  `postgres://${user}@127.0.0.1:${port}/${database}`;

interface Row {
  readonly device: string;
  readonly name: string;
  readonly value: number;
}

/** Of one database, oldest first. */
const rowsOf = (server: PostgresServer, database = 'readings') =>
  server.query<Row>('select device, name, value from sotto_readings order by value', database);

const countOf = async (server: PostgresServer, database = 'readings') => {
  const sql = 'select count(*)::integer as count from sotto_reading';
  const rows = await server.query<{ count: number }>(sql, database).catch(() => []);
  return rows[0]?.count ?? 0;
};

/** A peer starts elsewhere each time; a device keeps its session, or finds that it is gone. */
class Device {
  readonly #fleet: FleetDevice;
  acknowledged = 0;

  constructor(fleet: FleetDevice) {
    this.#fleet = fleet;
  }

  /** The value is which of its readings it is: after a failure the same again. */
  async report(): Promise<void> {
    await this.#fleet.report(this.acknowledged + 1);
    this.acknowledged += 1;
  }
}

async function pairedDevice(peer: PeerProcess, number: number): Promise<Device> {
  const fleet = new FleetDevice(number, peer.origin);
  const headers = { authorization: `Bearer ${peer.token}` };
  const { text } = await peer.call('POST', '/pair', { headers });
  await fleet.pair((JSON.parse(text) as { code: string }).code);
  return new Device(fleet);
}

async function reportUntil(device: Device, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await device.report().catch(() => sleep(20));
}

/** Held against the ledger: which values are missing, and which are there twice. */
function audit(t: Test, rows: readonly Row[], devices: readonly Device[]): void {
  for (const [number, { acknowledged }] of devices.entries()) {
    for (const [name] of SENSORS) {
      const own = rows.filter((row) => row.device === `device-${number}` && row.name === name);
      const values = own.map(({ value }) => value);
      const due = Array.from({ length: acknowledged }, (_, index) => index + 1);
      t.strictSame(values, due, `device-${number} ${name}: ${due.length} readings, each once`);
    }
  }
}

async function throughKills(t: Test, server: PostgresServer): Promise<void> {
  const address = addressOf(server);
  const peer = await peerAt(t, server, [address]);
  await peer.start();
  const devices: Device[] = [];
  for (let number = 0; number < DEVICES; number += 1) {
    devices.push(await pairedDevice(peer, number));
  }
  const ending = new AbortController();
  const reporting = devices.map((device) => reportUntil(device, ending.signal));
  for (let kill = 0; kill < KILLS; kill += 1) {
    const before = await countOf(server);
    await until('readings arrive', async () => (await countOf(server)) > before || undefined);
    await sleep(Math.random() * 300);
    if (kill % 2 === 0) {
      await peer.restart(['--forward', address], 'SIGKILL');
    } else {
      await server.stop('SIGKILL');
      await sleep(300);
      await server.start();
    }
  }
  ending.abort();
  await Promise.all(reporting);
  // The last one may have been cut off: repeated, it is acknowledged or was there already.
  for (const device of devices) await device.report();
  const due = SENSORS.length * devices.reduce((sum, each) => sum + each.acknowledged, 0);
  await until(`${due} readings are there`, async () => (await countOf(server)) >= due || undefined);
  audit(t, await rowsOf(server), devices);
  // The peer hears of it after the server has it, and only then is a reading off its queue.
  const text = await until('the peer knows that nothing waits', async () => {
    const { text } = await peer.call('GET', '/metrics');
    return /^sotto_forward_waiting 0$/m.test(text) ? text : undefined;
  });
  t.match(text, /^sotto_forwarded_total [1-9]/m);
}

async function anotherPlace(t: Test, server: PostgresServer): Promise<void> {
  await server.query(`create database later owner ${OWNER}`);
  const secure = `sslmode=verify-full&sslrootcert=${AUTHORITY}`;
  const [one, socket] = [
    `${addressOf(server)}?${secure}`,
    `socket:${server.port}/later?host=${server.folder}`,
  ];
  const other = `postgres://${OWNER}@${socket}`;
  await server.query('truncate sotto_reading, sotto_sensor', 'readings');
  const peer = await peerAt(t, server, [one]);
  await peer.start();
  const device = await pairedDevice(peer, 0);
  for (let count = 0; count < 5; count += 1) await device.report();
  await until('all are in one', async () => (await countOf(server)) === 15 || undefined);
  // Not named, the first is forgotten; named again, it is offered everything once more.
  await peer.restart(['--forward', other]);
  await device.report();
  await until(
    'all are in the other',
    async () => (await countOf(server, 'later')) === 18 || undefined,
  );
  t.equal(await countOf(server), 15);
  await peer.restart(['--forward', one, '--forward', other]);
  await until('the first has all too', async () => (await countOf(server)) >= 18 || undefined);
  await until('and was offered all', async () => {
    const { text } = await peer.call('GET', '/metrics');
    const forwarded = Number(/^sotto_forwarded_total (\d+)$/m.exec(text)?.[1]);
    return forwarded >= 18 || undefined;
  });
  audit(t, await rowsOf(server, 'later'), [device]);
  audit(t, await rowsOf(server), [device]);
}

async function obstacles(t: Test, server: PostgresServer): Promise<void> {
  const folder = server.folder;
  const cases: readonly (readonly [string, RegExp])[] = [
    [addressOf(server, 'readings', 'nobody'), /refuses the password of nobody.*PGPASSFILE/],
    [addressOf(server, 'nowhere'), /no database nowhere.*createdb nowhere/],
    [addressOf(server, 'later', GUEST), /no rights for guest.*SCALE\.md/],
    [`postgres://${OWNER}@127.0.0.1:1/readings`, /127\.0\.0\.1:1 does not answer.*wait here/],
    [`postgres://${OWNER}@[::1]:1/readings?sslmode=verify-full`, /does not answer|be reached/],
    [`${addressOf(server)}?sslmode=verify-full`, /certificate .*sslrootcert/],
    [`${addressOf(server)}?sslrootcert=${folder}/none.pem`, /none\.pem cannot be read/],
    [`postgres://${OWNER}@socket/readings?host=${folder}/none`, /none has no socket there/],
    [`postgres://unasked@socket:${server.port}/readings?host=${folder}`, /asks for a password/],
  ];
  server.allow({ ...WORDS, nobody: 'not-it-xyz' });
  const peer = await peerAt(
    t,
    server,
    cases.map(([address]) => address),
  );
  await peer.start();
  for (const [address, expected] of cases) {
    const line = await until(`${address} is reported`, () =>
      peer.log.find((each) => each.includes('not_forwarded') && each.includes(`"${address}"`)),
    );
    t.match((JSON.parse(line) as { reason: string }).reason, expected);
  }
  t.notMatch(peer.log.join('\n'), /word-xyz|not-it-xyz/, 'no password in the log');
  await (await pairedDevice(peer, 0)).report();
  t.equal(await peer.stop(), 0, 'and it stops as it should');
}
