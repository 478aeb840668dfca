/**
 * Goal: what docs/PROTOCOL.md has refused is refused, counted, and changes nothing; the wire says
 * no more about it than the protocol has it say.
 * Method: the peer in Python seals honest packets; this test bends them, repeats them, or brings
 * them where they do not belong, and then sends the honest one.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { encodeBundle } from '../../src/protocol/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { meet, type Pair, post, startPython } from './pair.ts';
import { pythonMissing } from './python-peer.ts';
import { until } from './sotto-peer.ts';

const skip = pythonMissing() ?? false;
const [STALE, UNKNOWN, REFUSED] = [1, 2, 4];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: unknown) => new Uint8Array(Buffer.from(String(text), 'hex'));

/** PROTOCOL §4.2. */
function status(code: number | undefined, about: Uint8Array): string {
  const echo = createHash('sha256').update(about).digest('hex').slice(0, 16);
  return `0b0${code}0000${echo}`;
}

function payload(kind: number, ...body: (bigint | string)[]): string {
  const fields = body.map((field) =>
    typeof field === 'bigint' ? field.toString(16).padStart(16, '0') : field,
  );
  const size = fields.join('').length / 2;
  return hex(Uint8Array.of(kind, size >> 8, size)) + fields.join('');
}

const outbox = (epoch: bigint, lowest = 0n) => payload(1, epoch, lowest);
const text = (sequence: bigint, said: string) =>
  payload(2, sequence, `01${hex(Buffer.from(said))}`);

async function seal({ python }: Pair, payloads: string): Promise<Uint8Array> {
  return bytes((await python.do('seal', { contact: 'sotto', payloads }))['packet']);
}

function flip(packet: Uint8Array, bit: number): Uint8Array {
  return packet.map((byte, at) => (at === bit >> 3 ? byte ^ (128 >> (bit & 7)) : byte));
}

/** What one packet, alone in a bundle, is answered by. */
async function send({ sotto }: Pair, packet: Uint8Array): Promise<readonly string[]> {
  const { status, packets } = await post(sotto, encodeBundle([packet]));
  return status === 200 ? packets.map(hex) : [`status ${status}`];
}

t.test('any flipped bit of a TRANSPORT packet is refused', { skip }, async (t) => {
  const both = await meet(t);
  const packet = await seal(both, outbox(7n) + text(0n, 'whole'));
  const before = await both.sotto.refused();
  const size = packet.length * 8;
  for (let bit = 0; bit < size; bit += bit < 128 ? 1 : 7) {
    const replies = await send(both, flip(packet, bit));
    // In the type it makes a KK2, in the index another session; anywhere else it is not answered.
    const code = bit < 8 ? STALE : bit >= 32 && bit < 64 ? UNKNOWN : undefined;
    const known = code === undefined ? [] : [status(code, flip(packet, bit))];
    // So many a second and no more: a status may be missing.
    if (replies.length > 0) t.strictSame(replies, known, `bit ${bit}`);
  }
  const after = await both.sotto.refused();
  t.ok((after['unauthenticated'] ?? 0) > (before['unauthenticated'] ?? 0) + 64);
  t.equal((await both.sotto.contact('py'))['unopened'], 0);
  t.equal((await send(both, packet)).length, 1, 'the honest one is acknowledged');
  t.match(await both.sotto.open(), [{ text: 'whole' }]);
});

t.test('what came twice, or back, or late, is taken once', { skip }, async (t) => {
  const both = await meet(t);
  const first = await seal(both, outbox(7n) + text(0n, 'once'));
  const second = await seal(both, outbox(7n) + text(1n, 'twice'));
  const [acknowledgement] = await send(both, second);
  t.strictSame(await send(both, second), [], 'a replay is not answered');
  t.equal((await send(both, first)).length, 1, 'out of order is no replay');
  t.strictSame(
    await send(both, bytes(acknowledgement)),
    [status(UNKNOWN, bytes(acknowledgement))],
    'reflected',
  );
  const late = await seal(both, '');
  const packets = [];
  for (let count = 0; count < 1_024; count += 1) packets.push(await seal(both, ''));
  t.strictSame(await send(both, packets.at(-1) ?? late), []);
  t.strictSame(await send(both, late), [], 'it lies 1,024 below the largest');
  t.equal((await both.sotto.refused())['replayed'], 2);
  t.match(await both.sotto.open(2), [{ text: 'twice' }, { text: 'once' }]);
  const again = await seal(both, outbox(7n) + text(0n, 'once'));
  t.equal((await send(both, again)).length, 1, 'a repeated message is acknowledged again');
  t.equal((await both.sotto.contact('py'))['unopened'], 0);
});

