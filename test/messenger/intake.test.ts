/**
 * Goal: nothing that a contact can say makes this peer fail: what is authentic is kept, dropped, or
 * waits for room, and whoever looks at it afterwards is answered.
 * Method: packets of random payloads, most of their numbers from the edges, taken in by a real
 * store; after some of them everything that a person may ask for is asked for.
 */
import fc from 'fast-check';
import t from 'tap';
import { StoreError } from '../../src/failures.ts';
import { Contacts } from '../../src/messenger/contacts.ts';
import { decryptMessages, fileContent } from '../../src/messenger/decrypt-messages.ts';
import { Intake } from '../../src/messenger/intake.ts';
import { Windows } from '../../src/messenger/windows.ts';
import {
  decodePlaintext,
  encodePlaintext,
  LocalProtocolError,
  type Payload,
} from '../../src/protocol/index.ts';
import { contact, open, temporaryFolder } from '../store/support.ts';
import { rounds } from '../support/counts.ts';
import { realClock } from './support.ts';

const MIB = 1_048_576;
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
    for (const { row, content } of decryptMessages(
      { store, contacts, clock: realClock, terminal },
      {},
    )) {
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
