/**
 * Goal: the firmware's C core passes its own tests, and the vectors it shares with this side; what
 * it asks of a peer it gets.
 * Method: build and run hardware/esp32-peer/test under the address and undefined behaviour
 * sanitizers; then the same as a process, beside a real peer. A machine without a C compiler or Mbed TLS is told what was left out.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openPort } from '../../src/link/index.ts';
import { decodePng, reveal } from '../../src/stego/coder.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { firmwareMissing, HARDWARE, HostDevice, make } from './host-device.ts';
import { begin, bridged, lineOf, pair, play, post, power, type Scene, until } from './scene.ts';

function tokenOf({ folder }: Scene) {
  const token = readFileSync(join(folder, 'pi/token'), 'utf8').trim();
  return { authorization: `Bearer ${token}` };
}

t.test('the firmware core, on this computer', async (t) => {
  const missing = await firmwareMissing();
  if (missing !== undefined) {
    t.comment(missing);
    return;
  }
  for (const line of (await make('test', 'check')).trim().split('\n')) t.match(line, /: ok/, line);
  // RFC 7748 §5.2; a thousand of them are in `make check`.
  const iterations = rounds({ reduced: 1_000, full: 1_000_000 });
  if (iterations === 1_000) return;
  const ladder = join(HARDWARE, 'test/build/test_x25519');
  t.match(execFileSync(ladder, [String(iterations)]).toString(), /: ok/);
});

play('no step of the ladder depends on a secret', async (t) => {
  if (!existsSync('/usr/bin/clang')) {
    t.comment('LEFT OUT for want of clang: apt-get install clang libclang-rt-14-dev');
    return;
  }
  await make('test', 'build/constant_time');
  const program = join(HARDWARE, 'test/build/constant_time');
  t.match(execFileSync(program).toString(), /: ok/);
  t.throws(() => execFileSync(program, ['break'], { stdio: 'pipe' }), 'and one that does is found');
});

play('what C has hidden in a picture, TypeScript finds, and gives the cover back', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'phantom.png');
  await make('test', 'build/test_picture');
  execFileSync(join(HARDWARE, 'test/build/test_picture'), [file]);
  const key = new Uint8Array(32);
  key.set([1, 2, 3]);
  const png = new Uint8Array(readFileSync(file));
  const { payload, psnr_dB, width, height } = await reveal(png, key);
  t.equal(Buffer.from(payload).toString(), 'a letter from C');
  t.strictSame([width, height], [160, 120]);
  t.ok(psnr_dB > 60, `${psnr_dB} dB: the cover is the phantom that was drawn`);
  await t.rejects(reveal(png, new Uint8Array(32)), /no message|message/);
});

play('a device without a clock of its own is told the time by its peer', async (t) => {
  const scene = await begin(t);
  const device = new HostDevice('--data', `${scene.folder}/device`, '--name', 'esp', '--pty');
  t.teardown(() => device.kill());
  const { bridge } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  await device.until(/^the clock was set$/);
  const sensor = async () => (await fetch(`${scene.origin}/sensor`)).json();
  await until('it has told of it', async () => {
    await post(bridge.origin, '/send_msg', {});
    const { last_synchronisation, devices } = (await sensor()) as {
      readonly last_synchronisation?: string | null;
      readonly devices: readonly { readonly time_is_sure: boolean }[];
    };
    return typeof last_synchronisation === 'string' && devices[0]?.time_is_sure === true;
  });
  const { current_time } = (await sensor()) as { readonly current_time: string };
  t.ok(Math.abs(Date.now() - Date.parse(current_time)) < 30_000, current_time);
});

play('the line works as on systems without stty too', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--every', '200');
  const line = await lineOf(device);
  const { bridge, seen } = await bridged(t, line, [scene.origin], openPort);
  await pair(scene, device, bridge);
  await until('readings have come', async () => {
    const answer = await fetch(`${scene.origin}/sensor?from=0&name=temp_bmp`);
    return ((await answer.json()) as readonly unknown[]).length >= 5;
  });
  const text = 'word '.repeat(500);
  t.equal((await post(scene.origin, '/send_msg', { to: 'esp', text })).status, 202);
  await device.until(/^a message waits/);
  await device.kill();
  await until('the bridge knows it', () => seen.includes('the device is gone'));
  await until('and looks for it', () =>
    seen.some((told) => told.startsWith(`waiting for ${line}`)),
  );
  const none = await bridged(t, '/dev/none', [], openPort);
  await until('a line that is not there is told', () =>
    none.seen.some((told) => told.includes('/dev/none')),
  );
});

play('without stty a line that is hung up between two reads is missed too', async (t) => {
  const device = power(t, await begin(t), '--pty');
  const line = await lineOf(device);
  let killed: Promise<void> | undefined;
  let isGone = false;
  const port = await openPort(line, 115_200, {
    onBytes: () => {
      // The next read finds the line hung up already, and no event tells it.
      killed ??= device.kill();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    },
    onGone: () => {
      isGone = true;
    },
  });
  t.teardown(() => port.close());
  await until('the port knows it', () => isGone);
  await killed;
});

/** Serves an image, and what is nearly one. */
async function imageServer(t: Test, image: Uint8Array): Promise<string> {
  const server = createHttpServer((request, response) => {
    if (request.url === '/whole.bin') response.end(image);
    if (request.url === '/moved.bin') response.writeHead(302, { location: '/whole.bin' }).end();
    if (request.url === '/chunked.bin') {
      response.flushHeaders();
      response.end(image);
    }
    const wrong = { '/cut.bin': image.length + 1, '/large.bin': 0x1c0001 }[request.url ?? ''];
    if (wrong === undefined) return;
    response.writeHead(200, { 'content-length': wrong }).write(image);
    response.write(image.subarray(0, 0), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

play(
  'an update is kept if it is what a person named, and whole; else nothing changes',
  async (t) => {
    const folder = temporaryFolder(t);
    const device = new HostDevice('--data', folder, '--network');
    t.teardown(() => device.kill());
    const image = new Uint8Array(300_000).map((_, at) => (at * at) >> 3);
    const origin = await imageServer(t, image);
    const sha256 = createHash('sha256').update(image).digest('hex');
    const other = createHash('sha256').update('another').digest('hex');
    const fails = ['cut.bin', 'large.bin', 'moved.bin', 'chunked.bin', 'none.bin\u0001'];
    for (const [path, hash] of [['whole.bin', other], ...fails.map((name) => [name, sha256])]) {
      device.type(`update ${origin}/${path} ${hash}`);
      await device.until(/^update: out of reach, or not that image: nothing has changed$/);
      t.notOk(existsSync(join(folder, 'next.bin')), `${path}, ${hash === sha256}`);
    }
    for (const line of ['update', `update ${origin}/whole.bin`, `update ${origin} ${sha256}0`]) {
      device.type(line);
      await device.until(/^update http:\/\/HOST:PORT\/PATH SHA256$/);
    }
    device.type(`update ${origin}/whole.bin ${sha256.toUpperCase()}`);
    await device.until(/^update: kept$/);
    t.same(readFileSync(join(folder, 'next.bin')), Buffer.from(image));
    // As `python3 -m http.server` answers, by name and in two pieces.
    rmSync(join(folder, 'next.bin'));
    const old = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(`HTTP/1.0 200 OK\r\ncontent-LENGTH:  ${image.length}\r\n`);
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from('\r\n'), image])));
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    t.teardown(() => old.close());
    device.type(`update http://localhost:${(old.address() as AddressInfo).port} ${sha256}`);
    await device.until(/^update: kept$/);
    t.same(readFileSync(join(folder, 'next.bin')), Buffer.from(image));
  },
);

