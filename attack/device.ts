/** H: who owns the line between device and peer; and C, the device's contact, who means no good. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeFrame } from '../src/link/serial-frame.ts';
import type { Payload } from '../src/protocol/index.ts';
import { until } from '../test/support/peer-process.ts';
import { Random } from '../test/support/random.ts';
import type { Attempt } from './attempt.ts';
import { BENT_PAYLOADS, message, outbox, STRANGE_CONTENTS, text } from './contact.ts';
import { type DeviceWorld, pairHonest, type RogueWorld, sayBothWays } from './device-world.ts';
import { post } from './wire.ts';
import { sum } from './world.ts';

const ATTACKER = fileURLToPath(new URL('../test/hardware/attacker.ts', import.meta.url));
const BLAST_MS = 3_000;
const TAKEN_MIN = 64 * 1024;
const SANITIZERS_KIB = 4_096;
/** Of what lies between two zeros, at least so much is no frame. */
const MOST = 0.9;
/** A quarter of the frames says HELLO, of which hardly any holds what a HELLO holds. */
const A_FIFTH = 0.2;

interface Held {
  /** KiB. */
  readonly resident: number;
  readonly files: number;
}

/**
 * Of a process without a heap of its own. The sanitizers, which it is built with here, take some
 * memory as they see more; without them (`make SANITIZE=`) it does not grow by a KiB.
 */
function assertHeld(pid: number | undefined, before: Held): void {
  const after = holding(pid);
  const grown = after.resident - before.resident;
  assert.ok(grown < SANITIZERS_KIB, `resident memory grew by ${grown} KiB`);
  assert.ok(after.files <= before.files + 2, `${after.files} open files`);
}

function holding(pid: number | undefined): Held {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
  return { resident, files: readdirSync(`/proc/${pid}/fd`).length };
}

