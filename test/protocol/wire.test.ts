/**
 * Goal: what this program writes and reads is docs/PROTOCOL.md, and whatever differs is refused.
 * Method: the figures of test/vectors, which a second implementation computed from that page, both
 * ways and on both providers; their refusals; then properties: what was encoded decodes to the
 * same, and cut at any length or with any byte changed it is refused or decodes to something else.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { type Bytes, concat } from '../../src/bytes.ts';
import { type Hash, openssl, providerOf } from '../../src/crypto/index.ts';
import {
  BUNDLE_PACKET_COUNT_MAX,
  BUNDLE_SIZE_MAX,
  contentSizeMax,
  decodeAnswer,
  decodeBundle,
  decodeClosing,
  decodeIntroduction,
  decodeOpening,
  decodePacket,
  decodePlaintext,
  encodeAnswer,
  encodeBundle,
  encodeHandshake,
  encodeIntroduction,
  encodeOpening,
  encodePlaintext,
  encodeTransportHeader,
  type Introduction,
  isAddress,
  LocalProtocolError,
  type Payload,
  RemoteProtocolError,
  sliceSizeMax,
  statusAbout,
} from '../../src/protocol/index.ts';
import { rounds } from '../support/counts.ts';
import { bytesOf, type Case, field, hex, readCases, readVectors, toHex } from '../vectors.ts';

const noble = await providerOf('noble');

const PROVIDERS = [noble, openssl];
const MALFORMED = { name: 'RemoteProtocolError', reason: 'malformed' } as const;

t.test('bundles', async (t) => {
  const vectors = readVectors('bundle') as {
    readonly bundles: readonly { readonly packets: readonly string[]; readonly bundle: string }[];
    readonly refused: readonly Case[];
  };
  for (const { packets, bundle } of vectors.bundles) {
    t.equal(toHex(encodeBundle(packets.map(hex))), bundle);
    t.strictSame(decodeBundle(hex(bundle)).map(toHex), packets);
  }
  for (const item of vectors.refused) {
    assert.throws(() => decodeBundle(bytesOf(item, 'bundle')), MALFORMED, String(item['note']));
  }
});

t.test('a bundle has at most 4,096 packets and 1 MiB', async (t) => {
  const small = Array.from({ length: BUNDLE_PACKET_COUNT_MAX }, () => new Uint8Array(1));
  t.equal(decodeBundle(encodeBundle(small)).length, BUNDLE_PACKET_COUNT_MAX);
  const oneMore = new Uint8Array((BUNDLE_PACKET_COUNT_MAX + 1) * 3).map((_, i) => +(i % 3 === 1));
  assert.throws(() => decodeBundle(oneMore), MALFORMED);
  t.throws(() => encodeBundle([...small, new Uint8Array(1)]), LocalProtocolError);

  const sizes = [...new Array<number>(15).fill(65_535), BUNDLE_SIZE_MAX - 15 * 65_537 - 2];
  const large = sizes.map((size) => new Uint8Array(size));
  const bundle = encodeBundle(large);
  t.equal(bundle.length, BUNDLE_SIZE_MAX);
  t.equal(decodeBundle(bundle).length, large.length);
  const last = new Uint8Array((sizes.at(-1) ?? 0) + 1);
  const tooLarge = encodeBundle([...large.slice(0, -1), last], BUNDLE_SIZE_MAX + 1);
  assert.throws(() => decodeBundle(tooLarge), MALFORMED);
  t.throws(() => encodeBundle([...large, new Uint8Array(1)]), LocalProtocolError);
  t.throws(() => encodeBundle([new Uint8Array(0)]), LocalProtocolError);
  t.throws(() => encodeBundle([new Uint8Array(65_536)]), LocalProtocolError);
});

const TYPES = ['', 'XX1', 'XX2', 'XX3', 'PSK1', 'PSK2', 'PSK3', 'KK1', 'KK2', 'LETTER'] as const;

t.test('packets', async (t) => {
  const vectors = readCases<'packets' | 'refused' | 'statuses' | 'statuses_refused'>('packets');
  for (const item of vectors.packets) {
    const whole = bytesOf(item, 'packet');
    const packet = decodePacket(whole);
    const [index, body] = [Number(field(item, 'index')), field(item, 'body')];
    if (packet.type === 'TRANSPORT') {
      t.equal(toHex(packet.header), field(item, 'header'));
      t.equal(toHex(packet.ciphertext), body);
      t.strictSame([packet.index, packet.counter], [index, BigInt(field(item, 'counter'))]);
    } else if (packet.type === 'KK1') {
      t.equal(toHex(packet.noise) + toHex(packet.gate), body);
      t.equal(packet.hint, index);
      t.strictSame(encodeHandshake('KK1', packet.noise, index), packet.gated);
      t.strictSame(packet.gated, whole.subarray(0, -16));
    } else if (packet.type !== 'STATUS') {
      t.equal(packet.type, TYPES[Number(field(item, 'type'))]);
      t.equal(toHex(packet.noise), body);
      const encoded =
        packet.type === 'XX1' || packet.type === 'PSK1'
          ? encodeHandshake(packet.type, packet.noise)
          : encodeHandshake(packet.type, packet.noise, index);
      t.strictSame(encoded, whole);
    }
  }
  for (const item of [...vectors.refused, ...vectors.statuses_refused]) {
    assert.throws(() => decodePacket(bytesOf(item, 'packet')), MALFORMED, String(item['note']));
  }
});

t.test('the counter that Noise reserves is malformed, the one before it is not', async (t) => {
  const rest = new Uint8Array(32);
  const packet = (counter: bigint) => concat(encodeTransportHeader(1, counter), rest);
  t.equal(decodePacket(packet(2n ** 64n - 2n)).type, 'TRANSPORT');
  assert.throws(() => decodePacket(packet(2n ** 64n - 1n)), MALFORMED);
});

t.test('a time of an unknown event is malformed', async () => {
  const plaintext = hex(`05001102${'00'.repeat(16)}80${'00'.repeat(11)}`);
  assert.throws(() => decodePlaintext(plaintext), MALFORMED);
  plaintext[3] = 1;
  assert.equal(decodePlaintext(plaintext).length, 1);
});

t.test('STATUS names a packet by its hash', async (t) => {
  const codes = { 1: 'stale', 2: 'unknown', 3: 'busy', 4: 'refused' } as const;
  for (const item of readCases<'statuses'>('packets').statuses) {
    const code = codes[Number(field(item, 'code')) as keyof typeof codes];
    for (const crypto of PROVIDERS) {
      const status = statusAbout(crypto, code, bytesOf(item, 'about'));
      t.equal(toHex(status), field(item, 'packet'));
      t.strictSame(decodePacket(status), { type: 'STATUS', code, echo: bytesOf(item, 'echo') });
    }
  }
});

function introductionOf(item: Case): Introduction {
  const address = field(item, 'address');
  return {
    index: Number(field(item, 'index')),
    capabilities: Number(field(item, 'capabilities')),
    maxFrame: Number(field(item, 'max_frame')),
    name: field(item, 'name'),
    address: address === '' ? undefined : address,
  };
}

t.test('introductions and the payloads of handshakes', async (t) => {
  const vectors = readCases<'introductions' | 'introductions_refused' | 'handshakes'>('payloads');
  for (const item of vectors.introductions) {
    const introduction = introductionOf(item);
    t.equal(toHex(encodeIntroduction(introduction)), field(item, 'bytes'));
    t.strictSame(decodeIntroduction(bytesOf(item, 'bytes')), introduction);
  }
  for (const item of vectors.introductions_refused) {
    assert.throws(
      () => decodeIntroduction(bytesOf(item, 'bytes')),
      MALFORMED,
      String(item['note']),
    );
  }
  for (const item of vectors.handshakes) {
    const encoded = bytesOf(item, 'bytes');
    const type = Number(field(item, 'type'));
    if (type === 3) {
      t.equal(toHex(decodeClosing(encoded)), field(item, 'r_A'));
      continue;
    }
    const introduction = introductionOf(item);
    if (type === 1) {
      const opening = { introduction, commit: bytesOf(item, 'commit') as Hash };
      t.strictSame(encodeOpening(opening), encoded);
      t.strictSame(decodeOpening(encoded), opening);
    } else if (type === 2) {
      const answer = { introduction, random: bytesOf(item, 'r_B') as Bytes<16> };
      t.strictSame(encodeAnswer(answer), encoded);
      t.strictSame(decodeAnswer(encoded), answer);
    } else {
      t.strictSame(decodeIntroduction(encoded), introduction);
    }
  }
});

t.test('an introduction out of bounds is our own fault when we write it', async (t) => {
  const [first] = readCases<'introductions'>('payloads').introductions;
  assert(first);
  const good = introductionOf(first);
  for (const wrong of [
    { index: 0 },
    { maxFrame: 511 },
    { maxFrame: 65_536 },
    { name: 'é'.repeat(33) },
    { name: 'a\tb' },
    { address: 'http://a' },
  ]) {
    t.throws(() => encodeIntroduction({ ...good, ...wrong }), LocalProtocolError);
  }
});

t.test('addresses are origins with their port', async (t) => {
  const good = ['http://a:1', 'http://127.0.0.1:5001', 'http://[::1]:65535', 'http://x-y.local:80'];
  const bad = [
    'http://a',
    'http://a:0',
    'http://a:65536',
    'http://a:080',
    'https://a:1',
    'http://a:1/',
    'http://a:1?b',
    'http://u@a:1',
    'http://:1',
    'http://::1:1',
    ' http://a:1',
    'http://a:1\n',
    `http://${'a'.repeat(250)}:1`,
  ];
  for (const address of good) t.ok(isAddress(address), address);
  for (const address of bad) t.notOk(isAddress(address), JSON.stringify(address));
});

/** A payload as it stands in a vector: integers as decimal text, bytes in hex. */
function payloadOf(item: Case): Payload {
  const u64 = (name: string) => BigInt(field(item, name));
  switch (item['kind']) {
    case 'outbox':
      return { kind: 'outbox', epoch: u64('epoch'), lowest: u64('lowest') };
    case 'message':
      return { kind: 'message', sequence: u64('sequence'), content: bytesOf(item, 'content') };
    case 'part': {
      const [index, count] = [Number(field(item, 'part_index')), Number(field(item, 'part_count'))];
      const [sequence, slice] = [u64('sequence'), bytesOf(item, 'bytes')];
      return { kind: 'part', sequence, index, count, slice };
    }
    case 'ack': {
      const [epoch, next, bitmap] = [u64('epoch'), u64('next'), bytesOf(item, 'bitmap')];
      return { kind: 'ack', epoch, next, bitmap };
    }
    case 'time': {
      const event = field(item, 'event') === '0' ? 'now' : 'synchronised';
      return { kind: 'time', event, unixTime_ms: u64('unix_time_ms'), uptime_ms: u64('uptime_ms') };
    }
    case 'letter_ack':
      return { kind: 'letter_ack', epoch: u64('epoch'), sequence: u64('sequence') };
    default:
      throw new Error(`no payload of kind ${item['kind']}`);
  }
}

