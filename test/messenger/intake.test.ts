/**
 * Goal: nothing that a contact can say makes this peer fail: what is authentic is kept once, dropped, or
 * waits for room, and whoever looks at it afterwards is answered. Bundles that come at once share a
 * commit, and nothing else.
 * Method: packets of random payloads, most of their numbers from the edges, taken in by a real
 * store; after some of them everything that a person may ask for is asked for. And two messengers
 * on a wire that repeats one packet as often as a bundle takes it.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { StoreError } from '../../src/failures.ts';
import { Acceptance } from '../../src/messenger/acceptance.ts';
import { Contacts } from '../../src/messenger/contacts.ts';
import { decryptMessages, fileContent } from '../../src/messenger/decrypt-messages.ts';
import { type Arrival, Intake } from '../../src/messenger/intake.ts';
import type { Store } from '../../src/messenger/ports.ts';
import { Windows } from '../../src/messenger/windows.ts';
import {
  decodeBundle,
  decodeNotice,
  decodePlaintext,
  encodeBundle,
  encodePlaintext,
  LetterWindow,
  LocalProtocolError,
  type Payload,
  SequenceWindow,
} from '../../src/protocol/index.ts';
import { openStore } from '../../src/store/index.ts';
import { contact, open, options, utf8 } from '../store/support.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { pairedPeers, realClock, text } from './support.ts';

const MIB = 1_048_576;
const [XX1, XX2] = [1, 2];
const EDGES = [0n, 1n, 1_023n, 1_024n, 1_025n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 60n }), fc.constantFrom(...EDGES));
const u32 = fc.oneof(fc.nat(4), fc.constantFrom(255, 4_096, 2 ** 31, 2 ** 32 - 1));

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** A number as CBOR has it, in eight bytes. */
function float(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return `fb${bytes.toString('hex')}`;
}

const number = fc
  .constantFrom(0, 1, -1, 2 ** 53, 8.64e12, 8.64e15, -8.64e15, 1.7e308, -1.7e308)
  .map(float);
/** One record, `a` at bt + t with value v, of a device that may not know the time. */
const readings = fc
  .tuple(number, number, number, fc.boolean())
  .map(([base, time, value, isUnsure]) => {
    const record = `a4 22${base} 006161 06${time} 02${value}`.replaceAll(' ', '');
    const unsure = 'a20066756e7375726504f5';
    return hex(isUnsure ? `0382${record}${unsure}` : `0381${record}`);
  });
