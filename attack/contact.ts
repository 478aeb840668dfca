/** C: a contact whose every packet is authentic, and none of them meant well. */
import assert from 'node:assert/strict';
import type { Payload } from '../src/protocol/index.ts';
import type { Attempt } from './attempt.ts';
import { Rogue } from './rogue.ts';
import { post } from './wire.ts';
import { asOperator, heard, refused, shown, type World } from './world.ts';

export const text = (said: string) => Uint8Array.of(1, ...new TextEncoder().encode(said));
export const outbox = (lowest = 0n): Payload => ({ kind: 'outbox', epoch: 99n, lowest });
export const message = (sequence: bigint, content: Uint8Array): Payload => ({
  kind: 'message',
  sequence,
  content,
});

/** A contact of bob's that has met him as people do. */
async function asContact<T>(
  world: World,
  act: (
    send: (payloads: readonly Payload[]) => Promise<void>,
    rogue: Rogue,
    contact: number,
  ) => Promise<T>,
): Promise<T> {
  contacts += 1;
  const rogue = await Rogue.open(`mallory-${contacts}`);
  try {
    const contact = await rogue.meet(world.bob, world.toBob.address);
    return await act(
      async (payloads) => {
        const { status } = await post(world.bob.origin, [rogue.seal(contact, payloads)]);
        assert.equal(status, 200, 'bob failed');
      },
      rogue,
      contact,
    );
  } finally {
    rogue.close();
  }
}
let contacts = 0;