t.test('plaintexts', async (t) => {
  const vectors = readVectors('payloads') as {
    readonly plaintexts: readonly { readonly payloads: readonly Case[]; plaintext: string }[];
    readonly plaintexts_refused: readonly Case[];
  };
  for (const { payloads, plaintext } of vectors.plaintexts) {
    const decoded = payloads.map(payloadOf);
    t.equal(toHex(encodePlaintext(decoded)), plaintext);
    t.strictSame(decodePlaintext(hex(plaintext)), decoded);
  }
  for (const item of vectors.plaintexts_refused) {
    assert.throws(
      () => decodePlaintext(bytesOf(item, 'plaintext')),
      MALFORMED,
      String(item['note']),
    );
  }
});

t.test('what the receiver would refuse is not written', async (t) => {
  const outbox: Payload = { kind: 'outbox', epoch: 1n, lowest: 0n };
  const message: Payload = { kind: 'message', sequence: 0n, content: new Uint8Array(1) };
  const slice = new Uint8Array(255);
  const wrong: readonly Payload[][] = [
    [message],
    [outbox, outbox],
    [outbox, { kind: 'part', sequence: 0n, index: 0, count: 2, slice }],
    [outbox, { ...message, content: new Uint8Array(65_528) }],
    [{ kind: 'ack', epoch: 1n, next: 0n, bitmap: Uint8Array.of(1, 0) }],
    [{ kind: 'ack', epoch: 1n, next: 0n, bitmap: new Uint8Array(129).fill(1) }],
  ];
  for (const payloads of wrong) t.throws(() => encodePlaintext(payloads), LocalProtocolError);
});

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const body = fc.uint8Array({ maxLength: 80 });
const bitmap = body.map((bytes) => (bytes.at(-1) === 0 ? Uint8Array.of(...bytes, 1) : bytes));
const count = fc.integer({ min: 1, max: 2 ** 32 - 1 });
/** As the decoder makes them: ordinary objects. */
const PLAIN = { noNullPrototype: true } as const;
const kind = <Name extends Payload['kind']>(name: Name) => fc.constant(name);
const event = fc.constantFrom('now' as const, 'synchronised' as const);
const anyPayload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ kind: kind('message'), sequence: u64, content: body }, PLAIN),
  fc
    .tuple(
      u64,
      count,
      body.filter(({ length }) => length > 0),
    )
    .map((part) => lastPart(...part)),
  fc.record({ kind: kind('ack'), epoch: u64, next: u64, bitmap }, PLAIN),
  fc.record({ kind: kind('time'), event, unixTime_ms: u64, uptime_ms: u64 }, PLAIN),
  fc.record({ kind: kind('letter_ack'), epoch: u64, sequence: u64 }, PLAIN),
);

