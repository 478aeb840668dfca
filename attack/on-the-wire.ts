/** W: who owns the wire between two peers that have met. */
import assert from 'node:assert/strict';
import { until } from '../test/support/peer-process.ts';
import type { Attempt } from './attempt.ts';
import { Rogue } from './rogue.ts';
import { post } from './wire.ts';
import { asOperator, heard, refused, say, shown, sum, type World } from './world.ts';

const [XX1, XX2, XX3, KK1, KK2, TRANSPORT] = [1, 2, 3, 7, 8, 10];

const replayEverything: Attempt<World> = {
  by: 'W',
  tried:
    'every packet that ever passed, of a meeting, a renewal and texts, sent again to whom it was for',
  async run(world) {
    const { alice, bob } = world;
    const { toAlice, toBob, types } = await everyPacket(world);
    let [sent, counted] = [0, 0];
    for (const [peer, packets] of [
      [bob, toBob],
      [alice, toAlice],
    ] as const) {
      const [before, stood] = [await refused(peer), standing(await shown(peer))];
      for (const packet of packets) await post(peer.origin, [packet]);
      const replayed = ((await refused(peer))['replayed'] ?? 0) - (before['replayed'] ?? 0);
      const transports = packets.filter(([type]) => type === TRANSPORT).length;
      assert.equal(replayed, transports, `${peer.name}: not each TRANSPORT packet is a replay`);
      assert.deepEqual(standing(await shown(peer)), stood, `${peer.name} is not as it was`);
      [sent, counted] = [sent + packets.length, counted + transports];
    }
    assert.deepEqual(await heard(world), [], 'something was delivered again');
    return `${sent} packets of ${types.size} types: nothing delivered, no contact changed, all ${counted} TRANSPORT packets counted as replayed`;
  },
};

/** Of a meeting, a renewal and texts: what was for each, which the other one has written. */
async function everyPacket(world: World) {
  const { alice, toAlice, toBob } = world;
  await say(world, 'before the renewal');
  await asOperator(alice, '/send_keys', { to: 'bob' });
  await say(world, 'after the renewal');
  await heard(world);
  const passed = (wire: typeof toBob, part: 'asked' | 'answered') =>
    wire.exchanges.flatMap((exchange) => exchange[part]);
  const packets = {
    toBob: [...passed(toBob, 'asked'), ...passed(toAlice, 'answered')],
    toAlice: [...passed(toAlice, 'asked'), ...passed(toBob, 'answered')],
  };
  const types = new Set([...packets.toBob, ...packets.toAlice].map(([type]) => type));
  for (const type of [XX1, XX2, XX3, KK1, KK2, TRANSPORT]) assert.ok(types.has(type), `no ${type}`);
  return { ...packets, types };
}

/** What a replay must not change: who is a contact, with which key, and that there is a session. */
function standing({ contacts }: Awaited<ReturnType<typeof shown>>) {
  return contacts.map(({ name, fingerprint, verified, state, session, code }) => [
    ...[name, fingerprint, verified, state, session, code],
  ]);
}

const reflect: Attempt<World> = {
  by: 'W',
  tried: 'every packet of a meeting, a renewal and texts, sent back to who wrote it',
  async run(world) {
    const { alice, bob } = world;
    const { toAlice, toBob, types } = await everyPacket(world);
    let [sent, counted] = [0, 0];
    for (const [writer, packets] of [
      [alice, toBob],
      [bob, toAlice],
    ] as const) {
      const [before, stood] = [sum(await refused(writer)), standing(await shown(writer))];
      for (const packet of packets) await post(writer.origin, [packet]);
      const transports = packets.filter(([type]) => type === TRANSPORT).length;
      const more = sum(await refused(writer)) - before;
      assert.ok(more >= transports, `${writer.name} refused ${more} of ${transports}`);
      const after = await shown(writer);
      assert.equal(after.contacts[0].unopened, 0, `${writer.name} took a message of its own`);
      assert.deepEqual(standing(after), stood, `${writer.name} is not as it was`);
      [sent, counted] = [sent + packets.length, counted + more];
    }
    return `${sent} packets of ${types.size} types: ${counted} counted as refused, no contact changed, nothing of its own taken for another's`;
  },
};

