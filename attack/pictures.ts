/** S and L: pictures and forms that are bombs. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32, deflateSync } from 'node:zlib';
import { request } from 'undici';
import { encodePng, phantom } from '../src/stego/coder.ts';
import { until } from '../test/support/peer-process.ts';
import type { Attempt } from './attempt.ts';
import { heard, refused, say, type World } from './world.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

function chunk(type: string, data: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, sum]);
}

function header(width: number, height: number, depth = 8, colour = 0, interlace = 0): Uint8Array {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([depth, colour, 0, 0, interlace], 8);
  return chunk('IHDR', data);
}

function png(...chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([SIGNATURE, ...chunks, chunk('IEND', new Uint8Array())]);
}

const idat = (bytes: Uint8Array) => chunk('IDAT', deflateSync(bytes));
const honest = encodePng(phantom({ size: 64, depth: 8, seed: 3 }), { before: [], after: [] });

const BOMBS: Readonly<Record<string, Uint8Array>> = {
  'no PNG at all': Buffer.from('<html><script>alert(1)</script>'),
  nothing: new Uint8Array(),
  '60,000 × 60,000 declared': png(header(60_000, 60_000), idat(new Uint8Array(10))),
  'sizes of 2^31': png(header(2 ** 31, 2 ** 31), idat(new Uint8Array(10))),
  '160 MiB of zeros in 160 KiB': png(header(64, 64), idat(new Uint8Array(160 * 1024 * 1024))),
  'a short IDAT': png(header(64, 64), idat(new Uint8Array(100))),
  'a filter that does not exist': png(header(8, 8), idat(new Uint8Array(72).fill(9))),
  'no IDAT': png(header(8, 8)),
  'IDAT that is no zlib stream': png(header(8, 8), chunk('IDAT', new Uint8Array(50).fill(7))),
  'chunks out of order': png(idat(new Uint8Array(72)), header(8, 8)),
  'a chunk of 4 GiB': Buffer.concat([SIGNATURE, Buffer.from('ffffffff49484452', 'hex')]),
  '100,000 empty chunks': png(
    header(8, 8),
    ...Array.from({ length: 100_000 }, () => chunk('tEXt', new Uint8Array())),
    idat(new Uint8Array(72)),
  ),
  'a wrong checksum': honest.map((byte, at) => (at === 30 ? byte ^ 1 : byte)),
  'bytes after its end': Buffer.concat([honest, Buffer.alloc(1_000)]),
  'an honest picture without a message': honest,
};

const pngBombs: Attempt<World> = {
  by: 'S',
  tried: `${Object.keys(BOMBS).length} pictures to /packets: bombs, liars, cut ones, and one that hides nothing`,
  async run({ bob }) {
    bob.forgetPeak();
    const before = bob.peakMemory();
    const statuses = new Map<number, number>();
    for (const [what, body] of Object.entries(BOMBS)) {
      const { status, reply } = await untilTaken(bob.origin, body);
      assert.ok(status < 500, `${what}: ${status}`);
      assert.equal(reply.length, 0, `${what} was answered with packets`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const grown = Math.round((bob.peakMemory() - before) / 1024 / 1024);
    assert.ok(grown < 200, `memory grew by ${grown} MiB`);
    const counts = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
    return `${counts}; memory + ${grown} MiB (workers included)`;
  },
};

/** One picture at a time waits in a stranger's line: comes again when told to. */
async function untilTaken(origin: string, body: Uint8Array) {
  for (;;) {
    const { status, reply } = await bring(origin, body);
    if (status !== 503 && status !== 429)
      return { status, reply: status === 200 ? reply : NOTHING };
    await sleep(500);
  }
}

async function bring(origin: string, picture: Uint8Array) {
  const { statusCode: status, body } = await request(`${origin}/packets`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: picture,
    headersTimeout: 60_000,
  });
  return { status, reply: await body.bytes() };
}

const NOTHING = new Uint8Array();

const unauthenticated = async ({ bob }: World) => (await refused(bob))['unauthenticated'] ?? 0;

/** What the row says; some of it is the thread that looks at pictures. */
const FLOOD_GROWTH_MAX_MiB = 200;

const pictureFlood: Attempt<World> = {
  by: 'S',
  tried: `100 pictures at once from one address, each a search for a message: memory at most + ${FLOOD_GROWTH_MAX_MiB} MiB`,
  async run(world) {
    const { bob } = world;
    // What was tried before has left the line, and the address may bring some again.
    assert.equal((await untilTaken(bob.origin, honest)).status, 200);
    await sleep(6_000);
    bob.forgetPeak();
    const [before, memory] = [await unauthenticated(world), bob.peakMemory()];
    const calls = Array.from({ length: 100 }, async () => (await bring(bob.origin, honest)).status);
    await say(world, 'beside the pictures');
    const statuses = await Promise.all(calls);
    const takenCount = statuses.filter((status) => status === 200).length;
    const toldCount = statuses.filter((status) => status === 429 || status === 503).length;
    assert.equal(takenCount + toldCount, 100);
    assert.ok(takenCount > 0 && toldCount >= 90, `${takenCount} taken, ${toldCount} told to wait`);
    // A search that found nothing is counted, and only such a one.
    await until('what was taken was searched', async () => {
      const searched = (await unauthenticated(world)) - before;
      assert.ok(searched <= takenCount, `${searched} searches for ${takenCount} pictures`);
      return searched === takenCount || undefined;
    });
    assert.deepEqual(await heard(world), ['beside the pictures']);
    const grown = Math.round((bob.peakMemory() - memory) / 1024 / 1024);
    assert.ok(grown <= FLOOD_GROWTH_MAX_MiB, `memory grew by ${grown} MiB`);
    return `${takenCount} searched, ${toldCount} told to wait; an honest message passed meanwhile; memory + ${grown} MiB`;
  },
};

const formBombs: Attempt<World> = {
  by: 'L',
  tried: 'forms that are bombs: 10,000 parts, no end, no boundary, endless names, paths as names',
  async run(world) {
    const part = (name: string, value: string, more = '') =>
      `--B\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
    const cases: Readonly<Record<string, string>> = {
      '10,000 parts': `${part('text', 'x').repeat(10_000)}--B--\r\n`,
      'no end': part('text', 'forged'),
      'another boundary': '--C\r\n\r\nx\r\n--C--\r\n',
      'a name of 1 MiB': `${part('n'.repeat(1024 * 1024), 'x')}--B--\r\n`,
      'the same field twice': `${part('text', 'a')}${part('text', 'b')}--B--\r\n`,
      'a field of the prototype': `${part('__proto__', 'forged')}--B--\r\n`,
      'a file where none belongs': `${part('shell', 'x', '; filename="../../x"')}--B--\r\n`,
      nothing: '',
    };
    const statuses = new Map<number, number>();
    for (const [what, body] of Object.entries(cases)) {
      const { status } = await world.alice.call('POST', '/send_msg', {
        body,
        headers: { 'content-type': 'multipart/form-data; boundary=B' },
      });
      assert.ok(status >= 400 && status < 500, `${what} answered ${status}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.deepEqual(await heard(world), [], 'one of them was sent');
    const counts = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
    return `${counts}; none was sent`;
  },
};

export const PICTURES: readonly Attempt<World>[] = [pngBombs, pictureFlood, formBombs];
