/**
 * Goal: what devices measure is told to an MQTT broker as Home Assistant wants it: each sensor once
 * described, its newest value, and whether the peer is there; through an outage of the broker; and
 * what stands in the way is said in words, without a secret.
 * Method: a real Mosquitto of Debian's package, a real peer, a device with real packets, and a
 * listener at the broker. Without the package only what needs no broker is tested, and that is said.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { MqttPlace } from '../../src/forward/mqtt.ts';
import { discoveryOf, stateOf } from '../../src/forward/mqtt-messages.ts';
import { FleetDevice } from '../support/fleet-device.ts';
import { freePort } from '../support/free-ports.ts';
import { AUTHORITY, hasMosquitto, Mosquitto, USER } from '../support/mosquitto.ts';
import { PeerProcess, until } from '../support/peer-process.ts';

const reading = (name: string) => ({
  device: { id: 'ab'.repeat(16), name: 'attic' },
  name,
  unit: 'Cel',
  at: new Date('2026-11-21T09:00:00Z'),
  sure: true,
  value: 21.5,
  n: 0,
});

t.test('no name that a stranger chose leaves its level of a topic', async (t) => {
  const names = ['temp_bmp', 'a/b', 'a.b', '+', '#', '', '..', 'a\u0000b', 'é', 'a.2f.b', '$SYS'];
  const topics = names.map((name) => stateOf(reading(name)).topic);
  for (const topic of topics) t.match(topic, /^sotto\/[0-9a-f]{32}\/[A-Za-z0-9_.-]+$/);
  t.equal(new Set(topics).size, names.length, 'and no two are the same');
  for (const name of names) {
    const { topic } = discoveryOf(reading(name), 'homeassistant', 'a/b');
    t.match(topic, /^homeassistant\/sensor\/[0-9a-f]{32}\/[A-Za-z0-9_.-]+\/config$/);
  }
});

t.test('addresses that cannot be meant', async (t) => {
  const take = (address: string) => loadConfig(['--forward', address], {}).forward;
  for (const good of [
    'mqtt://127.0.0.1',
    'mqtts://u@b.lan:8883?ca=/ca.pem&passwordfile=/p&discovery=',
  ]) {
    t.strictSame(take(good), [good]);
  }
  t.strictSame(loadConfig([], {}).forward, [], 'off unless asked for');
  for (const bad of [
    'mqtt://user:secret-xyz@b.lan',
    'mqtt://b.lan/topic',
    'mqtt://',
    'ws://b.lan',
    'mqtt://b.lan?qos=2',
    'mqtt://b.lan?discovery=%23',
  ]) {
    try {
      take(bad);
      t.fail(bad);
    } catch (error) {
      t.ok(error instanceof ConfigError && !error.message.includes('secret-xyz'), bad);
    }
  }
});

t.test('a peer stops at once, also while a broker says nothing', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const place = new MqttPlace(`mqtt://127.0.0.1:${port}`, 'pi');
  const called = once(silent, 'connection');
  const delivered = place.deliver([{ ...reading('temp_bmp'), at: new Date() }]);
  const [socket] = await called;
  place.close();
  await t.rejects(delivered, { name: 'ForwardError' });
  socket.destroy();
});

if (!hasMosquitto()) t.comment('LEFT OUT for want of mosquitto: apt-get install mosquitto');
else {
  t.test('a device through an outage of the broker', (t) => throughOutage(t));
  t.test('what stands in the way is said', (t) => obstacles(t));
}

async function peerOf(t: Test, address: string): Promise<PeerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-mqtt-peer-'));
  const flags = ['--port', `${await freePort()}`, '--forward', address];
  const peer = new PeerProcess({ name: 'pi', folder, flags });
  t.teardown(async () => {
    await peer.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return peer;
}

async function pairedDevice(peer: PeerProcess): Promise<FleetDevice> {
  const device = new FleetDevice(0, peer.origin);
  const headers = { authorization: `Bearer ${peer.token}` };
  const { text } = await peer.call('POST', '/pair', { headers });
  await device.pair((JSON.parse(text) as { code: string }).code);
  return device;
}

const countOf = ({ log }: PeerProcess, event: string) =>
  log.filter((line) => line.includes(`"msg":"${event}"`)).length;

const TEMPERATURE = /^sotto\/[0-9a-f]{32}\/temp_bmp$/;

async function throughOutage(t: Test): Promise<void> {
  const broker = await Mosquitto.start(t);
  const heard = await broker.listen(t);
  const { passwordFile, port } = broker;
  const peer = await peerOf(t, `mqtt://${USER}@127.0.0.1:${port}?passwordfile=${passwordFile}`);
  await peer.start();
  const device = await pairedDevice(peer);
  await device.report(21.5);

  const state = await heard.next(TEMPERATURE, /21\.5/);
  t.match(JSON.parse(state.text), { value: 21.5, unit: 'Cel', at: String, sure: Boolean });
  const found = await heard.next(/^homeassistant\/sensor\/.*\/temp_bmp\/config$/);
  const config = JSON.parse(found.text);
  t.match(config, {
    state_topic: state.topic,
    unit_of_measurement: '°C',
    device_class: 'temperature',
    device: { name: 'device-0', identifiers: [`sotto_${state.topic.split('/')[1]}`] },
  });
  t.match(await heard.next(/./, /^online$/), { topic: config.availability_topic });
  const later = await broker.listen(t);
  for (const topic of [state.topic, found.topic, config.availability_topic]) {
    t.ok((await later.next(new RegExp(`^${topic}$`))).retain, `${topic} is retained`);
  }
  const warned = peer.log.find((line) => line.includes('"msg":"readings_leave"')) ?? '';
  t.match(warned, /"level":"warn".*End-to-end encryption ends there/);

  await broker.stop();
  await device.report(22.5);
  await until('it says so', () => countOf(peer, 'not_forwarded') > 0 || undefined);
  await device.report(23.5);
  await broker.start();
  const again = await broker.listen(t);
  await again.next(TEMPERATURE, /23\.5/);
  await again.next(/config$/);
  await until('it says that it goes again', () => countOf(peer, 'forwarding') === 1 || undefined);
  const old = again.messages.filter(({ text }) => text.includes('21.5'));
  t.strictSame(old, [], 'what is, not what was');

  await peer.stop('SIGKILL');
  t.equal((await again.next(/\/status$/, /^offline$/)).topic, config.availability_topic);
}

async function obstacles(t: Test): Promise<void> {
  const broker = await Mosquitto.start(t);
  const { port, tlsPort, passwordFile, wrongFile, folder } = broker;
  const cases: readonly (readonly [string, RegExp])[] = [
    [`mqtt://${USER}@127.0.0.1:${port}?passwordfile=${wrongFile}`, /refuses|does not let/],
    [`mqtt://127.0.0.1:1`, /does not answer/],
    [`mqtt://${USER}@127.0.0.1:${port}?passwordfile=${folder}/none`, /none .*cannot be read/],
    [`mqtts://${USER}@127.0.0.1:${tlsPort}?passwordfile=${passwordFile}`, /\?ca=FILE/],
    [`mqtts://${USER}@localhost:${tlsPort}?ca=${AUTHORITY}`, /for another name/],
  ];
  const addresses = cases.flatMap(([address]) => ['--forward', address]);
  const good = `mqtts://${USER}@127.0.0.1:${tlsPort}?passwordfile=${passwordFile}&ca=${AUTHORITY}`;
  const peer = await peerOf(t, good);
  await peer.start();
  const device = await pairedDevice(peer);
  await device.report(5);
  const heard = await broker.listen(t);
  await heard.next(TEMPERATURE, /"value":5,/);
  t.pass('over TLS, with who vouches for it');

  await peer.restart(addresses);
  for (const [address, words] of cases) {
    const line = await until(`${words} is said`, () =>
      peer.log.find((each) => each.includes('not_forwarded') && each.includes(address)),
    );
    t.match(JSON.parse(line).reason, words);
  }
  t.notMatch(peer.log.join('\n'), /brokerword-xyz|something else/);
  t.equal((await peer.call('GET', '/healthz')).status, 200, 'and the peer goes on');
}
