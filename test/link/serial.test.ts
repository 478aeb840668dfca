/**
 * Goal: frames and the stop-and-wait line carry records over a serial line that drops, repeats
 * and flips bytes; nothing arrives twice, changed, or out of order; memory stays bounded.
 * Method: vectors that the firmware runs too; COBS against its definition; two lines joined by a
 * channel that misbehaves by a seed, on a clock that the test moves; two whole links joined in
 * memory, for what somebody behind one of them may answer.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import {
  type Channel,
  CODED_SIZE_MAX,
  cobsDecode,
  cobsEncode,
  crc32,
  decodeFrame,
  encodeFrame,
  FrameReader,
  type FrameType,
  type ReaderEvent,
} from '../../src/link/serial-frame.ts';
import { type LineEvent, SerialLine } from '../../src/link/serial-line.ts';
import { SerialLink } from '../../src/link/serial-link.ts';
import type { OpenSerial, SerialEvents } from '../../src/link/serial-tty.ts';
import { until } from '../support/peer-process.ts';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

interface FrameCase {
  readonly name: string;
  readonly type: FrameType;
  readonly channel: Channel;
  readonly more: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly payload: string;
  readonly line: string;
}

const vectors = read('serial_frame') as {
  readonly crc: readonly { readonly bytes: string; readonly crc: string }[];
  readonly cobs: readonly { readonly bytes: string; readonly coded: string }[];
  readonly frames: readonly FrameCase[];
  readonly streams: readonly {
    readonly name: string;
    readonly chunks: string;
    readonly events: string;
  }[];
};

t.test('frames: vectors', (t) => {
  for (const { bytes, crc } of vectors.crc) t.equal(crc32(unhex(bytes)), Number.parseInt(crc, 16));
  for (const { bytes, coded } of vectors.cobs) {
    t.equal(hex(cobsEncode(unhex(bytes))), coded);
    t.equal(hex(cobsDecode(unhex(coded)) ?? unhex('dead')), bytes);
  }
  for (const { name, line, payload, ...frame } of vectors.frames) {
    t.equal(hex(encodeFrame({ ...frame, payload: unhex(payload) })), line, name);
    const decoded = decodeFrame(unhex(line).subarray(1, -1));
    t.same(decoded, { ...frame, payload: unhex(payload) }, name);
  }
  t.end();
});

const shown = (event: ReaderEvent): string => {
  if (event.kind === 'noise') return `noise ${event.noise}`;
  if (event.kind === 'text') return `text ${hex(event.text)}`;
  return `frame ${event.frame.type} ${hex(event.frame.payload)}`.trim();
};

t.test('streams: vectors, whole and byte by byte', (t) => {
  for (const { name, chunks, events } of vectors.streams) {
    const reader = new FrameReader();
    const seen = chunks.split(';').flatMap((chunk) => reader.read(unhex(chunk)).map(shown));
    t.equal(seen.join(';'), events, name);
    const slow = new FrameReader();
    const bytes = [...unhex(chunks.replaceAll(';', ''))];
    const slowly = bytes.flatMap((byte) => slow.read(Uint8Array.of(byte)));
    const frames = (list: readonly string[]) => list.filter((event) => !event.startsWith('text'));
    t.same(frames(slowly.map(shown)), frames(seen), `${name}, byte by byte`);
  }
  t.end();
});

t.test('COBS and frames: properties', (t) => {
  const bytes = fc
    .uint8Array({ maxLength: 800 })
    .map((value) => value.map((b) => (b < 30 ? 0 : b)));
  fc.assert(
    fc.property(bytes, (value) => {
      const coded = cobsEncode(value);
      return !coded.includes(0) && hex(cobsDecode(coded) ?? unhex('')) === hex(value);
    }),
  );
  // Whatever is flipped in a frame, it is noise or two pieces of noise, never another frame.
  const flips = fc.record({
    at: fc.nat(),
    bit: fc.nat(7),
    payload: fc.uint8Array({ maxLength: 60 }),
  });
  fc.assert(
    fc.property(flips, ({ at, bit, payload }) => {
      const log = { type: 'log', channel: 'log', more: false, seq: 1, ack: 2, payload } as const;
      const line = encodeFrame(log);
      const index = 1 + (at % (line.length - 2));
      line[index] = (line[index] ?? 0) ^ (1 << bit);
      return new FrameReader().read(line).every((event) => event.kind !== 'frame');
    }),
  );
  const babble = fc.uint8Array({ maxLength: 3 * CODED_SIZE_MAX });
  fc.assert(fc.property(babble, (value) => new FrameReader().read(value).length <= value.length));
  t.throws(() =>
    encodeFrame({
      type: 'data',
      channel: 'packets',
      more: false,
      seq: 0,
      ack: 0,
      payload: new Uint8Array(513),
    }),
  );
  t.end();
});

interface Step {
  readonly scenario: string;
  readonly at_ms: number;
  readonly do: string;
  readonly argument: string;
  readonly frame: string;
  readonly events: string;
}

const told = (event: LineEvent): string => {
  if (event.kind === 'record') return `record ${event.channel} ${hex(event.record)}`.trim();
  return event.kind === 'text' ? `text ${hex(event.text)}` : event.kind;
};

t.test('the line: one side, step by step, as the firmware', (t) => {
  let line = new SerialLine({ bootId: 1n, mtu: 2048, firmware: 'twin 1', baud: 115200 }, 0);
  for (const step of (read('serial_line') as { steps: readonly Step[] }).steps) {
    const [verb, channel] = step.do.split(' ');
    const at = `${step.scenario}, ${step.at_ms} ms, ${step.do}`;
    if (verb === 'start') {
      const bootId = BigInt(`0x${step.argument}`);
      line = new SerialLine({ bootId, mtu: 2048, firmware: 'twin 1', baud: 115200 }, step.at_ms);
    } else if (verb === 'send') {
      const taken = line.send(channel as Channel, unhex(step.argument));
      t.equal(taken ? 'taken' : 'refused', step.frame, at);
    } else if (verb === 'receive') {
      const events = line.receive(unhex(step.argument), step.at_ms);
      t.equal(events.map(told).join(';'), step.events, at);
    } else {
      const { frame, events } = line.poll(step.at_ms);
      t.equal(hex(frame ?? unhex('')), step.frame, at);
      t.equal(events.map(told).join(';'), step.events, at);
    }
  }
  t.end();
});

/** A small generator, so that a failing seed can be run again. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What the line makes of these bytes: drops, flips and repeats, `rate` of them each. */
function mangle(bytes: Uint8Array, rate: number, random: () => number): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    if (random() < rate) continue;
    out.push(random() < rate ? byte ^ (1 << Math.floor(random() * 8)) : byte);
    if (random() < rate) out.push(byte);
  }
  return Uint8Array.from(out);
}