function blast(
  tried: string,
  noisy: number,
  bytes: (random: Random) => Uint8Array,
): Attempt<DeviceWorld> {
  return {
    by: 'H',
    tried,
    async run({ device, serial, facts }) {
      const random = new Random(7);
      const before = holding(device.pid);
      const noise = sum((await facts()).line);
      const line = openSync(serial, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
      let written = 0;
      let [runs, last] = [0, 0];
      const end = performance.now() + BLAST_MS;
      // A busy machine reads slowly; what hangs is ended by the deadline of every attempt.
      while (performance.now() < end || written <= TAKEN_MIN) {
        const sent = bytes(random);
        try {
          const size = writeSync(line, sent);
          written += size;
          for (const byte of sent.subarray(0, size)) {
            if (byte === 0 && last !== 0) runs += 1;
            last = byte;
          }
        } catch {
          // The kernel's buffer is full: as fast as the device reads.
          await sleep(1);
        }
      }
      assertHeld(device.pid, before);
      const counted = sum((await facts()).line) - noise;
      assert.ok(counted > runs * noisy, `only ${counted} of ${runs} were noise`);
      return `${Math.round(written / 1024)} KiB in ${BLAST_MS / 1_000} s, ${counted} counted as noise; it holds what it held`;
    },
  };
}

/** Whole frames with right checksums, and anything in them. */
function frames(random: Random): Uint8Array {
  const types = ['hello', 'data', 'ack', 'log'] as const;
  const channels = ['link', 'packets', 'verbs', 'log'] as const;
  return encodeFrame({
    type: random.pick(types) ?? 'data',
    channel: random.pick(channels) ?? 'packets',
    more: random.once(2),
    seq: random.below(256),
    ack: random.below(256),
    payload: random.bytes(random.below(513)),
  });
}

const BYTES: readonly Attempt<DeviceWorld>[] = [
  blast('random bytes on the line at full speed', MOST, (random) => random.bytes(512)),
  blast('zeros and endless frames at full speed', MOST, (random) =>
    new Uint8Array(4_096).fill(random.once(8) ? 0 : 0xff),
  ),
  blast('whole frames at full speed, with right checksums and anything in them', A_FIFTH, frames),
];

const bridge: Attempt<DeviceWorld> = {
  by: 'H',
  tried:
    'a bridge that drops, changes, cuts, delays, repeats, replays, reflects, babbles, and forges STATUS about each packet',
  async run(world) {
    const seen = `${world.folder}/seen`;
    await world.bridge.stop();
    const args = [ATTACKER, world.serial, world.pi.origin, '11', seen];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const [line] = await once(createInterface(child.stdout), 'line');
      const origin = String(line).replace('origin ', '');
      await pairHonest(world, origin);
      const texts = ['first', 'second', 'third'].map((word) => `${word} under attack`);
      world.said.push(...texts);
      const send = (text: string) => world.device.type(`send_msg ${text}`);
      for (const each of texts.slice(0, 2)) send(each);
      const did = async () =>
        (await (await fetch(`${origin}/did`)).json()) as Readonly<Record<string, number>>;
      // The peer asks for nothing meanwhile: whatever the device needs it has to do by itself.
      await until(
        'each attack was tried',
        async () => Object.values(await did()).every((count) => count > 0) || undefined,
        { patience_ms: 80_000, poll_ms: 50 },
      );
      // Its session is gone, and it is told that nobody knows it, whatever it asks.
      child.stdin.write('deny\n');
      await world.pi.restart([], 'SIGKILL');
      send(texts[2] ?? '');
      const { deny = 0 } = await did();
      await until('it was denied', async () => ((await did())['deny'] ?? 0) > deny || undefined);
      const tried = sum(await did());
      child.stdin.write('enough\n');
      const arrived: string[] = [];
      await until('what the device sent has arrived', async () => {
        arrived.push(...(await world.pi.openedTexts()));
        return texts.every((each) => arrived.includes(each)) || undefined;
      });
      assert.deepEqual(arrived, texts, 'each once, in order');
      await sayBothWays(world);
      const bytes = readFileSync(seen);
      for (const secret of [...world.said, 'temp_', 'pressure']) {
        assert.ok(!bytes.includes(secret), `the bridge read "${secret}"`);
      }
      return `${tried} exchanges harmed: texts arrived once; of ${bytes.length} bytes that it saw none says anything`;
    } finally {
      child.kill();
      await once(child, 'exit');
      rmSync(seen, { force: true });
      await world.reconnect();
    }
  },
};

export const DEVICE: readonly Attempt<DeviceWorld>[] = [...BYTES, bridge];

/** Sends each as a packet of its own. */
async function send({ rogue, contact, bridge }: RogueWorld, all: readonly (readonly Payload[])[]) {
  for (const payloads of all) await post(bridge.origin, [rogue.seal(contact, payloads)]);
}

const malformed: Attempt<RogueWorld> = {
  by: 'C',
  tried: 'its contact: authentic packets whose payloads are malformed',
  async run(world) {
    const before = (await world.facts()).refused['malformed'] ?? 0;
    const cases = Object.values(BENT_PAYLOADS);
    for (const payloads of cases) {
      const packet = world.rogue.sealBytes(world.contact, Buffer.from(payloads, 'hex'));
      assert.equal((await post(world.bridge.origin, [packet])).status, 200);
    }
    const counted = ((await world.facts()).refused['malformed'] ?? 0) - before;
    assert.equal((await world.facts()).unopened, 0, 'part of a malformed packet was taken');
    assert.equal(counted, cases.length);
    return `${counted} of ${cases.length} packets malformed, nothing of them taken`;
  },
};

const DAY_MS = 86_400_000;

/** The texts that its console shows. */
async function openedBy(device: RogueWorld['device']): Promise<string[]> {
  const said: string[] = [];
  device.onLine = (line) => void said.push(line);
  device.type('decrypt_msg');
  await device.until(/^\d+ opened$/);
  device.onLine = () => undefined;
  // Each stands under the name of who wrote it.
  return said.filter((_, at) => said[at - 1] === 'pi');
}