t.test('a packet that opens and is malformed is not processed at all', { skip }, async (t) => {
  const both = await meet(t);
  const message = outbox(7n) + text(0n, 'part of it');
  const malformed = {
    'an unknown kind': message + payload(9),
    'a message before its outbox': text(0n, 'a') + outbox(7n),
    'two outboxes': outbox(7n) + message,
    'a bitmap with a zero at its end': message + payload(4, 7n, 0n, '0100'),
    'a part of no bytes': message + payload(3, 5n, '00000001', '00000002'),
    'a part beyond its count': message + payload(3, 5n, '00000002', '00000002', '00'.repeat(256)),
  };
  for (const [name, payloads] of Object.entries(malformed)) {
    t.strictSame(await send(both, await seal(both, payloads)), [], name);
  }
  t.equal((await both.sotto.refused())['malformed'], Object.keys(malformed).length);
  t.equal((await both.sotto.contact('py'))['unopened'], 0);
});

t.test('a message beyond the window is not taken', { skip }, async (t) => {
  const both = await meet(t);
  await send(both, await seal(both, outbox(7n) + text(1_025n, 'beyond')));
  t.equal((await both.sotto.contact('py'))['unopened'], 0);
  await send(both, await seal(both, outbox(7n) + text(1_024n, 'at its end')));
  t.equal((await both.sotto.contact('py'))['unopened'], 1);
});

t.test('parts that contradict each other are taken off the line', { skip }, async (t) => {
  const both = await meet(t);
  const part = (index: number, count: number) => {
    const place = [index, count].map((number) => number.toString(16).padStart(8, '0')).join('');
    return payload(3, BigInt(index), place, '01'.repeat(256));
  };
  const arriving = async () => (await both.sotto.contact('py'))['arriving'];
  t.equal((await send(both, await seal(both, outbox(7n) + part(0, 3)))).length, 1);
  t.equal((await send(both, await seal(both, outbox(7n) + part(1, 4)))).length, 1, 'acknowledged');
  t.strictSame(await arriving(), [{ parts: 1, count: 3 }], 'and not kept');
});

t.test('HTTP says what §3.1 has it say', { skip }, async (t) => {
  const { sotto } = await meet(t);
  const statuses: Readonly<Record<string, readonly [number, Uint8Array, string?]>> = {
    'an empty bundle': [200, new Uint8Array()],
    'a length that is not there': [400, bytes('00050a')],
    'a packet of no bytes': [400, bytes('0000')],
    '4,096 packets': [200, bytes('000100'.repeat(4_096))],
    '4,097 packets': [400, bytes('000100'.repeat(4_097))],
    'a byte more than 1 MiB': [413, new Uint8Array(1_048_577)],
    'another type': [415, new Uint8Array(), 'text/plain'],
  };
  for (const [name, [expected, body, type]] of Object.entries(statuses)) {
    const answer = await post(sotto, body, type);
    t.equal(answer.status, expected, name);
    const media = expected === 200 ? 'application/octet-stream' : 'application/problem+json';
    t.match(answer.type, media, name);
  }
});

t.test('what belongs nowhere gets its STATUS', { skip }, async (t) => {
  const both = await meet(t);
  // A public key has to be below 2^255 − 19: the filler's last byte is 0.
  const body = `${'5a'.repeat(31)}00${'5a'.repeat(96)}`;
  const cases = {
    'an XX2 that was not asked for': [STALE, `02000000${'01020304'}${body}`],
    'a PSK3 without its PSK2': [STALE, `06000000${'01020304'}${'5a'.repeat(80)}`],
    'a KK2 without its KK1': [STALE, `08000000${'01020304'}${body}`],
    'a TRANSPORT packet of no session': [UNKNOWN, `0a000000${'01020304'}${'5a'.repeat(40)}`],
    'a KK1 of no contact': [UNKNOWN, `07000000${'01020304'}${body}`],
    'a PSK1 where no code is held': [REFUSED, `04000000${body}`],
  } as const;
  for (const [name, [code, packet]] of Object.entries(cases)) {
    t.strictSame(await send(both, bytes(packet)), [status(code, bytes(packet))], name);
  }
  const about = bytes(`0b020000${'5a'.repeat(8)}`);
  t.strictSame(await send(both, about), [], 'there is none about a STATUS');
});