const cutAndGrow: Attempt<World> = {
  by: 'W',
  tried: 'one packet cut at every length, lengthened, and each byte of it flipped',
  async run(world) {
    const held: Uint8Array[] = [];
    world.toBob.tampering.asked = (packets) => {
      if (held.length > 0) return packets;
      held.push(...packets.filter(([type]) => type === TRANSPORT));
      return packets.filter(([type]) => type !== TRANSPORT);
    };
    await say(world, 'cut me');
    await heard(world);
    const [packet] = held;
    assert.ok(packet, 'nothing was held back');
    const cut = Array.from(packet.keys(), (size) => packet.subarray(0, size)).slice(1);
    const grown = [1, 16, 1_000].map((size) => Buffer.concat([packet, Buffer.alloc(size)]));
    const flipped = Array.from(packet.keys(), (at) =>
      packet.map((byte, index) => (index === at ? byte ^ 0x80 : byte)),
    );
    const before = sum(await refused(world.bob));
    const bent = [...cut, ...grown, ...flipped];
    for (const each of bent) await post(world.bob.origin, [each]);
    const counted = sum(await refused(world.bob)) - before;
    assert.deepEqual(await heard(world), [], 'something bent was delivered');
    assert.ok(counted >= bent.length - 1, `only ${counted} of ${bent.length} were counted`);
    return `${bent.length} packets: none delivered, ${counted} counted as refused`;
  },
};

const mixUp: Attempt<World> = {
  by: 'C',
  tried: "a contact's authentic packet, its index changed to another contact's session",
  async run(world) {
    const carol = await Rogue.open('carol');
    try {
      const contact = await carol.meet(world.bob, world.toBob.address);
      const from = world.toBob.exchanges.length;
      await say(world, 'whose is this?');
      await heard(world);
      const [honest] = world.toBob.exchanges
        .slice(from)
        .flatMap(({ asked }) => asked)
        .filter(([type]) => type === TRANSPORT);
      const outbox = { kind: 'outbox', epoch: 1n, lowest: 0n } as const;
      const content = Uint8Array.of(1, 0x78);
      const message = { kind: 'message', sequence: 0n, content } as const;
      const forged = Uint8Array.from(carol.seal(contact, [outbox, message]));
      forged.set(honest?.subarray(4, 8) ?? [], 4);
      const before = (await refused(world.bob))['unauthenticated'] ?? 0;
      await post(world.bob.origin, [forged]);
      assert.deepEqual(await heard(world), [], "carol spoke on alice's session");
      assert.equal((await refused(world.bob))['unauthenticated'], before + 1);
      return 'unauthenticated, counted';
    } finally {
      carol.close();
    }
  },
};

const earlierSession: Attempt<World> = {
  by: 'W',
  tried:
    'a packet of an earlier session, under the index of the present one, and the other way round',
  async run(world) {
    const packetOf = async (text: string) => {
      const from = world.toBob.exchanges.length;
      await say(world, text);
      const packets = world.toBob.exchanges.slice(from).flatMap(({ asked }) => asked);
      const packet = packets.find(([type]) => type === TRANSPORT);
      assert.ok(packet, 'nothing passed');
      return packet;
    };
    const [INDEX, END] = [4, 8];
    const earlier = await packetOf('in the earlier session');
    const index = Buffer.from(earlier.subarray(INDEX, END));
    await asOperator(world.alice, '/send_keys', { to: 'bob' });
    const present = await until('another session stands', async () => {
      const packet = await packetOf('in the present one');
      return index.equals(packet.subarray(INDEX, END)) ? undefined : packet;
    });
    await heard(world);
    const before = (await refused(world.bob))['unauthenticated'] ?? 0;
    for (const [packet, other] of [
      [earlier, present],
      [present, earlier],
    ] as const) {
      const mixed = Uint8Array.from(packet);
      mixed.set(other.subarray(INDEX, END), INDEX);
      await post(world.bob.origin, [mixed]);
    }
    assert.deepEqual(await heard(world), [], 'one passed for the other');
    assert.equal((await refused(world.bob))['unauthenticated'], before + 2);
    return 'both unauthenticated, counted: the index is authenticated, and each session has its own keys';
  },
};

