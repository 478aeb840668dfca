/** Two peers in processes of their own, each with a ledger of what it was asked to send. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeerProcess, until } from '../test/support/peer-process.ts';
import type { Random } from '../test/support/random.ts';
import { BadWire } from './bad-wire.ts';
import { Ledger } from './ledger.ts';
import type { Holding } from './peer.ts';
import { SmallDisk } from './small-disk.ts';

const ENTRY = fileURLToPath(new URL('./peer.ts', import.meta.url));

export interface Side {
  readonly peer: PeerProcess;
  readonly other: string;
  readonly wire: BadWire;
  readonly ledger: Ledger;
  /** Resolves when it runs again. */
  up: Promise<unknown>;
}

export interface Pair {
  readonly alice: Side;
  readonly bob: Side;
  /** That of bob. */
  readonly disk: SmallDisk;
  close(): Promise<void>;
}

export async function openPair(random: Random): Promise<Pair> {
  const root = mkdtempSync(join(tmpdir(), 'sotto-soak-'));
  const disk = new SmallDisk();
  const [toAlice, toBob] = [await BadWire.open(random), await BadWire.open(random)];
  const side = (name: string, folder: string, wire: BadWire, other: string, to: BadWire): Side => {
    const own = ['--log-level', 'error', '--address', wire.address];
    const flags = [...own, '--contact', `${other}=${to.address}`];
    const peer = new PeerProcess({ name, folder, flags, entry: ENTRY });
    return { peer, other, wire, ledger: new Ledger(), up: Promise.resolve() };
  };
  const alice = side('alice', join(root, 'alice'), toAlice, 'bob', toBob);
  const bob = side('bob', join(disk.folder, 'bob'), toBob, 'alice', toAlice);
  for (const { wire } of [alice, bob]) wire.isBad = false;
  await Promise.all([start(alice), start(bob)]);
  await alice.peer.post('/send_keys');
  const { status, text } = await bob.peer.post('/send_keys');
  if (status !== 200) throw new Error(text);
  for (const { wire } of [alice, bob]) wire.isBad = true;
  return {
    ...{ alice, bob, disk },
    async close() {
      await Promise.all([alice.peer.stop('SIGKILL'), bob.peer.stop('SIGKILL')]);
      for (const wire of [toAlice, toBob]) wire.close();
      disk.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export async function start({ peer, wire }: Side): Promise<void> {
  await peer.start();
  wire.target = peer.origin;
}

/** One text; into the ledger before and after. */
export async function send(side: Side, text: string): Promise<void> {
  const { peer, other, ledger } = side;
  ledger.posted(text);
  try {
    const { status } = await peer.post('/send_msg', { text, to: other });
    if (status === 202) ledger.accepted(text);
    else ledger.refused(text);
  } catch {
    await side.up;
  }
}

/** Opens what has arrived. An answer that is lost loses nothing: `received` finds it again. */
export async function open({ peer, up }: Side): Promise<void> {
  try {
    await peer.opened();
  } catch {
    await up;
  }
}

interface Page {
  readonly messages: readonly { readonly direction: 'in' | 'out'; readonly text?: string }[];
  /** Where the next page ends; none after the last. */
  readonly before?: number | string;
}

/** Every text that has ever arrived, as often as the peer keeps it. */
export async function received({ peer, other }: Side): Promise<string[]> {
  const headers = { authorization: `Bearer ${peer.token}` };
  const texts: string[] = [];
  let more = '';
  do {
    const answer = await peer.call('GET', `/messages?with=${other}${more}`, { headers });
    if (answer.status !== 200) throw new Error(answer.text);
    const { messages, before } = JSON.parse(answer.text) as Page;
    const arrived = messages.filter(({ direction }) => direction === 'in');
    texts.push(...arrived.map(({ text }) => text ?? 'a message without a text'));
    more = before === undefined || before === null ? '' : `&before=${before}`;
  } while (more !== '');
  return texts;
}

export async function untilDrained({ peer, other }: Side): Promise<void> {
  const what = `${peer.name} has everything acknowledged`;
  await until(
    what,
    async () => ((await peer.contact(other)).queued.messages === 0 ? true : undefined),
    { patience_ms: 180_000, poll_ms: 200 },
  );
}

/** After a forced collection of garbage. */
export async function holdingOf({ peer }: Side): Promise<Holding> {
  const before = peer.told.length;
  process.kill(peer.pid ?? 0, 'SIGUSR2');
  return until(`${peer.name} tells what it holds`, () => {
    const told = peer.told[before] as { holding: Holding } | undefined;
    return told?.holding;
  });
}
