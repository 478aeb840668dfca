/** S: strangers who call as often, as slowly and as largely as they can. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { encodeBundle } from '../src/protocol/index.ts';
import { ARRIVAL_LIMITS } from '../src/routes/index.ts';
import { until } from '../test/support/peer-process.ts';
import { Random } from '../test/support/random.ts';
import type { Attempt } from './attempt.ts';
import { post, postBytes } from './wire.ts';
import { heard, refused, say, shown, sum, type World } from './world.ts';

const MiB = 1024 * 1024;
const [XX1, KK1] = [1, 7];

const lyingLengths: Attempt<World> = {
  by: 'S',
  tried: 'bundles that lie about lengths, hold too many packets, or are too large',
  async run({ bob }) {
    const many = Uint8Array.from({ length: 4_097 * 3 }, (_, at) => (at % 3 === 1 ? 1 : 0));
    const cases: readonly (readonly [string, Uint8Array, number])[] = [
      ['half a length', Uint8Array.of(0), 400],
      ['a length and nothing', Uint8Array.of(0, 5), 400],
      ['a length of 0', Uint8Array.of(0, 0), 400],
      ['a packet that ends early', Uint8Array.of(0xff, 0xff, 1, 2, 3), 400],
      ['4,097 packets', many, 400],
      ['a byte more than 1 MiB', new Uint8Array(MiB + 1), 413],
    ];
    const before = sum(await refused(bob));
    for (const [what, body, status] of cases) {
      assert.equal((await postBytes(bob.origin, body)).status, status, what);
    }
    const counted = sum(await refused(bob)) - before;
    assert.ok(counted <= cases.length, 'packets of a refused bundle were processed');
    return `${cases.length} bundles: 400 and 413, nothing of them processed`;
  },
};

const halfOpen: Attempt<World> = {
  by: 'S',
  tried: '10,000 half-open handshakes: XX1 that nobody asked for, KK1 without a gate',
  async run({ bob, toBob, toAlice }) {
    const passed = [...toBob.packets(), ...toAlice.packets()];
    const opening = passed.find(([type]) => type === XX1);
    assert.ok(opening, 'no XX1 was heard');
    const random = new Random(10_000);
    const fresh = (type: number, at: number) => {
      const size = type === XX1 ? opening.length : 180;
      const packet = new Uint8Array(size);
      if (type === XX1) packet.set(opening);
      else packet.set([type, 0, 0, 0, ...random.bytes(size - 4)]);
      packet.set(random.bytes(31), at);
      packet[at + 31] = 1;
      return packet;
    };
    bob.forgetPeak();
    const before = bob.peakMemory();
    for (let round = 0; round < 10; round += 1) {
      const packets = Array.from({ length: 1_000 }, (_, at) =>
        at % 2 === 0 ? fresh(XX1, 4) : fresh(KK1, 8),
      );
      const { status } = await post(bob.origin, packets);
      assert.equal(status, 200);
    }
    const { waiting } = await shown(bob);
    assert.ok(waiting.length <= 4, `${waiting.length} are kept`);
    const grown = Math.round((bob.peakMemory() - before) / MiB);
    assert.ok(grown < 64, `memory grew by ${grown} MiB`);
    return `10,000: ${waiting.length} kept, memory + ${grown} MiB`;
  },
};

const slowSenders: Attempt<World> = {
  by: 'S',
  tried: '60 senders that give one byte a second, and 60 that say nothing at all',
  async run(world) {
    const { bob } = world;
    const sockets = Array.from({ length: 120 }, () => connect(bob.port, '127.0.0.1'));
    const closed = sockets.map(untilClosed);
    const head =
      'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n';
    const dribbling = sockets.slice(60);
    for (const socket of dribbling) socket.write(head);
    const dribble = setInterval(() => {
      for (const socket of dribbling) if (socket.writable) socket.write('x');
    }, 1_000);
    await say(world, 'beside slow ones');
    assert.deepEqual(await heard(world), ['beside slow ones'], 'no honest message beside them');
    await Promise.all(closed);
    clearInterval(dribble);
    return 'all 120 were closed by deadline, and an honest message passed beside them';
  },
};

async function untilClosed(socket: Socket): Promise<void> {
  // Not by `once`, for which an error comes first: who is cut may hear of it by a reset.
  socket.on('error', () => undefined).resume();
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

/** As many as a connection may be ahead. */
const IN_A_ROW = 8;

/** Requests as fast as one connection takes them, one behind the other. Returns each status. */
async function hammer({ bob }: World, localAddress: string, end: number): Promise<string[]> {
  const body = encodeBundle([new Uint8Array(64).fill(10)]);
  const head = `POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`;
  const some = Buffer.concat(Array(IN_A_ROW).fill(Buffer.concat([Buffer.from(head), body])));
  const socket = connect({ port: bob.port, host: '127.0.0.1', localAddress });
  const statuses: string[] = [];
  let [left, unread] = [IN_A_ROW, ''];
  socket.on('data', (chunk: Buffer) => {
    unread += chunk.toString('latin1');
    const found = [...unread.matchAll(/HTTP\/1\.1 (\d{3}) /g)];
    const last = found.at(-1);
    if (last !== undefined) unread = unread.slice(last.index + last[0].length);
    statuses.push(...found.map(([, status = '']) => status));
    left -= found.length;
    if (left > 0) return;
    left = IN_A_ROW;
    if (performance.now() > end) socket.destroy();
    else socket.write(some);
  });
  socket.write(some);
  await untilClosed(socket);
  return statuses;
}