class Side {
  readonly received: number[] = [];
  line: SerialLine;
  #boots = 0n;
  #sent = 0;
  readonly #name: bigint;

  constructor(name: bigint) {
    this.#name = name;
    this.line = this.boot(0);
  }

  boot(now_ms: number): SerialLine {
    this.#boots += 1n;
    const bootId = (this.#name << 40n) + (this.#boots << 20n) + 1n;
    this.line = new SerialLine({ bootId, mtu: 4096, firmware: 'test', baud: 115200 }, now_ms);
    return this.line;
  }

  /** Numbers its records, so that the other side sees what is missing or comes twice. */
  offer(size: number): void {
    const record = new Uint8Array(4 + size);
    new DataView(record.buffer).setUint32(0, this.#sent + 1);
    if (this.line.send('packets', record)) this.#sent += 1;
  }

  hear(bytes: Uint8Array, now_ms: number): void {
    for (const event of this.line.receive(bytes, now_ms)) {
      if (event.kind !== 'record') continue;
      const { buffer, byteOffset } = event.record;
      this.received.push(new DataView(buffer, byteOffset).getUint32(0));
    }
  }
}

t.test('two sides over a bad line: in order, never twice, and it always recovers', (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = generator(seed);
    const sides = [new Side(1n), new Side(2n)] as const;
    for (let now_ms = 0; now_ms < 60_000; now_ms += 5) {
      const isBad = now_ms < 40_000;
      for (const [index, side] of sides.entries()) {
        if (isBad && random() < 0.0005) side.boot(now_ms);
        if (random() < 0.2) side.offer(Math.floor(random() ** 4 * 3000));
        const { frame } = side.line.poll(now_ms);
        const other = sides[1 - index];
        if (frame) other?.hear(isBad ? mangle(frame, 1 / 400, random) : frame, now_ms);
      }
    }
    for (const { line, received } of sides) {
      const increasing = received.every((id, at) => at === 0 || id > (received[at - 1] ?? id));
      t.ok(increasing, `seed ${seed}: in order and never twice`);
      t.ok(line.isUp && received.length > 200, `seed ${seed}: recovers (${received.length})`);
    }
  }
  t.end();
});

t.test('a line that babbles holds one frame and no more', (t) => {
  const line = new SerialLine({ bootId: 5n, mtu: 2048, firmware: '', baud: 115200 }, 0);
  const random = generator(7);
  const events: LineEvent[] = [];
  for (let round = 0; round < 400; round++) {
    const noise = Uint8Array.from({ length: 1000 }, () => Math.floor(random() * 256));
    events.push(...line.receive(noise, round).filter(({ kind }) => kind !== 'text'));
  }
  t.same(events, [], 'noise is nothing');
  const { cobs, crc, size } = line.counters.noise;
  t.ok(cobs + crc + size > 1000, 'and all of it is counted as noise');
  let hellos = 0;
  for (let now_ms = 0; now_ms < 10_000; now_ms++) {
    line.receive(
      encodeFrame({
        type: 'ack',
        channel: 'link',
        more: false,
        seq: 0,
        ack: 0,
        payload: new Uint8Array(0),
      }),
      now_ms,
    );
    if (line.poll(now_ms).frame) hellos += 1;
  }
  t.ok(hellos <= 201, `a frame a millisecond buys ${hellos} answers in 10 s`);
  t.end();
});

/** Both ends of one line. */
function joined(): readonly [OpenSerial, OpenSerial] {
  const ends: SerialEvents[] = [];
  const open =
    (own: number): OpenSerial =>
    async (_path, _baud, events) => {
      ends[own] = events;
      const write = (bytes: Uint8Array) => {
        const copy = bytes.slice();
        setImmediate(() => ends[1 - own]?.onBytes(copy));
      };
      return { write, close: () => {} };
    };
  return [open(0), open(1)];
}

t.test('whoever the device calls may answer anything: its bridge lives on', async (t) => {
  const bundle = Uint8Array.of(0, 3, 7, 7, 7);
  const wrong = [Uint8Array.of(0), Uint8Array.of(0, 9, 1), new Uint8Array(70_000).fill(0xff)];
  const answers = [...wrong, bundle];
  const lost: string[] = [];
  const [here, there] = joined();
  const onBundle = async () => answers.shift() ?? bundle;
  const onLost = (reason: string) => void lost.push(reason);
  const bridge = new SerialLink({ path: 'here', bootId: 1n, open: here, onBundle, onLost });
  const device = new SerialLink({ path: 'there', bootId: 2n, open: there, onBundle });
  t.teardown(() => {
    bridge.close();
    device.close();
  });
  await until('the line is up', () => (bridge.isUp && device.isUp ? true : undefined));
  for (const _ of wrong) device.exchange(bundle).catch(() => undefined);
  t.same(await device.exchange(bundle), bundle, 'the next answer passes');
  t.equal(lost.length, wrong.length, 'and its person hears of each that did not');
});
