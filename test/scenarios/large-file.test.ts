/**
 * Goal: a large file passes in bounded memory, goes on where it was when either side is killed,
 * and shows how far it is.
 * Method: two real processes, a file that is made while it is sent and hashed while it is read,
 * and the kernel's own count of the most memory each process ever held.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { request } from 'undici';
import { rounds } from '../support/counts.ts';
import { type PeerProcess, until } from '../support/peer-process.ts';
import { WireTap } from '../support/wire-tap.ts';
import { pairOfProcesses, untilDelivered } from './support/pairs.ts';

const MiB = 1024 * 1024;
const FILE_SIZE = rounds({ reduced: 128, full: 512 }) * MiB;
/**
 * Holding that file whole, be it once, would break it on either side. The runtime lets 64 MiB of
 * buffers pass before it collects any, and what is streamed to a reader is such.
 */
const GROWTH_MAX = 120 * MiB;
/** Of the file that is interrupted: hundreds of parts. */
const INTERRUPTED_SIZE = 24 * MiB;
const CHUNK_SIZE = 64 * 1024;
/** 24 MiB take a second or more, of which four kills use a few tenths. */
const CHUNK_MS = 2;

interface Written {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Of all bytes, once they were read. */
  hash(): string;
}

/** `size` bytes, each chunk different from every other. `onChunk` hears how many are out. */
function file(size: number, onChunk: (sent: number) => void = () => {}): Written {
  const hash = createHash('sha256');
  async function* chunks() {
    for (let sent = 0; sent < size; sent += CHUNK_SIZE) {
      const chunk = new Uint8Array(Math.min(CHUNK_SIZE, size - sent)).fill((sent >> 16) & 255);
      new DataView(chunk.buffer).setUint32(0, sent);
      hash.update(chunk);
      onChunk(sent);
      yield chunk;
    }
  }
  return { bytes: chunks(), hash: () => hash.digest('hex') };
}

/** The files that wait in the inbox, with the hash of what they hold. */
async function receivedFiles(peer: PeerProcess) {
  const headers = { authorization: `Bearer ${peer.token}` };
  const messages = await peer.opened();
  return await Promise.all(
    messages.map(async ({ name, size, content }) => {
      const hash = createHash('sha256');
      const { body } = await request(`${peer.origin}${content}`, { headers });
      for await (const chunk of body) hash.update(chunk);
      return { name, size, hash: hash.digest('hex') };
    }),
  );
}

/** How much of the file bob has, and of how many parts. */
async function progress(bob: PeerProcess): Promise<{ parts: number; count: number }> {
  return (await bob.contact('alice')).arriving[0] ?? { parts: 0, count: 0 };
}

async function send(alice: PeerProcess, name: string, { bytes }: Written): Promise<number> {
  const body = Readable.from(bytes, { objectMode: false });
  return (await alice.call('POST', `/send_msg?name=${name}`, { body })).status;
}

t.test('a large file passes in bounded memory', async (t) => {
  const { alice, bob } = await pairOfProcesses(t);
  // What the first few megabytes cost is the runtime's own: buffers, compiled code, page caches.
  const before = await transfer(t, alice, bob, 8 * MiB);
  const after = await transfer(t, alice, bob, FILE_SIZE);
  for (const side of ['alice', 'bob'] as const) {
    const grown = after[side] - before[side];
    t.comment(`${side}: ${mib(before[side])} MiB, and ${mib(grown)} more for ${mib(FILE_SIZE)}`);
    t.ok(grown < GROWTH_MAX, `${side} does not hold the file`);
  }
});

/** Sends a file and reads it on the other side. Returns the most memory that each ever held. */
async function transfer(t: Test, alice: PeerProcess, bob: PeerProcess, size: number) {
  const sent = file(size);
  const began = performance.now();
  t.equal(await send(alice, 'large.bin', sent), 202);
  await untilDelivered(alice, 'bob');
  const seconds = (performance.now() - began) / 1_000;
  t.comment(`${mib(size)} MiB in ${seconds.toFixed(1)} s`);
  t.strictSame(await receivedFiles(bob), [{ name: 'large.bin', size, hash: sent.hash() }]);
  return { alice: alice.peakMemory(), bob: bob.peakMemory() };
}

t.test('a transfer goes on where it was when either side is killed', async (t) => {
  // All that passes does so here, and slowly: nothing can be over before it was looked at.
  const wire = await WireTap.open(false, CHUNK_MS);
  t.teardown(() => wire.close());
  const { alice, bob } = await pairOfProcesses(t, { wire });
  const sent = file(INTERRUPTED_SIZE);
  t.equal(await send(alice, 'large.bin', sent), 202);
  let known = 0;
  for (const victim of [bob, alice, bob, alice]) {
    const { parts, count } = await until('more parts arrive', async () => {
      const seen = await progress(bob);
      return seen.parts > known ? seen : undefined;
    });
    t.ok(parts < count, `killed ${victim.name} at ${parts} of ${count} parts, as /show tells`);
    await victim.stop('SIGKILL');
    await victim.start();
    const now = (await progress(bob)).parts;
    t.ok(now >= parts, 'what was there is still there');
    known = now;
  }
  await untilDelivered(alice, 'bob');
  const hash = sent.hash();
  t.strictSame(await receivedFiles(bob), [{ name: 'large.bin', size: INTERRUPTED_SIZE, hash }]);
});

t.test('a file that was never accepted is never sent', async (t) => {
  const { alice, bob } = await pairOfProcesses(t);
  const half = Promise.withResolvers<void>();
  const sent = file(16 * MiB, (size) => size >= 8 * MiB && half.resolve());
  const asked = send(alice, 'half.bin', sent).catch(() => 'broken off');
  await half.promise;
  await alice.stop('SIGKILL');
  t.equal(await asked, 'broken off');
  await alice.start();
  t.match((await alice.post('/send_msg', { text: 'after', wait: 30 })).json, { delivered: true });
  t.strictSame((await alice.contact('bob')).queued, { messages: 0, items: 0, bytes: 0 });
  t.strictSame(await bob.openedTexts(), ['after']);
});

function mib(size: number): number {
  return Math.round(size / MiB);
}
