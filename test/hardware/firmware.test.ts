/**
 * Goal: the firmware's C core passes its own tests, and the vectors it shares with this side.
 * Method: build and run hardware/esp32-peer/test under the address and undefined behaviour
 * sanitizers. A machine without a C compiler or Mbed TLS is told what was left out.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const PACKAGES = 'gcc make libc6-dev libmbedtls-dev';
const folder = new URL('../../hardware/esp32-peer/test/', import.meta.url).pathname;

async function missing(): Promise<string | undefined> {
  for (const tool of ['gcc', 'make']) {
    const found = await run(tool, ['--version']).then(
      () => true,
      () => false,
    );
    if (!found) return tool;
  }
  return existsSync('/usr/include/psa/crypto.h') ? undefined : 'libmbedtls-dev';
}

t.test('the firmware core, on this computer', async (t) => {
  const lacking = await missing();
  if (lacking !== undefined) {
    t.comment(`LEFT OUT: every test of the firmware, for want of ${lacking}.`);
    t.comment(`To run them: apt-get install ${PACKAGES}`);
    return;
  }
  const { stdout } = await run('make', ['-s', '-C', folder, `NODE=${process.execPath}`, 'check'], {
    maxBuffer: 2 ** 24,
  });
  for (const line of stdout.trim().split('\n')) t.match(line, /: ok/, line);
});