const contents: Attempt<RogueWorld> = {
  by: 'C',
  tried: 'its contact: contents that lie, times that never were, sequences at the end of the range',
  async run(world) {
    const before = holding(world.device.pid);
    const strange = STRANGE_CONTENTS.map((content, at) => [
      outbox(),
      message(BigInt(at), Uint8Array.from(content)),
    ]);
    const last = 2n ** 64n - 1n;
    const time = (unixTime_ms: bigint): Payload[] => [
      { kind: 'time', event: 'synchronised', unixTime_ms, uptime_ms: 0n },
    ];
    // The newest could be true, but nobody has asked.
    const times = [0n, 1n, last, 253_402_300_800_000n, BigInt(Date.now() + DAY_MS)];
    await send(world, [
      ...strange,
      [outbox(last), message(last, text('far'))],
      [{ kind: 'ack', epoch: 5n, next: last, bitmap: new Uint8Array(128).fill(255) }],
      ...times.map(time),
    ]);
    assertHeld(world.device.pid, before);
    assert.deepEqual(await openedBy(world.device), ['far'], 'only what lies in its window is text');
    const taken = world.device.taken_ms.length;
    const measured_ms = await until('it measures', () => world.device.taken_ms[taken]);
    assert.ok(
      Math.abs(measured_ms - Date.now()) < DAY_MS / 2,
      'a time that nobody asked for is set',
    );
    return `${strange.length + 2 + times.length} packets: one kept as text, its clock as it was`;
  },
};

const parts: Attempt<RogueWorld> = {
  by: 'C',
  tried: 'its contact: beginnings of 300 contents of a gigabyte that never end; 40 texts at once',
  async run(world) {
    const before = holding(world.device.pid);
    const slice = new Uint8Array(256);
    // Now and then not from its beginning, but far behind where anything may lie.
    const begin = (at: number): Payload[] => [
      { kind: 'outbox', epoch: BigInt(500 + at), lowest: 0n },
      ...[0, at % 10 === 0 ? 1_000 : 1].map(
        (index): Payload => ({
          ...{ kind: 'part', sequence: BigInt(index), index, count: 4_194_304, slice },
        }),
      ),
    ];
    await send(
      world,
      Array.from({ length: 300 }, (_, at) => begin(at)),
    );
    const many = (at: number) => [
      { kind: 'outbox', epoch: 9_000n, lowest: 0n } as const,
      message(BigInt(at), text(`flood ${at}`)),
    ];
    await send(
      world,
      Array.from({ length: 40 }, (_, at) => many(at)),
    );
    assertHeld(world.device.pid, before);
    const kept = await openedBy(world.device);
    assert.deepEqual(kept, ['flood 0', 'flood 1', 'flood 2', 'flood 3'], 'the first that had room');
    return `it holds what it held: ${kept.length} texts kept, the others are busy until its person opens; the count of parts, their size and where they end are three guards, the count of texts and a free place two`;
  },
};

const terminal: Attempt<RogueWorld> = {
  by: 'C',
  tried: 'its contact: escape sequences for the terminal at its console',
  async run(world) {
    const epoch = { kind: 'outbox', epoch: 9_100n, lowest: 0n } as const;
    await send(world, [
      [epoch, message(0n, text('\u001b[2J\u0007\u001b]0;owned\u0007\u009b2J\u0085end'))],
    ]);
    const said = await openedBy(world.device);
    assert.ok(said.some((line) => line.includes('end')));
    assert.ok(!said.some((line) => /\p{Cc}/u.test(line)), 'its terminal obeys');
    return 'shown as spaces, obeyed by no terminal';
  },
};

export const HOSTILE_CONTACT: readonly Attempt<RogueWorld>[] = [
  malformed,
  contents,
  parts,
  terminal,
];