const FLOOD_MS = 4_000;
const AT_ONCE = 4;

/** From addresses 127.0.1.1 and up, each with its own connections. */
async function flood(world: World, addresses: number) {
  const grown = growthOf(world);
  const began = performance.now();
  const from = Array.from(
    { length: addresses * AT_ONCE },
    (_, at) => `127.0.1.${(at % addresses) + 1}`,
  );
  const flooding = Promise.all(from.map((address) => hammer(world, address, began + FLOOD_MS)));
  let honest = 0;
  while (performance.now() < began + FLOOD_MS) {
    await say(world, `in the flood ${honest}`);
    honest += 1;
  }
  const statuses = (await flooding).flat();
  const limited = statuses.filter((status) => status === '429').length;
  const { perSecond, burst } = ARRIVAL_LIMITS;
  const allowed = addresses * (burst + (perSecond * (performance.now() - began)) / 1_000);
  assert.ok(statuses.length - limited <= allowed, 'more were let in than may be');
  const texts = await heard(world);
  assert.equal(texts.length, honest, 'not each honest message arrived');
  return `${statuses.length} requests in ${FLOOD_MS / 1_000} s (${limited} told to wait): ${honest} honest messages passed meanwhile, ${grown()}`;
}

/** Over what it holds when it begins. */
const GROWTH_MAX_MiB = 200;

/** @throws {Error} when asked, if what bob has held at most since now is more than that. */
function growthOf({ bob }: World, max_MiB = GROWTH_MAX_MiB): () => string {
  bob.forgetPeak();
  const before = bob.peakMemory();
  return () => {
    const grown = Math.round((bob.peakMemory() - before) / 1024 / 1024);
    assert.ok(grown <= max_MiB, `memory grew by ${grown} MiB`);
    return `memory + ${grown} MiB`;
  };
}

/** More than one address may have under way; the rate it may have takes a machine that is quick. */
const [STALLED, UNDER_WAY] = [80, ARRIVAL_LIMITS.underWayMax];

/** Requests whose bodies never end. Returns how many were told to wait. */
async function stall({ bob }: World): Promise<number> {
  const head =
    'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nx';
  const where = { port: bob.port, host: '127.0.0.1', localAddress: '127.0.1.1' };
  const sockets = Array.from({ length: STALLED }, () => connect(where));
  let told = 0;
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      told += chunk.toString('latin1').startsWith('HTTP/1.1 429 ') ? 1 : 0;
    });
    socket.write(head);
  }
  await until('who has too many under way is told to wait', () =>
    told >= STALLED - UNDER_WAY ? true : undefined,
  ).finally(() => sockets.map((socket) => socket.destroy()));
  return told;
}

const fromOne: Attempt<World> = {
  by: 'S',
  tried: `a flood from one address, and 80 requests at once that never end: memory at most + ${GROWTH_MAX_MiB} MiB`,
  async run(world) {
    const told = await stall(world);
    return `${told} of ${STALLED} told to wait; ${await flood(world, 1)}`;
  },
};

/** More than there are places. */
const HELD = 1_500;

/** A stranger who calls anew: what is connected already proves nothing. */
async function isHealthy({ bob }: World): Promise<boolean> {
  const agent = new Agent();
  const { statusCode, body } = await request(`${bob.origin}/healthz`, { dispatcher: agent });
  await body.dump();
  await agent.close();
  return statusCode === 200;
}

interface Hoard {
  readonly addresses: number;
  readonly tried: string;
  /** What each connection says; without it, nothing. */
  readonly says?: string | Uint8Array;
  readonly growthMax_MiB?: number;
  readonly more: (world: World) => Promise<string>;
}

