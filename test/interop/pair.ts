/** A peer of this program and the one in Python, who know each other's addresses. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { decodeBundle } from '../../src/protocol/index.ts';
import { freePort } from '../support/free-ports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { PythonPeer } from './python-peer.ts';
import { SottoPeer, until } from './sotto-peer.ts';

export interface Pair {
  readonly sotto: SottoPeer;
  readonly sottoFolder: string;
  /** Called `py` on the other side, and calls it `sotto`. */
  readonly python: PythonPeer;
  readonly pythonStore: string;
  readonly pythonPort: number;
  readonly address: string;
}

export async function startPython(t: Test, store: string, port = 0, ...args: string[]) {
  const started = await PythonPeer.start('py', store, port, ...args);
  t.teardown(() => started.peer.stop());
  return started;
}

/** Each at a port that it has again after a restart; `args` are peer.py's. */
export async function pair(t: Test, ...args: string[]): Promise<Pair> {
  const [sottoFolder, pythonStore] = [temporaryFolder(t), join(temporaryFolder(t), 'py')];
  const { peer: python, address } = await startPython(t, pythonStore, await freePort(), ...args);
  const sotto = await SottoPeer.start('sotto', sottoFolder, await freePort(), `py=${address}`);
  t.teardown(() => sotto.stop());
  await python.do('contact', { contact: 'sotto', address: sotto.origin });
  const pythonPort = Number(new URL(address).port);
  return { sotto, sottoFolder, python, pythonStore, pythonPort, address };
}

/** Who have met by XX, with all its events taken. */
export async function meet(t: Test, ...args: string[]): Promise<Pair> {
  const both = await pair(t, ...args);
  await both.sotto.call('/send_keys', { to: 'py' });
  await both.python.until('kept');
  await both.python.do('meet', { contact: 'sotto' });
  await both.python.until('code');
  await both.python.until('session');
  await until('a session', async () => (await both.sotto.contact('py'))['session'] === 'current');
  return both;
}

/** Any body to `/packets`; what came back. */
export async function post(
  { origin }: SottoPeer,
  body: Uint8Array,
  type = 'application/octet-stream',
): Promise<{
  readonly status: number;
  readonly type: string | null;
  readonly packets: readonly Uint8Array[];
}> {
  const headers = { 'content-type': type };
  const response = await fetch(`${origin}/packets`, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
  });
  const reply = await response.bytes();
  const packets = response.status === 200 ? decodeBundle(reply) : [];
  return { status: response.status, type: response.headers.get('content-type'), packets };
}