const unknownFlags: Attempt<World> = {
  by: 'W',
  tried: 'flags, reserved bytes and types that do not exist (downgrade)',
  async run(world) {
    const meeting = world.toBob.packets().concat(world.toAlice.packets());
    const samples = [XX1, XX2, XX3, KK1, KK2, TRANSPORT].flatMap(
      (wanted) => meeting.find(([type]) => type === wanted) ?? [],
    );
    const bent = samples.flatMap((packet) =>
      [1, 2, 3].map((at) => packet.map((byte, index) => (index === at ? byte | 1 : byte))),
    );
    const types = [0, 12, 127, 255].map((type) => Uint8Array.of(type, ...new Uint8Array(60)));
    const before = (await refused(world.bob))['malformed'] ?? 0;
    for (const packet of [...bent, ...types]) await post(world.bob.origin, [packet]);
    const counted = ((await refused(world.bob))['malformed'] ?? 0) - before;
    assert.equal(counted, bent.length + types.length, 'not each was malformed');
    return `${counted} packets, all malformed; version and suite stand in the hashed prologue only`;
  },
};

const manInTheMiddle: Attempt<World> = {
  by: 'W',
  tried: 'another key at a known address, when they meet anew (XX with `again`)',
  async run(world) {
    const mallory = await Rogue.open('bob');
    const honest = world.toBob.target;
    try {
      const pinned = (await world.alice.contact('bob')).fingerprint;
      mallory.peer.book.add('alice', world.toAlice.address);
      world.toBob.target = mallory.address;
      await world.alice.post('/send_keys', { to: 'bob', again: true });
      await mallory.carry(mallory.peer.trigger(1, mallory.now));
      assert.ok(mallory.received.length > 0, 'mallory heard nothing');
      assert.equal(mallory.peer.sessions.standing(1, mallory.now), 'none', 'mallory has a session');
      assert.deepEqual(mallory.peer.promotions, []);
      assert.equal((await world.alice.contact('bob')).fingerprint, pinned, 'another key is pinned');
      return 'refused before XX3: the pinned key and the session of before stay';
    } finally {
      world.toBob.target = honest;
      mallory.close();
    }
  },
};

const grind: Attempt<World> = {
  by: 'W',
  tried: 'grinding the code: 200 different XX1 for one trigger of a person',
  async run(world) {
    const mallory = await Rogue.open('trap');
    try {
      await world.alice.post('/send_keys', { to: 'trap', address: mallory.address });
      for (let attempt = 0; attempt < 200; attempt += 1) {
        const other = await Rogue.open('trap');
        const parcels = other.peer.trigger(
          other.peer.book.add('alice', world.alice.origin),
          other.now,
        );
        const packets = parcels.flatMap((parcel) => ('packet' in parcel ? [parcel.packet] : []));
        const reply = await post(world.alice.origin, packets);
        mallory.received.push(...reply.packets);
        other.close();
      }
      const drawn = new Set(
        mallory.received
          .filter(([type]) => type === XX2)
          .map((each) => Buffer.from(each).toString('hex')),
      );
      assert.ok(drawn.size <= 4, `${drawn.size} draws for one trigger`);
      return `${drawn.size} different XX2, at most 4 guesses in 1,000,000`;
    } finally {
      mallory.close();
    }
  },
};