function hoard({ addresses, tried, says, growthMax_MiB, more }: Hoard) {
  const attempt: Attempt<World> = {
    by: 'S',
    tried,
    async run(world) {
      const grown = growthOf(world, growthMax_MiB);
      const sockets = Array.from({ length: HELD }, (_, at) => {
        const localAddress = `127.0.2.${(at % addresses) + 1}`;
        return connect({ port: world.bob.port, host: '127.0.0.1', localAddress });
      });
      const opened = sockets.map((socket) =>
        once(
          socket.on('error', () => undefined),
          'connect',
        ),
      );
      try {
        await Promise.allSettled(opened);
        if (says !== undefined) for (const socket of sockets) socket.write(says);
        assert.ok(await isHealthy(world), 'a newcomer finds no place');
        await say(world, 'beside those who hold all places');
        assert.deepEqual(await heard(world), ['beside those who hold all places']);
        return `${await more(world)}; all in all ${grown()}`;
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
  };
  return attempt;
}

const MEMORY = `memory at most + ${GROWTH_MAX_MiB} MiB`;
const makesRoom = async () =>
  'a newcomer gets the place of one of them: a stranger and an honest message were served';

/** Of what they have sent 1,000 MiB are read; of those 80 may be kept. */
const UNFINISHED_MAX_MiB = 300;

const hoards: readonly Attempt<World>[] = [
  hoard({
    addresses: 1,
    tried: '1,500 connections from one address that ask nothing: there are 1,000 places',
    more: makesRoom,
  }),
  hoard({
    addresses: 1,
    tried: `the same, each with a picture that never ends: ${MEMORY}`,
    says: 'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 30000000\r\n\r\n\x89PNG',
    more: makesRoom,
  }),
  hoard({
    addresses: 16,
    tried: `1,500 bundles from 16 addresses, each of 1 MiB without its last byte: memory at most + ${UNFINISHED_MAX_MiB} MiB`,
    growthMax_MiB: UNFINISHED_MAX_MiB,
    says: Buffer.concat([
      Buffer.from(
        `POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: ${MiB}\r\n\r\n`,
      ),
      Buffer.alloc(MiB - 1),
    ]),
    more: makesRoom,
  }),
  hoard({
    addresses: 40,
    tried: `a flood from 40 addresses, which hold 1,500 connections besides: ${MEMORY}`,
    more: (world) => flood(world, 40),
  }),
];

const [AHEAD_CONNECTIONS, AHEAD] = [300, 600];

const sentAhead: Attempt<World> = {
  by: 'S',
  tried: `${AHEAD_CONNECTIONS} connections that send ${AHEAD} requests each and read no answer: ${MEMORY}`,
  async run(world) {
    const grown = growthOf(world);
    const requests = ['/web/page.js', '/', '/openapi.json']
      .map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${world.bob.port}\r\n\r\n`)
      .join('');
    const where = { port: world.bob.port, host: '127.0.0.1', localAddress: '127.0.1.1' };
    const sockets = Array.from({ length: AHEAD_CONNECTIONS }, () => connect(where));
    const written = sockets.map((socket) => {
      socket.on('error', () => undefined).pause();
      return new Promise<void>((resolve) =>
        socket.write(requests.repeat(AHEAD / 3), () => resolve()),
      );
    });
    try {
      await Promise.all(written);
      assert.ok(await isHealthy(world), 'a stranger is not served');
      await say(world, 'beside those who do not read');
      assert.deepEqual(await heard(world), ['beside those who do not read']);
      // Whoever is cut hears of it when it reads.
      await Promise.all(sockets.map(untilClosed));
      return `each was cut; a stranger and an honest message were served; ${grown()}`;
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

/** Connections, and what each sends: six bytes for each of its chunks of one. */
const [CRUMBLING, CRUMBS] = [60, '1\r\nx\r\n'.repeat(MiB - 10)];

const inCrumbs: Attempt<World> = {
  by: 'S',
  tried: `${CRUMBLING} bundles at once in a million chunks of a byte each, from one address: ${MEMORY}`,
  async run(world) {
    const grown = growthOf(world);
    const where = { port: world.bob.port, host: '127.0.0.1', localAddress: '127.0.1.1' };
    const sockets = Array.from({ length: CRUMBLING }, () => connect(where));
    const closed = sockets.map(untilClosed);
    const head =
      'POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
    for (const socket of sockets) socket.write(head + CRUMBS);
    try {
      await say(world, 'beside crumbs');
      assert.deepEqual(await heard(world), ['beside crumbs']);
      await Promise.all(closed);
      return `each was cut; an honest message passed meanwhile; ${grown()}`;
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

/** PROTOCOL §4.2: a peer's. */
const STATUSES_A_SECOND = 2_000;

const statusStorm: Attempt<World> = {
  by: 'S',
  tried: '12,000 packets that each deserve a STATUS: an amplifier',
  async run({ bob }) {
    await sleep(1_000);
    const bundles = [0, 1, 2].map((bundle) =>
      Array.from({ length: 4_000 }, (_, at) => {
        const packet = new Uint8Array(48);
        packet.set([10, 0, 0, 0, 1, 2, (bundle << 4) | (at >> 8), at & 255]);
        return packet;
      }),
    );
    const began = performance.now();
    const replies = await Promise.all(bundles.map((packets) => post(bob.origin, packets)));
    const answers = replies.flatMap(({ packets }) => packets);
    const seconds = Math.ceil((performance.now() - began) / 1_000);
    const size = answers.reduce((total, { length }) => total + length, 0);
    assert.ok(answers.length <= STATUSES_A_SECOND * (seconds + 1), `${answers.length} answers`);
    assert.ok(size <= (12_000 * 48) / 4, `${size} bytes`);
    return `${answers.length} answers of 12 bytes (${size} in all) to 576,000 bytes`;
  },
};

export const FLOODS: readonly Attempt<World>[] = [
  lyingLengths,
  halfOpen,
  statusStorm,
  slowSenders,
  fromOne,
  ...hoards,
  sentAhead,
  inCrumbs,
];
