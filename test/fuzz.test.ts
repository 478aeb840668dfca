/**
 * Goal: what fuzzing once found interesting is still taken well, and the fuzzer finds what is there.
 * Method: replays fuzz/corpus, which `npm run fuzz -- --keep` writes; and fuzzes a decoder with a
 * mistake behind two conditions that chance alone would not meet.
 */
import { globSync, readFileSync } from 'node:fs';
import t from 'tap';
import { failure, fuzz, type Target } from '../fuzz/fuzzer.ts';
import { TARGETS } from '../fuzz/targets.ts';

for (const target of TARGETS) {
  t.test(`the corpus of ${target.name}`, async (t) => {
    const files = globSync(`fuzz/corpus/${target.name}/*.bin`);
    t.ok(files.length > 0, 'there is one');
    for (const input of target.seeds()) t.equal(await failure(target, input), undefined);
    for (const file of files) {
      const error = await failure(target, new Uint8Array(readFileSync(file)));
      if (error !== undefined) t.fail(file, { error });
    }
    await target.close?.();
  });
}

/** Breaks on `S`, `o`, and then a zero. */
function fragile(bytes: Uint8Array): void {
  if (bytes[0] !== 0x53) return;
  if (bytes[1] !== 0x6f) return;
  if (bytes[2] === 0) throw new RangeError('found');
}

t.test('the fuzzer finds a mistake behind two conditions', async (t) => {
  const target: Target = {
    name: 'fragile',
    watched: /\/test\/fuzz\.test\.ts$/,
    seeds: () => [Uint8Array.of(0x50, 0x60, 0x70)],
    run: fragile,
  };
  const { crashes, corpus, covered } = await fuzz(target, [], {
    seconds: 60,
    seed: 4,
    crashesMax: 1,
  });
  t.equal(crashes.length, 1);
  t.equal(crashes[0]?.input[2], 0);
  t.ok(corpus.length >= 2, 'by the way of inputs that came nearer');
  t.ok(covered.run <= covered.all);
});

t.test('what a listener throws in an event is a mistake of the input that caused it', async (t) => {
  const target: Target = {
    name: 'later',
    watched: /\/test\/fuzz\.test\.ts$/,
    seeds: () => [],
    run: (bytes) =>
      new Promise((resolve) => {
        setImmediate(() => {
          if (bytes[0] === 1) throw new RangeError('unheard');
          resolve();
        });
      }),
  };
  t.match(await failure(target, Uint8Array.of(1)), { message: 'unheard' });
  t.equal(await failure(target, Uint8Array.of(2)), undefined);
});
