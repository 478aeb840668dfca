/**
 * How the older programs were broken, each way shown twice: on a small model of the old scheme,
 * where it works, and on two running peers, where it does not. docs/MUSEUM.md tells the stories.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, createHash } from 'node:crypto';
import type { Attempt } from './attempt.ts';
import { curvePoints, FlaskSlot, flaskOpen, flaskSend } from './museum/flask-pair.ts';
import { OldSensor, openWith, SECRETS } from './museum/sensor-sender.ts';
import { post } from './wire.ts';
import { heard, refused, say, type World } from './world.ts';

const TRANSPORT = 10;
const HEADER_SIZE = 16;
const TAG_SIZE = 16;
const BLOCK_SIZE = 16;
const KEY_SIZE = 32;

/** Transport packets on the wire to bob, after a text was sent. */
async function recorded(world: World, text: string): Promise<readonly Uint8Array[]> {
  const from = world.toBob.exchanges.length;
  await say(world, text);
  const packets = world.toBob.exchanges.slice(from).flatMap(({ asked }) => asked);
  const transports = packets.filter(([type]) => type === TRANSPORT);
  assert.ok(transports.length > 0, 'nothing was heard on the wire');
  return transports;
}

/** Whether `key` opens a TRANSPORT packet: PROTOCOL §8, by OpenSSL and not by our own code. */
export function opens(key: Uint8Array, packet: Uint8Array): boolean {
  const nonce = Buffer.concat([Buffer.alloc(4), packet.subarray(8, HEADER_SIZE)]);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_SIZE });
  decipher.setAAD(packet.subarray(0, HEADER_SIZE));
  decipher.setAuthTag(packet.subarray(-TAG_SIZE));
  decipher.update(packet.subarray(HEADER_SIZE, -TAG_SIZE));
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

function blocks(bytes: Uint8Array): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.match(new RegExp(`.{${2 * BLOCK_SIZE}}`, 'g')) ?? [];
}