t.test(
  'KK1: the gate guards it, and the identical one gets the identical KK2',
  { skip },
  async (t) => {
    const both = await meet(t);
    await both.python.do('lose', { replies: 1_000 });
    await both.python.do('renew', { contact: 'sotto' });
    await both.python.until('no_exchange');
    const kk1 = bytes((await both.python.do('last_bundle'))['bundle']).subarray(2);
    t.equal(kk1[0], 7);
    const answer = await send(both, kk1);
    t.match(answer, [/^08/]);
    t.strictSame(await send(both, kk1), answer);
    for (const bit of [40, 64 + 3, 64 + 256 + 5, kk1.length * 8 - 1]) {
      const bent = flip(kk1, bit);
      t.strictSame(await send(both, bent), [status(UNKNOWN, bent)], `bit ${bit}`);
    }
    // Made first and brought at once: one after the other they may take so long that none is too many.
    await both.python.do('lose', { requests: 1_000 });
    const many: Uint8Array[] = [];
    for (let count = 0; count < 12; count += 1) {
      await both.python.do('forget', { contact: 'sotto' });
      await both.python.do('renew', { contact: 'sotto' });
      await both.python.until('no_exchange');
      many.push(bytes((await both.python.do('last_bundle'))['bundle']).subarray(2));
    }
    t.equal(new Set(many.map(hex)).size, 12);
    await post(both.sotto, encodeBundle(many));
    t.ok((await both.sotto.refused())['busy'], 'at most 8 at once are read');
    t.equal((await both.sotto.contact('py'))['session'], 'current', 'none of it ended the session');
  },
);

t.test('another key at the same address is refused, and the pin stays', { skip }, async (t) => {
  const both = await meet(t);
  const pinned = (await both.sotto.contact('py'))['public_key'];
  await both.python.stop();
  const { peer: impostor } = await startPython(t, join(temporaryFolder(t), 'py'), both.pythonPort);
  await impostor.do('contact', { contact: 'sotto', address: both.sotto.origin });

  await impostor.do('meet', { contact: 'sotto' });
  await until('a kept XX1', async () => (await both.sotto.show())['waiting']?.toString() !== '');
  await both.sotto.fetch('/send_keys', { to: 'py', again: true });
  await until('a refusal', async () => ((await both.sotto.refused())['refused'] ?? 0) > 0);

  await impostor.do('forget', { contact: 'sotto' });
  await both.sotto.fetch('/send_keys', { to: 'py', again: true });
  await impostor.until('kept');
  await impostor.do('meet', { contact: 'sotto' });
  t.match(await impostor.until('status'), { code: REFUSED, about: 2 });
  t.equal(impostor.count('session'), 0);
  t.equal((await both.sotto.contact('py'))['public_key'], pinned);
});

t.test('a letter that was bent, or that another wrote, is not read', { skip }, async (t) => {
  const both = await meet(t);
  const path = join(temporaryFolder(t), 'letter.sotto');
  const answer = await both.sotto.fetch('/send_msg', { to: 'py', text: 'dear', carrier: 'file' });
  const letter = await answer.bytes();
  t.equal((await both.sotto.fetch('/receive', letter)).status, 422, 'to ourselves');
  for (const bit of [16, 48, 128, letter.length * 8 - 1]) {
    writeFileSync(path, flip(letter, bit));
    await both.python.do('read_letter', { path });
    t.match(await both.python.until('refused'), { type: bit < 24 ? Number : 9 });
  }
  writeFileSync(path, letter);
  await both.python.do('read_letter', { path });
  t.match(await both.python.until('message'), { text: 'dear' });
});
