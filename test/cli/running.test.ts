/**
 * Goal: what a command shows of a running peer is what the peer knows, and a command that goes on
 * ends at Ctrl-C as a finished one.
 * Method: the real command in processes of its own, on a real peer whose store was filled before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { unmet } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { silentLog } from '../support/http.ts';
import { PeerProcess, until } from '../support/peer-process.ts';

const home = mkdtempSync(join(tmpdir(), 'sotto-running-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));

const HOUR_MS = 3_600_000;
const newest = new Date(Date.now() - 10_000);

async function fill(folder: string): Promise<void> {
  const store = await openStore({ folder, key: 'key file', log: silentLog, crypto: openssl });
  const { id } = store.contacts.insert(unmet('=attic\u001b', 'http://127.0.0.1:9'));
  const of = (name: string, unit: string, value: number, hours = 0, sure = true) => {
    const at = new Date(newest.getTime() - hours * HOUR_MS);
    return { contact: id, name, unit, value, at, sure };
  };
  store.readings.add([of('temp_bmp', 'Cel', 19, 2), of('temp_bmp', 'Cel', 21, 1.999)]);
  store.readings.add([of('temp_bmp', 'Cel', 25.08), of('humid_sht4', '%RH', 48, 1, false)]);
  store.close();
}

function sotto(folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, ['scripts/sotto.mjs', ...args], {
    env: { ...process.env, SOTTO_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return { child, output };
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close');
  return code;
}

t.test('sensors and inbox on a running peer', async (t) => {
  const folder = join(home, 'pi');
  await fill(folder);
  const peer = await new PeerProcess({ name: 'pi', folder }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const run = async (...args: string[]) => {
    const { child, output } = sotto(folder, args);
    return { code: await ended(child), ...output };
  };

  t.test('the newest of each sensor, a series, a table', async (t) => {
    const plain = await run('sensors');
    t.match(plain, { code: 0, stderr: '' });
    t.match(plain.stdout, `${newest.toISOString()}   =attic\ufffd  temp_bmp  25.08 Cel\n`);
    t.match(plain.stdout, '~  =attic\ufffd  humid_sht4  48 %RH\n', 'a time that is not sure');
    const json = await run('sensors', '--json', '--name', 'temp_bmp');
    const expected = { device: '=attic\u001b', name: 'temp_bmp', unit: 'Cel', mean: 25.08 };
    t.match(JSON.parse(json.stdout), { ...expected, at: newest.toISOString(), sure: true });
    const from = new Date(newest.getTime() - 3 * HOUR_MS).toISOString();
    const series = await run('sensors', '--from', from, '--every', '3600', '--name', 'temp_bmp');
    t.equal(series.stdout.trim().split('\n').length, 2);
    t.match(series.stdout, /20 Cel {2}19 … 21 of 2\n/);
    const csv = await run('sensors', '--csv');
    t.match(csv.stdout, /^device,name,unit,at,count,min,mean,max,sure\r\n/);
    t.match(csv.stdout, "'=attic", 'a spreadsheet takes no formula from a device');
    t.match(await run('sensors', '--csv', '--json'), { code: 2, stderr: /Either/ });
    t.match(await run('sensors', '--follow', '--from', from), { code: 2, stdout: '' });
    t.match(await run('sensors', '--limit', 'all'), { code: 4, stderr: /\(invalid_request\)/ });
  });

  t.test('what goes on ends at Ctrl-C as asked', async (t) => {
    for (const command of ['sensors', 'inbox']) {
      const { child, output } = sotto(folder, [command, '--follow']);
      t.teardown(() => child.kill('SIGKILL'));
      await until('it says so', () => (/until Ctrl-C/.test(output.stderr) ? true : undefined));
      child.kill('SIGINT');
      t.equal(await ended(child), 0, command);
    }
  });

  t.test('a reader that has had enough is no mistake', async (t) => {
    const { child, output } = sotto(folder, ['sensors', '--csv']);
    child.stdout.destroy();
    t.equal(await ended(child), 0);
    t.equal(output.stderr, '');
  });
});

t.test('the log has levels, and only those that were asked for', async (t) => {
  const peer = await new PeerProcess({ name: 'loud', folder: join(home, 'loud') }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const lines = () =>
    peer.log.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const listening = { level: 'info', time: String, msg: 'listening', origin: peer.origin };
  t.match(
    lines().find(({ msg }) => msg === 'listening'),
    listening,
  );
  t.strictSame([...new Set(lines().map(({ level }) => level))].sort(), ['info', 'warn']);
  await peer.stop();
  const flags = ['--log-level', 'debug'];
  const loud = await new PeerProcess({ name: 'loud', folder: join(home, 'loud'), flags }).start();
  t.teardown(() => loud.stop('SIGKILL'));
  await loud.call('GET', '/send_msg?text=hush&to=nobody');
  const told = await until('the request is logged', () =>
    loud.log.find((line) => /send_msg.*"msg":"request"/.test(line)),
  );
  t.match(JSON.parse(told), { level: 'debug', method: 'GET', route: '/send_msg', status: 404 });
  t.notMatch(loud.log.join('\n'), 'hush');
  const quiet = { flags: ['--log-level', 'error'], folder: join(home, 'loud') };
  await loud.stop();
  const silent = await new PeerProcess({ name: 'loud', ...quiet }).start();
  t.teardown(() => silent.stop('SIGKILL'));
  t.strictSame(
    silent.log.filter((line) => line.startsWith('{')),
    [],
  );
});