function lastPart(sequence: bigint, count: number, slice: Uint8Array): Payload {
  const atLeast = BigInt(count - 1);
  const moved = sequence < atLeast ? atLeast : sequence;
  return { kind: 'part', sequence: moved, index: count - 1, count, slice };
}

const anyPlaintext = fc
  .tuple(u64, u64, fc.array(anyPayload, { maxLength: 5 }))
  .map(([epoch, lowest, rest]): Payload[] => [{ kind: 'outbox', epoch, lowest }, ...rest]);

t.test('payloads decode to what was encoded; cut or changed they never crash', async () => {
  fc.assert(
    fc.property(anyPlaintext, fc.nat(), fc.integer({ min: 1, max: 255 }), (payloads, at, bits) => {
      const plaintext = encodePlaintext(payloads);
      assert.deepEqual(decodePlaintext(plaintext), payloads);
      for (let size = 0; size < plaintext.length; size += 1) {
        assert.throws(() => decodePlaintext(plaintext.subarray(0, size)), MALFORMED);
      }
      const index = at % plaintext.length;
      plaintext[index] = (plaintext[index] ?? 0) ^ bits;
      const reencoded = decodedOrNothing(plaintext);
      // What is still accepted means exactly the bytes that came: there is no second spelling.
      if (reencoded !== undefined) assert.deepEqual(encodePlaintext(reencoded), plaintext);
    }),
    { numRuns: rounds({ reduced: 300, full: 20_000 }) },
  );
});

