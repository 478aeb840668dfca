/**
 * Goal: both windows of message ids agree with the obvious model, the set of all sequences seen.
 * Method: properties. Sequences are drawn around the edges of the window, which uniform ones
 * hardly ever meet; every step also goes through the stored form and back.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  LetterWindow,
  RemoteProtocolError,
  SEQUENCES_MARKED_MAX,
  SequenceWindow,
} from '../../src/protocol/index.ts';
import { rounds } from '../support/counts.ts';

const SPAN = BigInt(SEQUENCES_MARKED_MAX);
const numRuns = rounds({ reduced: 300, full: 5_000 });

/** Near 0, near the window's end, near twice that; in runs, so that holes close. */
const offsets = fc.oneof(
  fc.bigInt({ min: 0n, max: 12n }),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 2n }), fc.bigInt({ min: -2n, max: 2n }))
    .map(([spans, off]) => spans * SPAN + off),
);

/** What the page says a receiver keeps, §8.2, with a set in the place of the bitmap. */
class SequenceModel {
  readonly received = new Set<bigint>();
  next = 0n;

  raise(lowest: bigint): void {
    if (lowest > this.next) this.next = lowest;
    this.#goOn();
  }

  add(sequence: bigint): string {
    if (sequence < this.next || this.received.has(sequence)) return 'repeat';
    if (sequence >= this.next + SPAN + 1n) return 'too_far';
    this.received.add(sequence);
    this.#goOn();
    return 'new';
  }

  bitmap(): Uint8Array {
    const bytes = new Uint8Array(SEQUENCES_MARKED_MAX / 8);
    for (let bit = 0; bit < SEQUENCES_MARKED_MAX; bit += 1) {
      const isMarked = this.received.has(this.next + 1n + BigInt(bit));
      if (isMarked) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
    return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  }

  #goOn(): void {
    while (this.received.has(this.next)) this.next += 1n;
  }
}

const steps = fc.array(
  fc.record({ raises: fc.nat({ max: 9 }).map((draw) => draw === 0), offset: offsets }),
  { maxLength: 60 },
);

t.test('SequenceWindow agrees with a set, and survives being stored', async () => {
  fc.assert(
    fc.property(steps, (drawn) => {
      const model = new SequenceModel();
      let window = SequenceWindow.fresh();
      for (const { raises, offset } of drawn) {
        // Offsets are from the window's edge, wherever it is by now.
        const sequence = model.next + offset < 0n ? 0n : model.next + offset;
        if (raises) {
          model.raise(sequence);
          window.raise(sequence);
        } else {
          const expected = model.add(sequence);
          assert.equal(window.judge(sequence), expected, `judge ${sequence}`);
          assert.equal(window.add(sequence), expected, `add ${sequence}`);
        }
        assert.equal(window.next, model.next);
        assert.deepEqual(window.bitmap(), model.bitmap());
        window = SequenceWindow.decode(window.encode());
      }
    }),
    { numRuns },
  );
});

t.test('LetterWindow agrees with a set, and survives being stored', async () => {
  fc.assert(
    fc.property(fc.array(offsets, { maxLength: 60 }), (drawn) => {
      const seen = new Set<bigint>();
      let largest = -1n;
      let window = LetterWindow.fresh();
      for (const offset of drawn) {
        const fromEdge = largest - SPAN + offset;
        const sequence = fromEdge < 0n ? offset + 2n : fromEdge;
        const isRepeat = seen.has(sequence) || sequence < largest - SPAN;
        assert.equal(window.judge(sequence), isRepeat ? 'repeat' : 'new', `judge ${sequence}`);
        assert.equal(window.add(sequence), isRepeat ? 'repeat' : 'new', `add ${sequence}`);
        seen.add(sequence);
        if (sequence > largest) largest = sequence;
        window = LetterWindow.decode(window.encode());
      }
    }),
    { numRuns },
  );
});

t.test('a clone goes its own way', async (t) => {
  const window = SequenceWindow.fresh();
  const clone = window.clone();
  t.equal(clone.add(0n), 'new');
  t.equal(window.next, 0n);
  t.equal(clone.next, 1n);
});

t.test(
  'the last sequence of an epoch is never taken, so `next` always fits into 8 bytes',
  async (t) => {
    const window = SequenceWindow.fresh();
    window.raise(2n ** 64n - 2n);
    t.equal(window.add(2n ** 64n - 2n), 'new');
    t.equal(window.add(2n ** 64n - 1n), 'too_far');
    t.equal(SequenceWindow.decode(window.encode()).next, 2n ** 64n - 1n);
    t.equal(LetterWindow.fresh().add(2n ** 64n - 1n), 'too_far');
  },
);

t.test('a stored state of a wrong size is refused', async (t) => {
  for (const size of [0, 7, 8 + 130]) {
    t.throws(() => SequenceWindow.decode(new Uint8Array(size)), RemoteProtocolError);
  }
});
