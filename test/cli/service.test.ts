/**
 * Goal: a peer is a good service: its unit is sound and shut tight, it tells its manager when it is
 * ready, that it turns and that it stops, and what it accepted while it stopped is not lost.
 * Method: systemd's own checker on the units; a real `sotto up` with a socket that plays the
 * manager; two real peers, one of them stopped while twenty callers send.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { PeerProcess, until } from '../support/peer-process.ts';

const home = temporaryFolder(t);

const lacks = (program: string) => spawnSync(program, ['--version']).error !== undefined;
const LEFT_OUT = 'LEFT OUT for want of systemd: apt-get install systemd';

t.test('the units are sound, and shut tight', async (t) => {
  if (lacks('systemd-analyze')) return t.comment(LEFT_OUT);
  for (const [unit, exposureMax] of [
    ['packaging/sotto.service', 1.5],
    ['packaging/sotto-bridge.service', 2],
  ] as const) {
    const path = join(home, basename(unit));
    const text = readFileSync(unit, 'utf8');
    t.match(text, /^ExecStart=\/usr\/local\/bin\/sotto /m);
    // The checker wants the program to be there, and this is not where it is installed.
    writeFileSync(path, text.replace('/usr/local/bin/sotto', '/bin/true'));
    const verified = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    t.match(verified, { status: 0, stderr: '' }, unit);
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path], {
      encoding: 'utf8',
    });
    const exposure = Number(/Overall exposure level .*: ([\d.]+)/.exec(rated.stdout)?.[1]);
    t.ok(exposure <= exposureMax, `${unit}: exposure ${exposure} of 10`);
    writeFileSync(path, text.replace('[Service]', '[Service]\nProtectHome=perhaps'));
    const spoiled = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    t.match(spoiled.stderr, /protect home value/, 'and the checker does look');
  }
});

/** Node opens no datagram socket of this kind, so another program plays the manager. */
const MANAGER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('open', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

import { temporaryFolder } from '../support/temporary-folder.ts';

t.test('the manager hears that it is ready, that it turns, and that it stops', async (t) => {
  if (lacks('systemd-notify') || lacks('python3')) return t.comment(LEFT_OUT);
  const socket = join(home, 'notify');
  const manager = spawn('python3', ['-c', MANAGER, socket], { stdio: ['ignore', 'pipe', 2] });
  t.teardown(() => manager.kill('SIGKILL'));
  let heard = '';
  manager.stdout?.on('data', (chunk) => {
    heard += chunk;
  });
  const hears = (pattern: RegExp) =>
    until(`the manager hears ${pattern}`, () => (pattern.test(heard) ? true : undefined));
  await hears(/open/);
  const args = ['scripts/sotto.mjs', 'up', '--port', '0', '--data-dir', join(home, 'served')];
  const told = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' };
  const peer: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, ...told },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => peer.kill('SIGKILL'));
  await hears(/READY=1 .*STATUS=Listening at http:\/\/127\.0\.0\.1:\d+/);
  await hears(/(WATCHDOG=1[\s\S]*){3}/);
  peer.kill('SIGSTOP');
  await until('what was on its way has come', async () => {
    const before = heard;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return before === heard ? true : undefined;
  });
  t.notMatch(heard, 'STOPPING', 'a peer that hangs says nothing, which is what a watchdog needs');
  peer.kill('SIGCONT');
  peer.kill('SIGTERM');
  t.strictSame(await once(peer, 'exit'), [0, null]);
  await hears(/STOPPING=1/);
});

t.test('a stop under load loses nothing that was accepted', async (t) => {
  const bob = await new PeerProcess({ name: 'bob', folder: join(home, 'bob') }).start();
  t.teardown(() => bob.stop('SIGKILL'));
  const alice = await new PeerProcess({ name: 'alice', folder: join(home, 'alice') }).start();
  t.teardown(() => alice.stop('SIGKILL'));
  await alice.post('/send_keys', { to: 'bob', address: bob.origin });
  await bob.post('/send_keys', { to: 'alice', address: alice.origin });

  const accepted: string[] = [];
  const other: (number | string)[] = [];
  let stopped = false;
  const caller = async (number: number) => {
    for (let i = 0; !stopped; i += 1) {
      const text = `${number}-${i}`;
      try {
        const { status, json } = await alice.post('/send_msg', { text });
        if (status === 202) accepted.push(text);
        else other.push(json.code);
      } catch (cause) {
        other.push(cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown');
        return;
      }
    }
  };
  const callers = Array.from({ length: 20 }, (_, number) => caller(number));
  await until('it is under load', () => (accepted.length > 200 ? true : undefined));
  t.equal(await alice.stop('SIGTERM'), 0);
  stopped = true;
  await Promise.all(callers);
  t.notMatch(other, 'internal', `${accepted.length} accepted; then ${[...new Set(other)]}`);

  await alice.start();
  const got: string[] = [];
  const headers = { authorization: `Bearer ${bob.token}` };
  await until('all have come', async () => {
    const { json } = await bob.call('POST', '/decrypt_msg', { headers });
    got.push(...json.messages.map(({ text }: { text: string }) => text));
    // What was stored when the connection broke may come besides: its caller heard nothing.
    return json.count === 0 && accepted.every((text) => got.includes(text)) ? true : undefined;
  });
  t.equal(new Set(got).size, got.length, 'each once');
});