function decodedOrNothing(plaintext: Uint8Array): readonly Payload[] | undefined {
  try {
    return decodePlaintext(plaintext);
  } catch (error) {
    assert(error instanceof RemoteProtocolError && error.reason === 'malformed');
    return undefined;
  }
}

t.test('a packet cut at any length is malformed, or has lost what authenticates it', async () => {
  const { packets } = readCases<'packets'>('packets');
  for (const whole of packets.map((item) => bytesOf(item, 'packet'))) {
    for (let size = 0; size < 8; size += 1) {
      assert.throws(() => decodePacket(whole.subarray(0, size)), MALFORMED);
    }
    for (const index of [1, 2, 3]) {
      const changed = whole.slice();
      changed[index] = 1;
      assert.throws(() => decodePacket(changed), MALFORMED, 'flags and reserved bytes are zero');
    }
  }
});

t.test('noise given to the decoders is refused and never crashes them', async () => {
  const noise = fc.tuple(fc.nat(12), fc.uint8Array({ maxLength: 120 }));
  fc.assert(
    fc.property(noise, ([type, rest]) => {
      const input = Uint8Array.of(type, 0, 0, 0, ...rest);
      for (const decode of [decodePacket, decodeBundle, decodePlaintext, decodeOpening]) {
        try {
          decode(input);
        } catch (error) {
          assert(error instanceof RemoteProtocolError && error.reason === 'malformed');
        }
      }
    }),
    { numRuns: rounds({ reduced: 500, full: 100_000 }) },
  );
});

t.test('what is said to fit into a packet fits, and one byte more does not', async (t) => {
  for (let maxFrame = 512; maxFrame < 600; maxFrame += 1) {
    const outbox: Payload = { kind: 'outbox', epoch: 1n, lowest: 0n };
    const packetSize = (payload: Payload) => 16 + encodePlaintext([outbox, payload]).length + 16;
    const message = (size: number): Payload => {
      return { kind: 'message', sequence: 0n, content: new Uint8Array(size) };
    };
    const part = (size: number): Payload => {
      return { kind: 'part', sequence: 0n, index: 0, count: 2, slice: new Uint8Array(size) };
    };
    const [content, slice] = [contentSizeMax(maxFrame), sliceSizeMax(maxFrame)];
    assert(packetSize(message(content)) <= maxFrame && packetSize(message(content + 1)) > maxFrame);
    assert(packetSize(part(slice)) <= maxFrame && packetSize(part(slice + 1)) > maxFrame);
    assert(slice >= 256);
  }
  t.equal(contentSizeMax(65_535), 65_457);
});
