/**
 * Goal: docs/PROTOCOL.md is enough to write a peer from. One in Python was, by reading nothing
 * else; it computed test/vectors, and it meets, talks to and misbehaves towards a running peer.
 * Method: peer.py in this folder is driven by lines of JSON. Needs Debian's python3-cryptography.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PythonPeer, pythonMissing, runPython } from './python-peer.ts';

const skip = pythonMissing() ?? false;

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'sotto-interop-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function python(t: Test, name: string, ...args: string[]) {
  const started = await PythonPeer.start(name, join(folder(t), name), 0, ...args);
  t.teardown(() => started.peer.stop());
  return started;
}

t.test('its Noise reproduces the published vectors', { skip }, async (t) => {
  const { status, output } = runPython('check_noise.py');
  t.equal(status, 0, output);
});

t.test('the vectors are what it computes', { skip }, async (t) => {
  const { status, output } = runPython('vectors.py', '--check');
  t.equal(status, 0, output);
});

t.test('two of it meet over a bad link', { skip }, async (t) => {
  const [alice, bob] = [await python(t, 'alice'), await python(t, 'bob')];
  await alice.peer.do('contact', { contact: 'bob', address: bob.address });
  await bob.peer.do('contact', { contact: 'alice', address: alice.address });
  await alice.peer.do('meet', { contact: 'bob' });
  await bob.peer.until('kept');
  await bob.peer.do('lose', { replies: 1 });
  await bob.peer.do('meet', { contact: 'alice' });
  const [one, other] = [await alice.peer.until('code'), await bob.peer.until('code')];
  t.strictSame([one['code'], one['key_check']], [other['code'], other['key_check']]);
  await bob.peer.do('text', { contact: 'alice', text: 'grüezi' });
  t.match(await alice.peer.until('message'), { text: 'grüezi' });
});