play('a long text reaches the device in parts, and its console whole', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty');
  const { bridge, seen } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  const text = Array.from({ length: 300 }, (_, i) => `word ${i}`).join(' ');
  t.ok(text.length > 2_500 && text.length < 4_000, `${text.length} bytes`);
  t.equal((await post(scene.origin, '/send_msg', { to: 'esp', text })).status, 202);
  await device.until(/^a message waits/);
  device.type('decrypt_msg');
  await device.until(/^pi$/);
  let shown = '';
  while (shown.length < text.length) shown += (await device.until(/^word|^.*word.*$/)).input;
  t.equal(shown, text);
  await device.until(/^1 opened$/);
  // A letter, carried by hand to wherever the device can be reached.
  const headers = { ...tokenOf(scene), 'content-type': 'application/json' };
  const body = JSON.stringify({ to: 'esp', text: 'by pigeon', carrier: 'file' });
  const letter = await (
    await fetch(`${scene.origin}/send_msg`, { method: 'POST', headers, body })
  ).bytes();
  for (const times of [1, 2]) {
    const carried = await fetch(`${bridge.origin}/packets`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: letter,
    });
    t.equal(carried.status, 200, `carried ${times} times`);
  }
  await device.until(/^a message waits/);
  await until('its sender knows', async () => {
    const messages = await fetch(`${scene.origin}/messages`, { headers: tokenOf(scene) });
    return /"carrier":"file"[^}]*"state":"delivered"|"state":"delivered"[^}]*"carrier":"file"/.test(
      await messages.text(),
    );
  });
  device.type('decrypt_msg');
  await device.until(/^by pigeon$/);
  await device.until(/^1 opened$/);
  t.equal(seen.join('\n').includes('pigeon'), false, 'the bridge saw none of it');
});

