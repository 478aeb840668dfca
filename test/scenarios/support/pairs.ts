/** Two processes that can be killed and come back under the same address. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from '../../support/free-ports.ts';
import { PeerProcess, until } from '../../support/peer-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { WireTap } from '../../support/wire-tap.ts';

export interface Pair {
  readonly alice: PeerProcess;
  readonly bob: PeerProcess;
}

/** What differs from one side to the other. */
export interface PairOptions {
  /** Instead of folders that are removed at the end. */
  readonly aliceFolder?: string;
  readonly flags?: readonly string[];
  /** By which alice calls bob. */
  readonly wire?: WireTap;
}

/** Two that run and have met, as the walk does it. */
export async function pairOfProcesses(t: Test, options: PairOptions = {}): Promise<Pair> {
  const folder = temporaryFolder(t);
  const ports = [await freePort(), await freePort()] as const;
  const { flags = [], aliceFolder = join(folder, 'alice'), wire } = options;
  if (wire !== undefined) wire.target = ports[1];
  const bobAddress = wire?.address ?? `http://127.0.0.1:${ports[1]}`;
  const common = ['--log-level', 'warn', ...flags];
  const alice = new PeerProcess({
    name: 'alice',
    folder: aliceFolder,
    flags: [...common, '--port', `${ports[0]}`, '--contact', `bob=${bobAddress}`],
  });
  const bob = new PeerProcess({
    name: 'bob',
    folder: join(folder, 'bob'),
    flags: [...common, '--port', `${ports[1]}`, '--contact', `alice=http://127.0.0.1:${ports[0]}`],
  });
  t.teardown(() => Promise.all([alice.stop('SIGKILL'), bob.stop('SIGKILL')]));
  await Promise.all([alice.start(), bob.start()]);
  await alice.post('/send_keys');
  const { status, text } = await bob.post('/send_keys');
  if (status !== 200) throw new Error(`they did not meet: ${text}`);
  return { alice, bob };
}

export function untilDelivered(from: PeerProcess, to: string): Promise<true> {
  return until(`all that ${from.name} has for ${to} is acknowledged`, async () => {
    const { queued } = await from.contact(to);
    return queued.messages === 0 ? true : undefined;
  });
}
