/**
 * Goal: a reading means the same on both sides, and nothing that is no pack is taken for one.
 * Method: vectors that the firmware's encoder meets to the byte; packs of other writers; refusals;
 * every cut and noise on top.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { decodePack, RemoteProtocolError, type SenmlRecord } from '../../src/protocol/index.ts';

interface Value {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly time_s: number;
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/senml.json', import.meta.url), 'utf8'),
) as {
  readonly readings: readonly {
    readonly name: string;
    readonly device: string;
    readonly unsure: boolean;
    readonly pack: string;
    readonly size: number;
    readonly records: readonly Value[];
  }[];
  readonly packs: readonly {
    readonly name: string;
    readonly pack: string;
    readonly records: readonly SenmlRecord[];
  }[];
  readonly refused: readonly { readonly name: string; readonly pack: string }[];
};
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const malformed = { name: 'RemoteProtocolError', reason: 'malformed' };

t.test('what the device writes', async (t) => {
  for (const { name, device, unsure, pack, records } of vectors.readings) {
    const decoded = decodePack(unhex(pack));
    t.equal(decoded.isUnsure, unsure, name);
    const values = decoded.records.map(({ baseName, name: last, unit, value, time_s }) => ({
      name: `${baseName}${last}`,
      unit,
      value,
      time_s: Math.round(time_s * 1000) / 1000,
    }));
    t.strictSame(
      values,
      records.map((record) => ({ ...record, name: `${device}:${record.name}` })),
      name,
    );
  }
  const longest = vectors.readings.find(({ name }) => name === 'the longest that sensors give');
  t.equal(longest?.size, 192, 'what is left of 280 bytes on the line');
});

t.test('what others may write', async (t) => {
  for (const { name, pack, records } of vectors.packs) {
    const decoded = decodePack(unhex(pack)).records;
    t.strictSame(
      decoded,
      records.map((record) => ({ ...record, unit: record.unit ?? undefined })),
      name,
    );
  }
});

t.test('what is refused', async (t) => {
  for (const { name, pack } of vectors.refused) {
    t.throws(() => decodePack(unhex(pack)), malformed, name);
  }
  const whole = unhex(vectors.readings[1]?.pack ?? '');
  for (let size = 0; size < whole.length; size++) {
    t.throws(() => decodePack(whole.subarray(0, size)), malformed, `cut to ${size}`);
  }
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(changes, (list) => {
      const noise = whole.slice();
      for (const [at, byte] of list) noise[at] = byte;
      try {
        return decodePack(noise).records.every(({ time_s }) => Number.isFinite(time_s));
      } catch (error) {
        return error instanceof RemoteProtocolError;
      }
    }),
  );
});