play('a reading arrives inside a picture, and the Pi has the cover back', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--pty', '--every', '3600000');
  const { bridge, seen } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  const series = async () => {
    const answer = await fetch(`${scene.origin}/sensor?from=0&name=temp_bmp`);
    return (await answer.json()) as readonly { readonly at: string }[];
  };
  await until('the first reading is there', async () => (await series()).length > 0);
  const before = (await series()).length;
  device.type('send_picture');
  await device.until(/^send_picture: on its way$/);
  await device.until(/^the picture arrived, and its letter was read$/);
  t.ok((await series()).length > before, 'the reading is stored');
  const headers = tokenOf(scene);
  const { covers } = (await (await fetch(`${scene.origin}/covers`, { headers })).json()) as {
    readonly covers: readonly {
      readonly id: number;
      readonly from: string;
      readonly width: number;
    }[];
  };
  t.match(covers, [{ from: 'esp', width: 160, height: 120, depth: 8 }]);
  const answer = await fetch(`${scene.origin}/covers/${covers[0]?.id}`, { headers });
  const { picture } = decodePng(new Uint8Array(await answer.arrayBuffer()));
  const samples = picture.planes[0] ?? new Uint16Array();
  t.ok(samples[0] !== undefined && samples[0] < 20, 'air is dark');
  t.ok((samples[60 * 160 + 80] ?? 0) > 40, 'and a head is in the middle');
  t.notMatch(seen.join('\n'), /temp|25\.08/, 'the bridge saw a picture');
});

play('a device on the network, without a line: pairing, readings, texts, a picture', async (t) => {
  const scene = await begin(t);
  const device = power(t, scene, '--network', '--every', '500');
  const made = await fetch(`${scene.origin}/pair`, { method: 'POST', headers: tokenOf(scene) });
  const { code } = (await made.json()) as { readonly code: string };
  device.type(`use ${code}`);
  await device.until(/^paired with pi, verified/);
  t.equal((await post(scene.origin, '/send_msg', { to: 'esp', text: 'over the air' })).status, 202);
  await device.until(/^a message waits/);
  device.type('decrypt_msg');
  await device.until(/^over the air$/);
  device.type('send_msg heard you');
  await until('it is on the terminal', async () => {
    await post(scene.origin, '/decrypt_msg', {});
    return scene.printed.some((line) => line.includes('heard you'));
  });
  device.type('send_picture');
  await device.until(/^the picture arrived, and its letter was read$/);
  let sensor: { readonly last_synchronisation?: string | null } = {};
  await until('it has told of its clock', async () => {
    sensor = (await (await fetch(`${scene.origin}/sensor`)).json()) as typeof sensor;
    return typeof sensor.last_synchronisation === 'string';
  });
  t.match(sensor, { temp_bmp: Number, last_synchronisation: String });
});