const laterHandshakes: Attempt<World> = {
  by: 'W',
  tried: 'every later handshake (KK) with a key, a payload or a gate changed on the way',
  async run(world) {
    let changed = 0;
    const bend = (packets: readonly Uint8Array[]) =>
      packets.map((packet) => {
        const [type] = packet;
        if ((type !== KK1 && type !== KK2) || changed >= 6) return packet;
        changed += 1;
        const at = [8, 40, packet.length - 1][changed % 3] ?? 8;
        return packet.map((byte, index) => (index === at ? byte ^ 1 : byte));
      });
    world.toBob.tampering = { asked: bend, answered: bend };
    const before = sum(await refused(world.bob)) + sum(await refused(world.alice));
    await world.alice.post('/send_keys', { to: 'bob' });
    world.toBob.tampering = {};
    await bendEachPart(world);
    await world.alice.post('/send_keys', { to: 'bob' });
    await say(world, 'after the bent renewals');
    assert.deepEqual(await heard(world), ['after the bent renewals']);
    const counted = sum(await refused(world.bob)) + sum(await refused(world.alice)) - before;
    assert.ok(changed > 0, 'no KK passed');
    assert.ok(counted > 0, 'no bent handshake was counted');
    return `${changed + 5} bent, in each part: none accepted (${counted} counted), the session before stays until an honest one stands`;
  },
};

/** Bob would answer a KK1 that passed, sent again, with a KK2: not one of which a bit is another. */
async function bendEachPart({ alice, bob, toBob }: World): Promise<void> {
  await alice.post('/send_keys', { to: 'bob' });
  const passed = toBob.exchanges.flatMap(({ asked }) => asked);
  const opening = passed.findLast(([type]) => type === KK1);
  assert.ok(opening, 'no KK1 passed');
  const honest = await post(bob.origin, [opening]);
  assert.ok(honest.packets.length > 0, 'an honest one is not answered');
  const parts = {
    hint: 4,
    key: 8,
    payload: 60,
    tag: opening.length - 17,
    gate: opening.length - 1,
  };
  for (const [part, at] of Object.entries(parts)) {
    const bent = opening.map((byte, index) => (index === at ? byte ^ 1 : byte));
    const { packets } = await post(bob.origin, [bent]);
    assert.ok(!packets.some(([type]) => type === KK2), `another ${part} is answered`);
  }
}

const bitsOfKeys: Attempt<World> = {
  by: 'S',
  tried: 'low-order and non-canonical points as ephemeral keys',
  async run(world) {
    const [xx1] = [...world.toBob.packets(), ...world.toAlice.packets()].filter(
      ([type]) => type === XX1,
    );
    assert.ok(xx1, 'no XX1 was heard');
    const before = sum(await refused(world.bob));
    for (const point of STRANGE_POINTS) {
      const packet = Uint8Array.from(xx1);
      packet.set(Buffer.from(point, 'hex'), 4);
      const { packets } = await post(world.bob.origin, [packet]);
      assert.ok(!packets.some(([type]) => type === XX2), `${point} was answered`);
    }
    const { contacts } = await shown(world.bob);
    assert.ok(contacts[0].session === 'current', 'the honest session is gone');
    const counted = sum(await refused(world.bob)) - before;
    assert.equal(counted, NON_CANONICAL, 'those that mean another key are not refused at once');
    return `${STRANGE_POINTS.length} points: ${counted} malformed at once, the rest kept unanswered: no Diffie–Hellman without a person`;
  },
};
/** Of the following, the last. */
const NON_CANONICAL = 4;
/** RFC 7748 has no name for them: orders 1, 2, 4 and 8, each also as p + value and with bit 255. */
const STRANGE_POINTS: readonly string[] = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  `${'ff'.repeat(32)}`,
  `00${'00'.repeat(30)}80`,
];

export const ON_THE_WIRE: readonly Attempt<World>[] = [
  replayEverything,
  reflect,
  cutAndGrow,
  unknownFlags,
  laterHandshakes,
  earlierSession,
  manInTheMiddle,
  bitsOfKeys,
  mixUp,
  grind,
];
