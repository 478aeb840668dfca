/**
 * Goal: whatever got its 202 arrives exactly once, though either side is killed at any moment.
 * Method: two real processes with real databases send to each other while one of them, by a seed,
 * is killed with SIGKILL and started again, over and over. A ledger outside notes each message
 * before its POST; at the end it is held against what was opened on the other side.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { rounds } from '../support/counts.ts';
import { Ledger } from '../support/ledger.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { Random } from '../support/random.ts';
import { WireTap } from '../support/wire-tap.ts';

const KILLS = rounds({ reduced: 30, full: 300 });
const MESSAGES_PER_KILL = 38; // 30 kills: more than 1,000 messages each way.
const AT_ONCE = 4;
/** A kill falls anywhere in the time that a round's messages take. */
const KILL_WITHIN_MS = 400;

interface Side {
  readonly peer: PeerProcess;
  readonly other: string;
  readonly wire: WireTap;
  readonly ledger: Ledger;
  /** Resolves when it is up again after the last kill. */
  up: Promise<void>;
}

async function startSides(t: Test): Promise<readonly [Side, Side]> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-kill-'));
  const [aliceWire, bobWire] = await Promise.all([WireTap.open(false), WireTap.open(false)]);
  const side = (name: string, wire: WireTap, other: string, address: string): Side => {
    const flags = ['--address', wire.address, '--contact', `${other}=${address}`];
    const peer = new PeerProcess({ name, folder: join(folder, name), flags });
    return { peer, other, wire, ledger: new Ledger(), up: Promise.resolve() };
  };
  const sides = [
    side('alice', aliceWire, 'bob', bobWire.address),
    side('bob', bobWire, 'alice', aliceWire.address),
  ] as const;
  t.teardown(async () => {
    await Promise.all(sides.map(({ peer }) => peer.stop('SIGKILL')));
    for (const { wire } of sides) wire.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await Promise.all(sides.map(start));
  return sides;
}

async function start({ peer, wire }: Side): Promise<void> {
  wire.target = (await peer.start()).port;
}

/** Each text once: who gets no answer does not know, so it is not sent again. */
async function send(side: Side, texts: readonly string[]): Promise<void> {
  const { peer, ledger } = side;
  const waiting = [...texts];
  const sender = async () => {
    for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
      ledger.posted(text);
      try {
        const { status } = await peer.post('/send_msg', { text });
        if (status === 202) ledger.accepted(text);
        else ledger.refused(text);
      } catch {
        await side.up;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
}

t.test('messages both ways, and a kill for every 38 of them', async (t) => {
  const seed = Number(process.env['SOTTO_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  t.comment(`SOTTO_SEED=${seed}`);
  const random = new Random(seed);
  const sides = await startSides(t);
  const [alice, bob] = sides;
  await alice.peer.post('/send_keys');
  t.equal((await bob.peer.post('/send_keys')).status, 200);

  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = random.once(2) ? alice : bob;
    const texts = ({ peer }: Side) =>
      Array.from({ length: MESSAGES_PER_KILL }, (_, index) => `${peer.name} ${kill}.${index}`);
    victim.up = sleep(random.below(KILL_WITHIN_MS))
      .then(() => victim.peer.stop('SIGKILL'))
      .then(() => start(victim));
    await Promise.all([victim.up, ...sides.map((side) => send(side, texts(side)))]);
  }
  for (const { peer, other } of sides) {
    await until(`everything of ${peer.name} is acknowledged`, async () => {
      const { queued } = await peer.contact(other);
      return queued.messages === 0 ? true : undefined;
    });
  }
  for (const [sender, receiver] of [[alice, bob] as const, [bob, alice] as const]) {
    const { ledger } = sender;
    const opened = await receiver.peer.openedTexts();
    t.strictSame(ledger.audit(opened), [], `what ${sender.peer.name} sent`);
    t.equal(ledger.count('refused'), 0, 'none was refused');
    const accepted = ledger.count('accepted');
    t.comment(`${sender.peer.name}: ${accepted} accepted, ${opened.length} opened`);
    t.ok(accepted > KILLS * (MESSAGES_PER_KILL - AT_ONCE), 'and that was most of it');
  }
});
