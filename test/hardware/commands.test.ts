/**
 * Goal: `npm start -- --serial` walks as with two peers, the device being bob; `sotto bridge` alone
 * offers devices to any peer around, tells a bad line from wrong keys, and outlives a line that
 * babbles, and devices that come later than it.
 * Method: the real commands and the real firmware as processes, on ptys.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import t, { type Test } from 'tap';
import { reach } from '../../src/bridge/reach.ts';
import { freePorts } from '../support/free-ports.ts';
import type { HostDevice } from './host-device.ts';
import { begin, lineOf, pairAt, play, post, power, until } from './scene.ts';

interface Command {
  readonly process: ChildProcess;
  readonly shown: { text: string };
  readonly ended: Promise<number | null>;
}

function run(t: Test, ...args: readonly string[]): Command {
  const [program = '', ...rest] = args;
  const child = spawn(program, rest);
  const shown = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      shown.text += chunk.toString();
    });
  }
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { process: child, shown, ended };
}

const shows = (command: Command, pattern: RegExp) =>
  until(`${pattern}; it shows ${command.shown.text.slice(-2000)}`, () =>
    pattern.test(command.shown.text),
  );

async function text(url: string, accept = '*/*'): Promise<string> {
  return await (await fetch(url, { headers: { accept } })).text();
}

/** Runs the lines that were shown, as a person does: the last when there is something to open. */
async function paste(lines: readonly (string | undefined)[], device: HostDevice) {
  const answers: unknown[] = [];
  for (const line of lines) {
    const body = /-d '(.*)'/.exec(`${line}`)?.[1] ?? null;
    const url = /http:\S+/.exec(`${line}`)?.[0] ?? '';
    if (url.endsWith('/decrypt_msg')) await device.until(/^a message waits/);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await fetch(url, { method: 'POST', body, headers });
    answers.push([answer.status, await answer.json()]);
  }
  return answers;
}

play('npm start -- --serial: the device is bob, and the walk is the same', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--clock');
  const first = await freePorts(2);
  const serial = await lineOf(device);
  const flags = ['--ports', `${first},${first + 1}`, '--data-dir', `${scene.folder}/walk`];
  const start = run(
    t,
    process.execPath,
    'scripts/run.mjs',
    'run-two-peers.ts',
    '--serial',
    serial,
    ...flags,
  );
  await shows(start, /Ctrl-C stops both/);
  await shows(start, /bob {3}│ device: sotto-device/);
  const lines = [...start.shown.text.matchAll(/^ {2}\d\. curl (.*)$/gm)].map(([, line]) => line);
  t.equal(lines.length, 4);

  const early = await fetch(`http://127.0.0.1:${first}/send_keys`, { method: 'POST' });
  t.equal(early.status, 502, 'without a code nobody meets over a bridge');
  t.match(await early.json(), { detail: /pair by a code/ });
  start.process.stdin?.write('no such code\n');
  await shows(start, /a code has 30 characters/);

  device.type('pair');
  const [, code = ''] = await device.until(/^pairing code: (\S+) /);
  start.process.stdin?.write(`${code}\n`);
  await shows(start, /Paired: /);
  await device.until(/^paired with alice, verified/);

  const answers = await paste(lines, device);
  t.match(answers, [
    [200, { to: 'bob', state: 'established', verified: true }],
    [200, { state: 'waiting' }],
    [202, { to: 'bob', trust: 'verified' }],
    [200, { count: 1 }],
  ]);
  await device.until(/^hello bob$/);
  t.notMatch(
    start.shown.text.replaceAll(/curl .*/g, ''),
    'hello bob',
    "on the device's console only",
  );

  const typed = await post(`http://127.0.0.1:${first + 1}`, '/send_msg', { text: 'to alice' });
  t.match(typed.body, { queued: 'reading', detail: /typed at its own console/ });
  await until('a reading is there', async () => {
    return /"temp_bmp":25/.test(await text(`http://127.0.0.1:${first}/sensor`));
  });
  start.process.kill('SIGINT');
  t.equal(await start.ended, 0, 'Ctrl-C ends it cleanly');
});

