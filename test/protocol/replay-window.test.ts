/** Goal: the window agrees with the obvious model, a set of every counter ever accepted. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { DEVICE_WINDOW_SIZE, ReplayWindow, WINDOW_SIZE } from '../../src/protocol/index.ts';
import { rounds } from '../support/counts.ts';
import { readVectors } from '../vectors.ts';

// Uniform counters almost never meet the window's edge: draw most of them from around it.
const edge = fc.tuple(fc.nat(3), fc.integer({ min: -2, max: 2 }));
const countersAround = (size: number) =>
  fc.array(edge.map(([windows, offset]) => BigInt((windows + 1) * size + offset)));

for (const size of [WINDOW_SIZE, DEVICE_WINDOW_SIZE]) {
  t.test(`a window of ${size} agrees with a set`, async () => {
    fc.assert(
      fc.property(countersAround(size), (arrived) => {
        const window = new ReplayWindow(size);
        const accepted = new Set<bigint>();
        let newest = -1n;
        for (const counter of arrived) {
          const expected = !accepted.has(counter) && newest - counter < BigInt(size);
          assert.equal(window.hasSeen(counter), !expected, `counter ${counter}`);
          assert.equal(window.accept(counter), expected, `counter ${counter}`);
          if (expected) accepted.add(counter);
          if (counter > newest) newest = counter;
        }
      }),
      { numRuns: rounds({ reduced: 500, full: 20_000 }) },
    );
  });
}

// The same steps run on the device, in C.
t.test('the shared vectors', async (t) => {
  const { steps } = readVectors('replay_window') as {
    steps: readonly { readonly counter: string; readonly accept: boolean }[];
  };
  const window = new ReplayWindow();
  for (const { counter, accept } of steps) {
    t.equal(window.accept(BigInt(counter)), accept, counter);
  }
});