function hasRepeats(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

const everyKey: Attempt<World> = {
  by: 'M',
  tried: 'every key that there can be: 22, modulo 23',
  async run(world) {
    const sensor = new OldSensor();
    sensor.exchange(6, 15);
    const ciphertext = sensor.send({ temp_bmp: 21.5 });
    const found = SECRETS.filter((secret) => openWith(secret, ciphertext)?.['temp_bmp'] === 21.5);
    assert.equal(found.length, 1, 'the old scheme has to fall');
    const packets = await recorded(world, 'twenty-two keys');
    for (const secret of SECRETS) {
      const key = Buffer.alloc(KEY_SIZE, secret);
      for (const packet of packets) assert.ok(!opens(key, packet), `key ${secret} opens it`);
    }
    return `old: key ${found[0]} of 22 opens the reading. Here: none of them opens a packet`;
  },
};

const keyOnTheWire: Attempt<World> = {
  by: 'M',
  tried: 'the shared key is what was sent in clear: the constant shared point',
  async run(world) {
    const { publicKey, ciphertext } = flaskSend('old secret');
    assert.equal(flaskOpen(publicKey, ciphertext), 'old secret', 'the old scheme has to fall');
    assert.ok(curvePoints().length < 64, 'and there were no more points than this to try');
    const packets = await recorded(world, 'nothing of this is a key');
    const wire = Buffer.concat([...world.toBob.packets(), ...world.toAlice.packets()]);
    const heardBytes = wire.subarray(0, WINDOWS_MAX + KEY_SIZE);
    let tried = 0;
    for (let at = 0; at + KEY_SIZE <= heardBytes.length; at += 1) {
      const window = heardBytes.subarray(at, at + KEY_SIZE);
      const hash = createHash('sha256').update(window).digest();
      for (const key of [window, hash]) {
        assert.ok(!opens(key, packets[0] ?? window), `what lies at ${at} on the wire is the key`);
        tried += 1;
      }
    }
    return `old: the base point, sent in clear, opens the message. Here: ${tried} keys made of the wire open nothing`;
  },
};
/** Positions on the wire that are tried as a key. The meeting lies within the first 1 KiB. */
const WINDOWS_MAX = 8_192;

const equalBlocks: Attempt<World> = {
  by: 'M',
  tried: 'equal plaintext blocks (ECB), and the same message twice (constant IV)',
  async run(world) {
    const text = 'sixteen bytes...'.repeat(20);
    assert.ok(hasRepeats(blocks(flaskSend(text).ciphertext)), 'ECB has to show them');
    const sensor = new OldSensor();
    sensor.exchange(6, 15);
    const [first, second] = [sensor.send({ text }), sensor.send({ text })];
    assert.deepEqual(first, second, 'a constant IV has to show a repeat');
    const packets = [...(await recorded(world, text)), ...(await recorded(world, text))];
    const here = packets.flatMap((packet) => blocks(packet.subarray(HEADER_SIZE)));
    assert.ok(!hasRepeats(here), 'two blocks of ciphertext are equal');
    return `old: repeats show. Here: ${here.length} blocks of twice the same text, all different`;
  },
};

/** So that its last letter and the temperature share a block, and the block before is all note. */
const NOTE_SIZE = 40;

/**
 * Makes 21 into 91: the flipped bit of a CBC block comes out in the next one, and the block itself
 * becomes noise inside a note, which nobody reads. Varies a letter until the noise passes as JSON.
 */
function forge(sensor: OldSensor) {
  const text = JSON.stringify({ note: 'a'.repeat(NOTE_SIZE), temp: 21 });
  const honest = sensor.send(JSON.parse(text));
  const at = text.indexOf('21') - BLOCK_SIZE;
  const vary = text.lastIndexOf('a') - BLOCK_SIZE;
  for (let tries = 1; tries < 256; tries += 1) {
    const forged = Uint8Array.from(honest);
    forged[at] = (forged[at] ?? 0) ^ '2'.charCodeAt(0) ^ '9'.charCodeAt(0);
    forged[vary] = (forged[vary] ?? 0) ^ tries;
    const temperature = sensor.receive(forged)?.['temp'];
    if (temperature !== undefined) return { temperature, tries };
  }
  throw new Error('the old scheme has to fall, and did not');
}

const flippedBit: Attempt<World> = {
  by: 'M',
  tried: 'a bit flipped on the wire, without a MAC',
  async run(world) {
    const sensor = new OldSensor();
    sensor.exchange(6, 15);
    const { temperature, tries } = forge(sensor);
    assert.equal(temperature, 91);
    const before = (await refused(world.bob))['unauthenticated'] ?? 0;
    let flips = 0;
    world.toBob.tampering.asked = (packets) =>
      packets.map((packet) => {
        if (packet[0] !== TRANSPORT || flips > 0) return packet;
        flips += 1;
        return packet.map((byte, index) => (index === packet.length - 1 ? byte ^ 1 : byte));
      });
    await say(world, 'not one bit');
    assert.equal(flips, 1);
    const after = (await refused(world.bob))['unauthenticated'] ?? 0;
    assert.ok(after > before, 'the flipped packet was not counted');
    assert.deepEqual((await heard(world)).at(-1), 'not one bit');
    return `old: 21 °C became 91 after ${tries} tries, unnoticed. Here: refused and counted, and the message arrives by its repeat`;
  },
};

const replayed: Attempt<World> = {
  by: 'M',
  tried: 'an old reading sent again',
  async run(world) {
    const sensor = new OldSensor();
    sensor.exchange(6, 15);
    const old = sensor.send({ temp: 36.6 });
    assert.deepEqual(
      sensor.receive(old),
      sensor.receive(old),
      'the old scheme has to take it twice',
    );
    const packets = await recorded(world, 'only once');
    assert.ok((await heard(world)).includes('only once'));
    const before = (await refused(world.bob))['replayed'] ?? 0;
    await post(world.bob.origin, packets);
    assert.deepEqual(await heard(world), [], 'a replay was delivered');
    const after = (await refused(world.bob))['replayed'] ?? 0;
    assert.equal(after - before, packets.length, 'replays counted');
    return `old: taken again, any number of times. Here: ${packets.length} refused as replayed; behind the window stand the ids of messages`;
  },
};

const zeroKey: Attempt<World> = {
  by: 'M',
  tried: 'what is sent before any keys were exchanged, or after a restart',
  async run(world) {
    const sensor = new OldSensor();
    assert.deepEqual(openWith(0, sensor.send({ temp: 1 })), { temp: 1 }, 'the old key is zeros');
    const pi = new OldSensor();
    sensor.exchange(6, 15);
    pi.exchange(15, 6);
    pi.restart();
    assert.equal(pi.receive(sensor.send({ temp: 2 })), undefined, 'the old one loses it silently');
    const { status, json } = await world.alice.post('/send_msg', {
      text: 'too early',
      to: 'nobody',
    });
    assert.ok(status >= 400, 'a message to nobody was taken');
    await world.bob.stop('SIGKILL');
    const { status: taken } = await world.alice.post('/send_msg', {
      text: 'across a restart',
      to: 'bob',
    });
    assert.equal(taken, 202);
    await world.bob.start();
    world.toBob.target = world.bob.origin;
    await say(world, 'and one more');
    assert.deepEqual(await heard(world), ['across a restart', 'and one more']);
    return `old: a key of zeros, then silence. Here: ${status} ${json.code}; across a kill they meet again, by the hint that a session is unknown or by waiting in vain for an answer, and nothing is lost`;
  },
};

const secretInTheReply: Attempt<World> = {
  by: 'M',
  tried: 'asking for the secret: the reply of the key exchange had it',
  async run(world) {
    assert.ok('shared_secret' in new OldSensor().exchange(6, 15), 'the old reply has it');
    const replies = [
      await world.alice.post('/send_keys', { to: 'bob' }),
      await world.alice.post('/dh-key-exchange', { to: 'bob' }),
      await world.alice.call('GET', '/show'),
    ];
    const packets = await recorded(world, 'no reply opens this');
    const values = replies.flatMap(
      ({ text }) => text.match(/[0-9A-Fa-f]{64}|[\w+/-]{43}=?/g) ?? [],
    );
    for (const value of values) {
      const key = Buffer.from(value, /^[0-9a-f]{64}$/i.test(value) ? 'hex' : 'base64');
      if (key.length !== KEY_SIZE) continue;
      for (const packet of packets) assert.ok(!opens(key, packet), `${value} opens a packet`);
    }
    assert.ok(values.length > 0, 'the replies show public keys at least');
    return `old: it stands there. Here: ${values.length} values of a key's size in the replies, none opens a packet`;
  },
};

const oneSlot: Attempt<World> = {
  by: 'M',
  tried: 'a second message before the first was read',
  async run(world) {
    const slot = new FlaskSlot();
    for (const text of ['first', 'second']) slot.put(text);
    assert.equal(slot.message, 'second', 'the old slot keeps the last one only');
    await heard(world);
    for (const text of ['first', 'second']) await say(world, text);
    assert.deepEqual(await heard(world), ['first', 'second']);
    return 'old: the first is gone. Here: both, in order';
  },
};

/** On a pair that has met. */
export const MUSEUM: readonly Attempt<World>[] = [
  everyKey,
  keyOnTheWire,
  equalBlocks,
  flippedBit,
  replayed,
  zeroKey,
  secretInTheReply,
  oneSlot,
];
