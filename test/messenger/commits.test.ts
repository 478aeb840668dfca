/**
 * Goal: callers of one turn share a commit, and nobody fails for another's fault; slices are cut
 * exactly, however their bytes arrive.
 * Method: a transaction that can be rolled back by hand; slices as a property.
 */
import fc from 'fast-check';
import t from 'tap';
import { concat } from '../../src/bytes.ts';
import { GroupCommit } from '../../src/messenger/group-commit.ts';
import { slices } from '../../src/messenger/slices.ts';

t.test('callers of one turn share one transaction', async (t) => {
  let transactions = 0;
  const commits = new GroupCommit((work) => {
    transactions += 1;
    work();
  });
  const results = await Promise.all([1, 2, 3].map((n) => commits.commit(() => n * n)));
  t.strictSame(results, [1, 4, 9]);
  t.equal(transactions, 1);
  t.equal(await commits.commit(() => 'later'), 'later');
  t.equal(transactions, 2);
});

t.test('who throws fails alone; the others are committed once', async (t) => {
  const kept: string[] = [];
  const commits = new GroupCommit((work) => {
    const before = kept.length;
    try {
      work();
    } catch (error) {
      kept.length = before; // Rolled back.
      throw error;
    }
  });
  const results = await Promise.allSettled([
    commits.commit(() => kept.push('a')),
    commits.commit(() => {
      throw new Error('full');
    }),
    commits.commit(() => kept.push('c')),
  ]);
  t.strictSame(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.strictSame(kept, ['a', 'c']);
});

t.test('slices have exactly the size asked for, but the last, and lose nothing', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 17 }), async (chunks, size) => {
      const cut: Uint8Array[] = [];
      const source = (async function* () {
        yield* chunks;
      })();
      for await (const slice of slices(source, size)) cut.push(slice);
      const whole = concat(...chunks);
      const exact = cut.slice(0, -1).every(({ length }) => length === size);
      return (
        exact &&
        cut.length === Math.ceil(whole.length / size) &&
        Buffer.compare(concat(...cut), whole) === 0
      );
    }),
  );
});