const terminal: Attempt<World> = {
  by: 'C',
  tried: 'escape sequences, bells, overwriting and right-to-left marks in a text for the terminal',
  run: (world) =>
    asContact(world, async (send) => {
      const said = '\u001b[2J\u001b]0;owned\u0007 \r123456 \u202efdp.exe \u009b31m end-of-it';
      await send([outbox(), message(0n, text(said))]);
      const from = world.bob.terminal.length;
      const texts = await heard(world);
      assert.deepEqual(texts, [said], 'the text itself is kept as it came');
      const line = await world.bob.printed(/end-of-it/);
      const shownText = [line.input, ...world.bob.terminal.slice(from)].join('\n');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
      assert.doesNotMatch(shownText, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      return 'shown as escapes, obeyed by no terminal; kept unchanged for who reads JSON';
    }),
};

const farSequences: Attempt<World> = {
  by: 'C',
  tried: 'sequences at the end of the number range, windows pushed to the end, old epochs',
  run: (world) =>
    asContact(world, async (send) => {
      const last = 2n ** 64n - 1n;
      await send([outbox(), message(last, text('far'))]);
      await send([outbox(last), message(0n, text('behind'))]);
      await send([{ kind: 'outbox', epoch: 0n, lowest: 0n }, message(0n, text('here'))]);
      await send([{ kind: 'ack', epoch: 5n, next: last, bitmap: new Uint8Array() }]);
      const texts = await heard(world);
      assert.deepEqual(texts, ['here'], 'only what lies in its window is taken');
      return 'only what lies in its own window was taken; nobody else is touched';
    }),
};

const hugeParts: Attempt<World> = {
  by: 'C',
  tried: 'beginnings of 3,000 contents of a gigabyte each that never end',
  run: (world) =>
    asContact(world, async (send) => {
      world.bob.forgetPeak();
      const before = world.bob.peakMemory();
      const slice = new Uint8Array(256);
      for (let round = 0; round < 30; round += 1) {
        const payloads: Payload[] = [{ kind: 'outbox', epoch: BigInt(1_000 + round), lowest: 0n }];
        for (let each = 0; each < 100; each += 1) {
          const sequence = BigInt(each);
          payloads.push({ kind: 'part', sequence, index: 0, count: 4_194_304, slice });
        }
        await send(payloads);
      }
      const grown = Math.round((world.bob.peakMemory() - before) / 1024 / 1024);
      assert.ok(grown < 64, `memory grew by ${grown} MiB`);
      assert.deepEqual(await heard(world), []);
      const { contacts: all } = await shown(world.bob);
      const arriving = all.flatMap((each) => each.arriving);
      assert.deepEqual(arriving, [], 'what is larger than may be is waited for');
      return `nothing delivered, nothing of them kept, memory + ${grown} MiB`;
    }),
};

const file = (name: string) =>
  Uint8Array.of(2, name.length, ...new TextEncoder().encode(name), 0, 0x78);
export const STRANGE_CONTENTS: readonly Uint8Array[] = [
  Uint8Array.of(),
  Uint8Array.of(1, 0xff, 0xfe),
  Uint8Array.of(77, 1, 2, 3),
  file('../../../etc/passwd'),
  file('C:\\windows\\x'),
  file('a\u0000b'),
  Uint8Array.of(2, 255, 1),
  Uint8Array.of(4, ...new Uint8Array(17)),
  Uint8Array.of(3, ...new Array(200).fill(0x81)),
  Uint8Array.of(3, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(3, 0x5f),
];

const strangeContents: Attempt<World> = {
  by: 'C',
  tried:
    'contents that lie: no UTF-8, unknown types, file names with paths, notices about nothing, CBOR bombs',
  run: (world) =>
    asContact(world, async (send) => {
      let sequence = 0n;
      for (const content of STRANGE_CONTENTS) {
        await send([outbox(), message(sequence, content)]);
        sequence += 1n;
      }
      await send([outbox(), message(sequence, text('still here'))]);
      const { json } = await asOperator(world.bob, '/decrypt_msg');
      const kept = json.messages.map(({ type, name, text }) => (type === 'text' ? text : name));
      assert.deepEqual(kept, ['passwd', 'x', 'ab', 'still here']);
      return `${STRANGE_CONTENTS.length} contents acknowledged and not kept, or without their path; the next honest text is read`;
    }),
};

const good = `01001000000000000000630000000000000000${said('part of it')}`;
/** In hex. */
export const BENT_PAYLOADS: Readonly<Record<string, string>> = {
  'no outbox': said('part of it'),
  'two outboxes': `${good}010010${'00'.repeat(16)}`,
  'an unknown kind': `${good}090000`,
  'a size beyond the packet': `${good}02ffff00`,
  'a size of nothing': `${good}020000`,
  'a part beyond its count': `${good}030110${'00'.repeat(8)}0000000200000002${'00'.repeat(256)}`,
  'a part of no parts': `${good}030110${'00'.repeat(8)}0000000000000000${'00'.repeat(256)}`,
  'a bitmap that ends in zero': `${good}040012${'00'.repeat(16)}0100`,
  'an event that does not exist': `${good}050011ff${'00'.repeat(16)}`,
};

const malformedPackets: Attempt<World> = {
  by: 'C',
  tried: 'authentic packets whose payloads are malformed, with a good message before the fault',
  run: (world) =>
    asContact(world, async (_, rogue, contact) => {
      const before = (await refused(world.bob))['malformed'] ?? 0;
      for (const payloads of Object.values(BENT_PAYLOADS)) {
        const bytes = Buffer.from(payloads, 'hex');
        await post(world.bob.origin, [rogue.sealBytes(contact, bytes)]);
      }
      const unpadded = [new Uint8Array(16), new Uint8Array(48), new Uint8Array(16).fill(0x80)];
      for (const plaintext of unpadded) {
        await post(world.bob.origin, [rogue.sealBytes(contact, plaintext, false)]);
      }
      assert.deepEqual(await heard(world), [], 'part of a malformed packet was taken');
      const counted = ((await refused(world.bob))['malformed'] ?? 0) - before;
      assert.equal(counted, Object.keys(BENT_PAYLOADS).length + unpadded.length);
      return `${counted} packets malformed, nothing of them taken`;
    }),
};

/** MESSAGE with sequence 0 and this text, in hex. */
function said(words: string): string {
  const body = `${'00'.repeat(8)}01${Buffer.from(words).toString('hex')}`;
  return `02${(body.length / 2).toString(16).padStart(4, '0')}${body}`;
}

export const CONTACT: readonly Attempt<World>[] = [
  terminal,
  farSequences,
  hugeParts,
  strangeContents,
  malformedPackets,
];
