/**
 * Goal: a large file passes in bounded memory, shows how far it is, and goes on where it was when
 * either side is killed.
 * Method: real processes; a file many times larger than what they may hold; each is killed once
 * while parts are on their way; the kernel says how much memory each has held at most.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { request } from 'undici';
import { rounds } from '../support/counts.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { WireTap } from '../support/wire-tap.ts';

const MiB = 1024 * 1024;
const FILE_SIZE = rounds({ reduced: 64, full: 512 }) * MiB;
const CHUNK_SIZE = MiB;
/** A peer that does nothing holds 140 MiB. The long run's file alone is larger than this. */
const MEMORY_MAX = 320 * MiB;

/** Different everywhere, and the same each time. */
function* film(): Iterable<Buffer> {
  for (let offset = 0; offset < FILE_SIZE; offset += CHUNK_SIZE) {
    const chunk = new Uint32Array(CHUNK_SIZE / 4);
    for (const index of chunk.keys()) chunk[index] = Math.imul(offset / 4 + index, 0x9e3779b1);
    yield Buffer.from(chunk.buffer);
  }
}

async function hashOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

interface Side {
  readonly peer: PeerProcess;
  readonly wire: WireTap;
}

async function startPair(t: Test): Promise<{ readonly alice: Side; readonly bob: Side }> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-file-'));
  const [aliceWire, bobWire] = await Promise.all([WireTap.open(false), WireTap.open(false)]);
  const side = (name: string, wire: WireTap, contact: string): Side => {
    const flags = ['--address', wire.address, '--contact', contact];
    return { peer: new PeerProcess({ name, folder: join(folder, name), flags }), wire };
  };
  const alice = side('alice', aliceWire, `bob=${bobWire.address}`);
  const bob = side('bob', bobWire, `alice=${aliceWire.address}`);
  t.teardown(async () => {
    await Promise.all([alice, bob].map(({ peer }) => peer.stop('SIGKILL')));
    for (const { wire } of [alice, bob]) wire.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await Promise.all([alice, bob].map(start));
  return { alice, bob };
}

async function start({ peer, wire }: Side): Promise<void> {
  wire.target = (await peer.start()).port;
}

/** Kills a peer and starts it again. Returns how much memory it had held. */
async function restart(side: Side): Promise<number> {
  const peak = side.peer.peakMemory();
  await side.peer.stop('SIGKILL');
  await start(side);
  return peak;
}

/** How many parts of the file are there; undefined: all, so it is a message now. */
async function partsOf({ peer }: Side, from: string): Promise<number | undefined> {
  const { arriving, unopened } = await peer.contact(from);
  return unopened > 0 ? undefined : (arriving[0]?.parts ?? 0);
}

t.test('a large file, with a kill on either side', async (t) => {
  const { alice, bob } = await startPair(t);
  await alice.peer.post('/send_keys');
  await bob.peer.post('/send_keys');
  const body = Readable.from(film());
  const sent = await request(`${alice.peer.origin}/send_msg?name=film.bin`, {
    method: 'POST',
    body,
  });
  t.equal(sent.statusCode, 202);
  await sent.body.dump();

  const peaks: number[] = [];
  let here = 0;
  for (const victim of [bob, alice]) {
    await until('more parts are there', async () => {
      const parts = await partsOf(bob, 'alice');
      return parts === undefined || parts > here + 100 ? true : undefined;
    });
    const before = await partsOf(bob, 'alice');
    peaks.push(await restart(victim));
    const after = await partsOf(bob, 'alice');
    if (before === undefined || after === undefined) continue; // It was quicker than the kill.
    t.ok(after >= before, `${before} parts before the kill, ${after} after it`);
    here = after;
  }
  const whole = async () => ((await partsOf(bob, 'alice')) === undefined ? true : undefined);
  await until('the file is there', whole, { patience_ms: 600_000, poll_ms: 500 });
  const headers = { authorization: `Bearer ${bob.peer.token}` };
  const { json } = await bob.peer.call('POST', '/decrypt_msg', { headers });
  t.match(json, { count: 1, messages: [{ name: 'film.bin', size: FILE_SIZE }] });
  const got = await request(`${bob.peer.origin}${json.messages[0].content}`, { headers });
  t.equal(await hashOf(got.body), await hashOf(film()), 'byte for byte');

  peaks.push(alice.peer.peakMemory(), bob.peer.peakMemory());
  const most = Math.max(...peaks);
  t.comment(`at most ${Math.round(most / MiB)} MiB held, for a file of ${FILE_SIZE / MiB} MiB`);
  t.ok(most < MEMORY_MAX, `${Math.round(most / MiB)} MiB`);
});