const content = fc.oneof(
  readings,
  fc.string().map((text) => Uint8Array.of(1, ...Buffer.from(text))),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Uint8Array.of(2, ...bytes)),
  fc.uint8Array({ minLength: 17, maxLength: 17 }).map((bytes) => Uint8Array.of(4, ...bytes)),
  fc.uint8Array({ maxLength: 30 }),
);
const slice = fc.oneof(
  content,
  content.map((start) => Uint8Array.of(...start, ...new Uint8Array(256))),
);
const any: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), sequence: u64, content }),
  fc.record({ kind: fc.constant('part' as const), sequence: u64, index: u32, count: u32, slice }),
  fc.record({
    kind: fc.constant('time' as const),
    event: fc.constantFrom('now' as const, 'synchronised' as const),
    unixTime_ms: u64,
    uptime_ms: u64,
  }),
);
const epoch = fc.oneof(u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const lowest = fc.oneof(fc.constant(0n), u64);
const packet = fc
  .tuple(epoch, lowest, fc.array(any, { minLength: 1, maxLength: 4 }))
  .map(([epoch, lowest, rest]) => [{ kind: 'outbox', epoch, lowest } as const, ...rest])
  .map(sealed)
  .filter((payloads) => payloads.length > 0);

/** As it comes off the wire; nothing where no honest program could have written it. */
function sealed(payloads: readonly Payload[]): readonly Payload[] {
  try {
    return decodePlaintext(encodePlaintext(payloads));
  } catch (cause) {
    if (cause instanceof LocalProtocolError) return [];
    throw cause;
  }
}

t.test('nothing that a contact says makes this peer fail', async (t) => {
  const store = await open(temporaryFolder(t));
  t.teardown(() => store.close());
  const { id } = store.contacts.insert(contact('alice'));
  const contacts = new Contacts(store.contacts);
  const limits = { contentSizeMax: MIB, partBytesMax: 2 * MIB };
  const intake = new Intake(store, new Windows(store.inbox), realClock, limits);
  const terminal = { print: () => {}, printMessage: () => {} };
  const seen = { taken: 0, full: 0, opened: 0 };
  const look = () => {
    for (const { row, content } of decryptMessages({ store, contacts, intake, terminal }, {})) {
      seen.opened += 1;
      if (content.type === 'file')
        for (const bytes of fileContent(store.inbox, row).bytes) void bytes;
    }
    for (const { at, value } of store.readings.latest()) JSON.stringify([at.toISOString(), value]);
    store.inbox.arriving(id);
  };
  const property = fc.property(packet, fc.constantFrom('session', 'file'), (payloads, carrier) => {
    try {
      const taken = intake.take([{ contact: id, carrier, verified: false, payloads }]);
      for (const one of taken) encodePlaintext(intake.acknowledgements(one));
      seen.taken += 1;
    } catch (cause) {
      if (!(cause instanceof StoreError && cause.failure === 'full')) throw cause;
      seen.full += 1;
    }
    if (seen.taken % 50 === 0) look();
  });
  fc.assert(property, { numRuns: rounds({ reduced: 400, full: 20_000 }) });
  look();
  t.comment(JSON.stringify(seen));
  t.ok(seen.taken > 200 && seen.opened > 10, 'most of it was kept');
});

const some = fc.record({
  do: fc.constant('take' as const),
  // Most in one epoch, whose rows come one after the other.
  epoch: fc.constantFrom(7n, 7n, 7n, 8n),
  from: fc.nat(90),
  count: fc.constantFrom(1, 1, 1, 2, 40, 66),
  lowest: fc.constantFrom(0n, 0n, 0n, 20n),
  // Of a kind that we do not know: it becomes no row.
  type: fc.constantFrom(1, 1, 1, 99),
  carrier: fc.constantFrom(
    'session' as const,
    'session' as const,
    'session' as const,
    'file' as const,
  ),
  fails: fc.constantFrom(false, false, false, true),
});
const restart = fc.record({ do: fc.constant('restart' as const) });
const look = fc.record({ do: fc.constant('open' as const) });
const schedule = fc.array(fc.oneof(some, some, some, some, some, some, restart, look), {
  minLength: 8,
  maxLength: 30,
});
type Some = typeof some extends fc.Arbitrary<infer Step> ? Step : never;

function arrivalOf(contact: number, { epoch, lowest, type, carrier, ...rest }: Some): Arrival {
  const messages = sequencesOf(rest).map((sequence) => ({
    kind: 'message' as const,
    sequence,
    content: Uint8Array.of(type, 65),
  }));
  const payloads = [{ kind: 'outbox', epoch, lowest } as const, ...messages];
  return { contact, carrier, verified: false, payloads };
}

function sequencesOf({ from, count }: Pick<Some, 'from' | 'count'>): readonly bigint[] {
  return Array.from({ length: count }, (_, index) => BigInt(from + index));
}

/** Takes it in, and compares with windows that nothing is ever left out of. */
function takeBoth(
  intake: Intake,
  model: Map<string, SequenceWindow | LetterWindow>,
  [contact, step]: readonly [number, Some],
): number {
  const { carrier, epoch, lowest } = step;
  const type = carrier === 'session' ? SequenceWindow : LetterWindow;
  const window = model.get(`${carrier} ${epoch}`) ?? type.fresh();
  model.set(`${carrier} ${epoch}`, window);
  if (window instanceof SequenceWindow) window.raise(lowest);
  const fresh = sequencesOf(step).filter((sequence) => window.add(sequence) === 'new').length;
  const [taken] = intake.take([arrivalOf(contact, step)]);
  assert.equal(taken?.fresh, fresh);
  if (taken !== undefined && window instanceof SequenceWindow) {
    const ack = { kind: 'ack', epoch, next: window.next, bitmap: window.bitmap() };
    assert.deepEqual(intake.acknowledgements(taken), [ack]);
  }
  return fresh;
}

t.test('each message is kept once, whatever a restart finds and what was removed', async (t) => {
  const store = await openStore(options(temporaryFolder(t)));
  t.teardown(() => store.close());
  const limits = { contentSizeMax: MIB, partBytesMax: MIB };
  const begin = () => new Intake(store, new Windows(store.inbox), realClock, limits);
  const terminal = { print: () => {}, printMessage: () => {} };
  const fail = () => {
    throw new StoreError('full', 'the disk is full');
  };
  const seen = { kept: 0, repeats: 0, failures: 0, restarts: 0, removed: 0 };
  const property = fc.property(schedule, (steps) => {
    const { id } = store.contacts.insert(contact(`contact ${store.contacts.all().length}`));
    const contacts = new Contacts(store.contacts);
    const model = new Map<string, SequenceWindow | LetterWindow>();
    let intake = begin();
    for (const step of steps) {
      if (step.do === 'restart') {
        intake = begin();
        seen.restarts += 1;
      } else if (step.do === 'open') {
        decryptMessages({ store, contacts, intake, terminal }, {});
        seen.removed += store.prune({ messages: new Date(Date.now() + 60_000) });
      } else if (step.fails) {
        assert.throws(() => intake.take([arrivalOf(id, step)], fail), { failure: 'full' });
        seen.failures += 1;
      } else {
        const fresh = takeBoth(intake, model, [id, step]);
        seen.kept += fresh;
        seen.repeats += step.count - fresh;
      }
    }
  });
  fc.assert(property, { numRuns: rounds({ reduced: 60, full: 2_000 }) });
  t.comment(JSON.stringify(seen));
  t.ok(Math.min(...Object.values(seen)) > 20, 'all of it happened');
});

/** Contacts on a real store, whose commits are counted and can be made to fail. */
async function fleet(t: Test, names: readonly string[]) {
  const real = await open(temporaryFolder(t));
  t.teardown(() => real.close());
  const ids = names.map((name) => real.contacts.insert(contact(name)).id);
  const disk = { commits: 0, isFull: false };
  let isNested = false;
  const transaction = <T>(work: () => T): T => {
    if (isNested) return work();
    isNested = true;
    try {
      return real.transaction(() => {
        const result = work();
        if (disk.isFull) throw new StoreError('full', 'the disk is full');
        disk.commits += 1;
        return result;
      });
    } finally {
      isNested = false;
    }
  };
  const store: Store = Object.assign(Object.create(real), { transaction });
  const contacts = new Contacts(store.contacts);
  const windows = new Windows(store.inbox);
  const limits = { contentSizeMax: MIB, partBytesMax: 300 };
  const intake = new Intake(store, windows, realClock, limits);
  const acceptance = new Acceptance({ contacts, intake, clock: realClock } as never);
  const count = () => store.inbox.unopened().length;
  return { acceptance, contacts, disk, ids, count };
}

const said = (contact: number, ...sequences: bigint[]): Arrival => ({
  contact,
  carrier: 'session',
  verified: false,
  payloads: [
    { kind: 'outbox', epoch: 7n, lowest: 0n },
    ...sequences.map((sequence) => ({
      kind: 'message' as const,
      sequence,
      content: Uint8Array.of(1, 65),
    })),
  ],
});

t.test('bundles of one turn share a commit, and what one cannot keep is its own', async (t) => {
  const { acceptance, disk, ids, count } = await fleet(t, ['a', 'b', 'c']);
  const all = await Promise.all(ids.map((id) => acceptance.withOthers([said(id, 0n)])));
  t.strictSame(
    all.flat().map(({ fresh }) => fresh),
    [1, 1, 1],
  );
  t.equal(disk.commits, 1);
  const [a = 0, b = 0, c = 0] = ids;
  const slice = {
    kind: 'part',
    sequence: 1n,
    index: 0,
    count: 9,
    slice: new Uint8Array(301).fill(1),
  };
  const tooMuch = { ...said(b), payloads: [...said(b).payloads, slice as Payload] };
  const outcomes = await Promise.allSettled(
    [said(a, 1n), tooMuch, said(c, 1n)].map((arrival) => acceptance.withOthers([arrival])),
  );
  t.strictSame(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.equal(count(), 5);
  const [again] = await acceptance.withOthers([said(a, 1n), said(c, 1n, 2n)]);
  t.equal(again?.fresh, 0, 'what was kept beside it is known');
});

/** A content of that type in four parts, the last one first. */
const inParts = (type: number, bytes: Uint8Array): Payload[] =>
  [3, 2, 1, 0].map((index) => {
    const slice = Uint8Array.of(type, ...bytes).slice(256 * index, 256 * (index + 1));
    return { kind: 'part', sequence: BigInt(index), index, count: 4, slice };
  });

t.test('a text in parts is UTF-8 to its end, or refused with a notice', async (t) => {
  const file = Uint8Array.of(1, 97, 1, 98, ...new Uint8Array(900).fill(0xff));
  // Characters of three bytes do not end where slices do.
  const text = utf8('€'.repeat(300));
  const broken = Uint8Array.from(text, (byte, at) => (at === 700 ? 0x41 : byte));
  const cases = [
    { says: 'a text', type: 1, bytes: text, notices: 0 },
    { says: 'a file', type: 2, bytes: file, notices: 0 },
    { says: 'a character that is broken', type: 1, bytes: broken, notices: 1 },
    { says: 'a character that is cut', type: 1, bytes: text.subarray(0, 899), notices: 1 },
  ];
  for (const { says, type, bytes, notices } of cases) {
    const store = await open(temporaryFolder(t));
    t.teardown(() => store.close());
    const { id } = store.contacts.insert(contact('alice'));
    const limits = { contentSizeMax: MIB, partBytesMax: 2 * MIB };
    const intake = new Intake(store, new Windows(store.inbox), realClock, limits);
    const payloads = [{ kind: 'outbox' as const, epoch: 7n, lowest: 0n }, ...inParts(type, bytes)];
    const arrival = { contact: id, carrier: 'session' as const, verified: false, payloads };
    const [taken] = intake.take([arrival]);
    t.equal(taken?.fresh, 4, `${says}: each part is acknowledged`);
    t.equal(taken?.messages, 1 - notices, says);
    t.equal(store.inbox.unopened().length, 1 - notices);
    const sent = store.outbox.pending(id, 0n, 10, MIB).map(({ content }) => decodeNotice(content));
    const notice = { epoch: 7n, sequence: 0n, reason: 'not_understood' };
    t.strictSame(sent, notices === 0 ? [] : [notice]);
    t.equal(store.inbox.partBytes(id), 0, 'nothing is left over');
  }
});

t.test('a commit that fails leaves nothing known: all of it may come again', async (t) => {
  const { acceptance, disk, ids, count } = await fleet(t, ['a', 'b']);
  const bring = () => ids.map((id) => acceptance.withOthers([said(id, 0n)]));
  disk.isFull = true;
  const failed = await Promise.allSettled(bring());
  t.strictSame(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  disk.isFull = false;
  const taken = (await Promise.all(bring())).flat();
  t.strictSame(
    taken.map(({ fresh }) => fresh),
    [1, 1],
  );
  t.equal(count(), 2);
});

t.test('a reply is stored after what came before it; nothing of who was removed is', async (t) => {
  const { acceptance, contacts, ids, count } = await fleet(t, ['a', 'b']);
  const [a = 0, b = 0] = ids;
  const earlier = acceptance.withOthers([said(a, 0n)]);
  t.equal(acceptance.now([said(a, 0n, 1n)])[0]?.fresh, 1, 'the first is there already');
  t.equal((await earlier)[0]?.fresh, 1);
  const late = acceptance.withOthers([said(b, 0n)]);
  contacts.remove(b);
  t.strictSame(await late, []);
  t.equal(count(), 2);
});

t.test('a bundle full of repeats of one handshake packet is answered once', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const packets = wire.seen.flatMap((bundle) => decodeBundle(bundle));
  const exchange = wire.exchange.bind(wire);
  // A repeat gets the same answer again; so many of them are more than any bundle takes.
  for (const [side, type] of [
    [bob, XX1],
    [alice, XX2],
  ] as const) {
    const packet = packets.find(([first]) => first === type) ?? new Uint8Array(1);
    const full = encodeBundle(Array<Uint8Array>(4_096).fill(packet));
    const asked = decodeBundle(await side.messenger.receive(full.slice()));
    t.ok(asked.length <= 1, `${type} in a question`);
    const sizes: number[] = [];
    wire.exchange = async (address, bundle) => {
      sizes.push(bundle.length);
      const reply = await exchange(address, bundle);
      return sizes.length === 1 ? full : reply;
    };
    await side.messenger.sendMessage({ ...text(`after ${type}`), wait_ms: 60_000 });
    t.ok(sizes.length > 1 && Math.max(...sizes) < 1_000, `${type} in a reply`);
  }
});
