/**
 * Goal: the largest pictures stay within a gigabyte, and long work keeps its promises.
 * Method: processes of their own whose peak memory the kernel tells; `npm run test:long` takes the
 * largest picture there may be, `npm test` a smaller one against a smaller bound.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { rounds } from '../support/counts.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('support/peak-memory.ts', import.meta.url));

t.test('64 megapixels take less than 1 GiB, smaller ones less', { timeout: 900_000 }, async (t) => {
  const side = rounds({ reduced: 1024, full: 8192 });
  const bound_MiB = rounds({ reduced: 200, full: 1024 });
  const folder = t.testdir();
  const peakOf = async (verb: string) => {
    const { stdout } = await run(process.execPath, [program, verb, String(side), folder]);
    return Number(stdout);
  };
  await peakOf('make');
  for (const verb of ['hide', 'reveal']) {
    const peak_MiB = await peakOf(verb);
    t.ok(peak_MiB > 50 && peak_MiB < bound_MiB, `${verb}: ${peak_MiB} MiB of ${bound_MiB}`);
  }
});