play('sotto bridge: several devices, each at its port, for any peer around', async (t) => {
  const scene = await begin(t);
  const first = await freePorts(2);
  const folders = ['one', 'two'].map((name) => ({ ...scene, folder: `${scene.folder}/${name}` }));
  const lines = folders.map(({ folder }) => `${folder}.tty`);
  const serials = lines.flatMap((line) => ['--serial', line]);
  const command = run(
    t,
    process.execPath,
    'scripts/sotto.mjs',
    'bridge',
    ...serials,
    '--port',
    `${first}`,
  );
  await shows(command, /waiting for .*one\.tty: it is not there; `sotto doctor --serial`/);
  await shows(command, new RegExp(`is offered at http://127\\.0\\.0\\.1:${first}\\b`));
  t.equal((await fetch(`http://127.0.0.1:${first}/show`)).status, 503, 'before the device');
  const headers = { 'content-type': 'application/octet-stream' };
  const carry = async (body: Uint8Array<ArrayBuffer>) =>
    (await fetch(`http://127.0.0.1:${first}/packets`, { method: 'POST', headers, body })).status;
  t.equal(await carry(Uint8Array.of(0, 1, 11)), 503, 'which a packet waits for as well');
  t.equal(await carry(new Uint8Array(2 ** 20 + 1)), 413);
  for (const [index, each] of folders.entries()) {
    mkdirSync(each.folder);
    const device = power(t, each, '--pty', '--clock', '--every', '200');
    symlinkSync(await lineOf(device), `${lines[index]}`);
    await shows(command, new RegExp(`${lines[index]}: device: sotto-device`));
    await pairAt(scene, device, `http://127.0.0.1:${first + index}`, `esp-${index}`);
  }
  await until('both have told something', async () => {
    const { devices } = JSON.parse(await text(`${scene.origin}/sensor`)) as {
      readonly devices: readonly object[];
    };
    return devices.length === 2;
  });
  const metrics = await whole(`http://127.0.0.1:${first}/metrics`);
  t.match(metrics, /^sotto_line_up\{line=".*one\.tty"\} 1$/m);
  t.match(metrics, /^sotto_line_noise_total\{line=".*",side="bridge",kind="crc"\} 0$/m);
  t.match(metrics, /^sotto_line_noise_total\{line=".*",side="device",kind="crc"\} 0$/m);
  t.match(metrics, /^sotto_device_refused_packets_total\{.*,reason="unauthenticated"\} 0$/m);

  // Somebody without the key: a packet of the right form, for a session that is not there.
  const forged = Uint8Array.from([0, 48, 10, 0, 0, 0, ...new Uint8Array(44).fill(7)]);
  const url = `http://127.0.0.1:${first}`;
  await fetch(`${url}/packets`, { method: 'POST', headers, body: forged });
  const shown = JSON.parse(await text(`${url}/show`));
  t.match(shown, {
    refused: { unknown_session: 1 },
    bridge: { up: true, line: { noise: { crc: 0 } } },
  });
  const twice = await Promise.all([whole(`${url}/metrics`), whole(`${url}/metrics`)]);
  for (const each of twice) t.match(each, /reason="unknown_session"\} 1$/m);
  t.equal((await fetch(`${url}/nothing`)).status, 404);
});

/** With what the device tells of itself, which a bridge leaves out of an answer that is in a hurry. */
async function whole(metrics: string): Promise<string> {
  let told = '';
  await until('the device is in it', async () => {
    told = await text(metrics);
    return told.includes('side="device"');
  });
  return told;
}

/** In KiB, as the kernel counts. */
function residentSize({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

t.test('a line that babbles gets neither memory nor time nor the terminal', async (t) => {
  const python = await once(spawn('python3', ['--version']), 'exit').catch(() => [1]);
  if (python[0] !== 0) return t.comment('LEFT OUT for want of python3: apt-get install python3');
  for (const kind of ['noise', 'text', 'frames']) {
    const babbler = run(t, 'python3', 'test/hardware/babble.py', kind, '2');
    await shows(babbler, /^\/dev\/\S+\n/);
    const serial = babbler.shown.text.trim();
    const port = await freePorts(1);
    const flags = ['--serial', serial, '--port', `${port}`];
    const command = run(t, process.execPath, 'scripts/sotto.mjs', 'bridge', ...flags);
    await shows(command, /is offered at/);
    const before = residentSize(command.process);
    babbler.process.stdin?.write('\n');
    await shows(babbler, /^\d+ \d+\.\d+$/m);
    const [, written = '', seconds = ''] = /^(\d+) (\d+\.\d+)$/m.exec(babbler.shown.text) ?? [];
    // 16 times 115,200 baud and what the kernel holds; twice that, for windows and a busy machine.
    // A line without the limit brings a hundred times more.
    const most = 2 * 16 * 11_520 * Number(seconds) + 65_536;
    t.ok(Number(written) < most, `${kind}: ${written} bytes were read in ${seconds} s, not more`);
    t.ok(Number(written) > 50_000, `${kind}: which was plenty`);
    const { status } = await fetch(`http://127.0.0.1:${port}/healthz`);
    t.equal(status, 200, `${kind}: the bridge answers meanwhile`);
    const grown = residentSize(command.process) - before;
    t.ok(grown < 50_000, `${kind}: ${grown} KiB more`);
    t.ok(
      command.shown.text.length < 150_000,
      `${kind}: it told ${command.shown.text.length} bytes`,
    );
    t.notMatch(command.shown.text, '\u001b', `${kind}: and nothing that moves a cursor`);
  }
});

t.test('a device reaches who is near, or those that are named; nobody else', async (t) => {
  const peers = ['http://pi.example:5000', 'http://127.0.0.1:5000'];
  t.equal(await reach('', peers), peers[0], 'an empty address means the first');
  t.equal(await reach('http://127.0.0.1:5000', peers), 'http://127.0.0.1:5000');
  await t.rejects(reach('http://127.0.0.1:6000', peers), /--peer http:\/\/127\.0\.0\.1:6000 would/);
  for (const host of ['127.0.0.1', 'localhost', '10.1.2.3', '192.168.1.7', '[::1]', '[fd00::1]']) {
    t.equal(await reach(`http://${host}:5000`, []), `http://${host}:5000`);
  }
  const far = ['http://8.8.8.8:80', 'http://172.32.0.1:80', 'http://[2001:db8::1]:80', ''];
  const odd = ['http://me@127.0.0.1:80', 'http://127.0.0.1', 'https://127.0.0.1:80', 'file:///x:1'];
  for (const address of [...far, ...odd, 'http://127.0.0.1:80/x', 'http://127.0.0.1:99999']) {
    await t.rejects(reach(address, []), /--peer/, address);
  }
});
