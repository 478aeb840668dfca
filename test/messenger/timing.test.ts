/**
 * Goal: what happens at the worst moment harms nobody: answers that overtake each other, a contact
 * that is removed while something is under way to it. And what is wrong with a packet is told to
 * nobody, and to find it out takes only so much.
 * Method: real stores and machines on a wire that holds what passes until the test lets it go.
 */
import t from 'tap';
import { type CryptoProvider, type KeyPair, openssl } from '../../src/crypto/index.ts';
import { PictureWay, type PictureWayDeps } from '../../src/messenger/picture-way.ts';
import { Turns } from '../../src/messenger/turns.ts';
import { decodeBundle, encodeBundle } from '../../src/protocol/index.ts';
import { encodePng, phantom } from '../../src/stego/coder.ts';
import {
  pairedPeers,
  readTexts,
  realClock,
  SILENT,
  text,
  twoPeers,
  until,
  type Wire,
} from './support.ts';

t.test('a message is delivered when its last part is, and all others are', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const exchange = wire.exchange.bind(wire);
  const held = Promise.withResolvers<void>();
  const overtook = Promise.withResolvers<void>();
  let bundles = 0;
  wire.exchange = async (address, bundle) => {
    if (bundle.length < 65_536) return await exchange(address, bundle);
    bundles += 1;
    if (bundles === 1) await held.promise;
    const reply = await exchange(address, bundle);
    // Read a moment later, in the turn in which it is handed over.
    if (bundles === 2) setImmediate(overtook.resolve);
    return reply;
  };
  let isTold = false;
  const sending = alice.messenger
    .sendMessage({ ...text('x'.repeat(1_400_000)), wait_ms: 60_000 })
    .finally(() => {
      isTold = true;
    });
  await overtook.promise;
  t.strictSame(readTexts(bob), [], 'its first part is still under way');
  t.equal(isTold, false);
  held.resolve();
  t.equal((await sending).delivered, true);
  t.equal(readTexts(bob).length, 1);
});

t.test('a contact is removed while something is under way to it', async (t) => {
  for (const fate of ['pass', 'lose_reply'] as const) {
    const { wire, alice, bob } = await pairedPeers(t);
    const exchange = wire.exchange.bind(wire);
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ended = Promise.withResolvers<void>();
    wire.exchange = async (address, bundle) => {
      begun.resolve();
      await held.promise;
      try {
        return await exchange(address, bundle);
      } finally {
        setImmediate(ended.resolve);
      }
    };
    await alice.messenger.sendMessage(text('at the last moment'));
    await begun.promise;
    alice.messenger.removeContact('bob');
    wire.harm = () => fate;
    held.resolve();
    await ended.promise;
    await until(() => bob.messenger.show().contacts[0]?.unopened === 1);
    t.strictSame(alice.messenger.contacts(), []);
    await alice.stop();
  }
});

t.test('nobody waits for what will not be known any more', async (t) => {
  // Patience has no end on this clock.
  const clock = { ...realClock, after: () => () => undefined };
  const png = encodePng(phantom({ size: 90, depth: 8, seed: 1 }), { before: [], after: [] });
  const picture = { carry: false, cover: { name: 'cover.png', png } };
  for (const end of ['stop', 'remove'] as const) {
    const { wire, alice } = await pairedPeers(t, { clock });
    wire.harm = () => 'lose_request';
    const { messenger } = alice;
    const said = messenger.sendMessage({ ...text('said'), wait_ms: 1 });
    const hidden = messenger.sendPicture({ ...text('hidden'), ...picture, wait_ms: 1 });
    await until(() => messenger.show().contacts[0]?.pictures.count === 1);
    if (end === 'stop') await alice.stop();
    else messenger.removeContact('bob');
    t.match(await Promise.all([said, hidden]), [{ delivered: false }, { delivered: false }], end);
  }
});

t.test('a picture that is worked on when the peer stops is refused as that', async (t) => {
  const { alice } = await pairedPeers(t);
  const png = encodePng(phantom({ size: 90, depth: 8, seed: 1 }), { before: [], after: [] });
  const { messenger } = alice;
  const cover = { name: 'cover.png', png };
  const stopping = { name: 'UseCaseError', failure: 'stopping' };
  const refused = [
    t.rejects(messenger.sendPicture({ ...text('hidden'), carry: false, cover }), stopping),
    t.rejects(messenger.readPicture(png), stopping),
  ];
  await alice.stop();
  await Promise.all(refused);
});

t.test('a picture that comes the moment the last one has arrived is sent', async (t) => {
  let sent = 0;
  const link = {
    exchange: async () => {
      sent += 1;
      return new Uint8Array(0);
    },
  };
  const pictures = { queued: () => [], queuedContent: () => [], removeQueued: () => undefined };
  const way = new PictureWay(1, {
    store: { pictures },
    contacts: { get: () => ({ address: 'http://127.0.0.1:1' }) },
    commits: { commit: async () => undefined },
    link,
    clock: realClock,
    log: SILENT,
    sends: new Turns(1),
    jitter: () => 0,
    receiveReply: () => undefined,
    changed: () => undefined,
  } as unknown as PictureWayDeps);
  t.teardown(() => way.stop());
  const message = (sequence: bigint) => ({ epoch: 1n, sequence });
  const queue = (id: number) =>
    way.queued({ id, contact: 1, message: message(BigInt(id)), count: 1, size: 0 });
  queue(0);
  for (let id = 0; id < 30; id += 1) {
    await until(() => sent === id + 1);
    way.acknowledged({ kind: 'letter_ack', ...message(BigInt(id)) });
    for (let turn = 0; turn < id; turn += 1) await Promise.resolve();
    queue(id + 1);
  }
  await until(() => sent === 31);
  t.pass('whatever of it is done by then');
});

t.test('a code whose last reply is lost is asked about again, and holds', async (t) => {
  const { wire, alice, bob } = await twoPeers(t);
  let isLost = false;
  wire.harm = (bundle) => {
    const isPSK3 = bundle[2] === 6;
    if (!isPSK3 || isLost) return 'pass';
    isLost = true;
    return 'lose_reply';
  };
  const { code } = bob.messenger.createPairingCode();
  const result = await alice.messenger.sendKeys({ code });
  t.match(result, { state: 'waiting', verified: false, advice: { reason: /asked again/ } });
  t.equal(result.comparison, undefined, 'there is nothing to compare');
  await until(() => alice.messenger.show().contacts[0]?.verified === true);
  t.match(alice.messenger.show().contacts, [{ name: 'bob', state: 'paired' }]);
});

/** Does `meanwhile` before the first PSK1 leaves. */
function beforePSK1(wire: Wire, meanwhile: () => Promise<unknown>): void {
  const exchange = wire.exchange.bind(wire);
  wire.exchange = async (address, bundle, options) => {
    const isPSK1 = bundle[2] === 4;
    if (isPSK1) {
      wire.exchange = exchange;
      await meanwhile();
    }
    return await exchange(address, bundle, options);
  };
}

t.test('a session of another meeting is not taken for the outcome of a code', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const [secret] = alice.messenger.createPairingCode().code.split('@');
  bob.messenger.createPairingCode();
  let renewed: unknown;
  beforePSK1(wire, async () => {
    renewed = await bob.messenger.sendKeys({ to: 'alice' });
  });
  const wrong = { to: 'bob', code: `${secret}@${bob.address}` };
  const refused = { name: 'UseCaseError', failure: 'code_not_taken' };
  await t.rejects(alice.messenger.sendKeys(wrong), refused);
  t.match(renewed, { state: 'established' }, 'meanwhile there was one');
});

t.test('a contact that is removed while it is met is not taken for another', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const { code } = bob.messenger.createPairingCode();
  beforePSK1(wire, async () => alice.messenger.removeContact('bob'));
  const gone = { name: 'UseCaseError', failure: 'unknown_contact' };
  await t.rejects(alice.messenger.sendKeys({ to: 'bob', code }), gone);
  t.strictSame(alice.messenger.show().contacts, []);
});

t.test('why a packet was refused is counted, and told to nobody', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const asked: Uint8Array[] = [];
  const exchange = wire.exchange.bind(wire);
  wire.exchange = (address, bundle) => {
    if (address === bob.address) asked.push(...decodeBundle(bundle.slice()));
    return exchange(address, bundle);
  };
  await alice.messenger.sendMessage({ ...text('listen'), wait_ms: 60_000 });
  const packet = asked.findLast(([type]) => type === 10) ?? new Uint8Array(1);
  const flipped = (at: number) => packet.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const bent = {
    replayed: packet,
    unauthenticated: flipped(packet.length - 1),
    malformed: flipped(1),
  };
  for (const [reason, each] of Object.entries(bent)) {
    const count = () => bob.messenger.show().refused[reason as keyof typeof bent] ?? 0;
    const before = count();
    const reply = await bob.messenger.receive(encodeBundle([each]));
    t.strictSame(decodeBundle(reply), [], `${reason} is not answered`);
    t.equal(count(), before + 1, `${reason} is counted`);
  }
});

t.test('letters on the link are read by and by, and those by hand at once', async (t) => {
  let stopped_ms: number | undefined;
  const clock = { ...realClock, monotonic_ms: () => stopped_ms ?? performance.now() };
  const { alice, bob } = await pairedPeers(t, { clock });
  const { letter } = await alice.messenger.writeLetter(text('on the link'));
  const byHand = await alice.messenger.writeLetter(text('by hand'));
  const [honest = new Uint8Array(1)] = decodeBundle(letter);
  const refused = () => bob.messenger.show().refused;
  // Who has heard one letter needs no key to make thousands that have to be looked into.
  const forged = Array.from({ length: 1_000 }, (_, at) => {
    const other = honest.slice();
    new DataView(other.buffer).setUint32(40, at);
    return other;
  });
  // Whole, so that a second later is a second: of fractions one letter might be lost in rounding.
  stopped_ms = Math.ceil(performance.now());
  await bob.messenger.receive(encodeBundle(forged));
  t.match(refused(), { unauthenticated: 256, busy: 744 });
  await bob.messenger.receive(encodeBundle([honest]));
  t.match(refused(), { busy: 745 });
  t.match(await bob.messenger.readLetter(byHand.letter), { messages: 1 });
  stopped_ms += 1_000;
  await bob.messenger.receive(encodeBundle([...forged.slice(0, 63), honest]));
  t.match(refused(), { unauthenticated: 256 + 63, busy: 745 });
  const texts = bob.messenger.decryptMessages({}).map(({ content }) => content);
  t.match(texts, [{ text: 'by hand' }, { text: 'on the link' }]);
});

/** What a peer computes: how often it multiplies points, and what it hashes, in bytes. */
function countingCrypto() {
  const count = { dh: 0, hashed: 0 };
  const pair = (keys: KeyPair): KeyPair => ({
    publicKey: keys.publicKey,
    dh: (publicKey) => {
      count.dh += 1;
      return keys.dh(publicKey);
    },
    wipe: () => keys.wipe(),
  });
  const crypto: CryptoProvider = {
    ...openssl,
    importPrivateKey: (key) => pair(openssl.importPrivateKey(key)),
    generateKeyPair: (randomBytes) => pair(openssl.generateKeyPair(randomBytes)),
    hash: (...parts) => {
      for (const part of parts) count.hashed += part.length;
      return openssl.hash(...parts);
    },
  };
  return { crypto, count };
}

const [XX1, XX2, KK2] = [1, 2, 8];
const FORGED = 500;

/** As who sees the line makes them: the index is right, and nothing else. */
function forgeries(type: number, index: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: FORGED }, (_, at) => {
    const packet = crypto.getRandomValues(new Uint8Array(size));
    packet.set([type, 0, 0, 0, ...index]);
    packet.set([at, at >> 8], 8);
    packet[39] = 0;
    return packet;
  });
}

t.test(
  'forged answers to a handshake cost one reading a bundle, and keep no honest one out',
  async (t) => {
    const { crypto, count } = countingCrypto();
    const { wire, alice, bob } = await twoPeers(t, { crypto });
    const packets = () => wire.seen.flatMap((bundle) => decodeBundle(bundle));
    const attack = async (forged: readonly Uint8Array[], cost: number) => {
      const [before, dh] = [alice.messenger.show().refused, count.dh];
      await alice.messenger.receive(encodeBundle(forged));
      const after = alice.messenger.show().refused;
      const more = (reason: string) => (after[reason] ?? 0) - (before[reason] ?? 0);
      t.equal(count.dh - dh, cost, 'one of them was read');
      t.strictSame([more('unauthenticated'), more('busy')], [1, FORGED - 1]);
    };
    await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
    const opening = packets().find(([type]) => type === XX1) ?? new Uint8Array();
    for (let bundle = 0; bundle < 3; bundle += 1) {
      await attack(forgeries(XX2, opening.subarray(36, 40), 200), 1);
    }
    const met = await bob.messenger.sendKeys({ to: 'alice', address: alice.address });
    t.match(met, { state: 'established' });
    await until(() => alice.messenger.show().contacts[0]?.state === 'paired');

    // Only an answer that got lost tells what index KK1 has given out.
    const answers = () => packets().filter(([type]) => type === KK2);
    wire.harm = () => (answers().length === 0 ? 'lose_reply' : 'lose_request');
    const renewing = alice.messenger.sendKeys({ to: 'bob' }).catch(() => undefined);
    await until(() => answers().length > 0);
    const [lost = new Uint8Array()] = answers();
    await attack(forgeries(KK2, lost.subarray(4, 8), lost.length), 2);
    wire.harm = () => 'pass';
    await renewing;
    const { delivered } = await alice.messenger.sendMessage({ ...text('on it'), wait_ms: 60_000 });
    t.equal(delivered, true);
  },
);

t.test(
  'thousands of STATUS in a reply are looked up, and each packet is told of once',
  async (t) => {
    const { crypto, count } = countingCrypto();
    const { wire, alice, bob } = await twoPeers(t, { crypto });
    let [length, before] = [0, 0];
    wire.exchange = async (_address, bundle) => {
      const [packet = new Uint8Array()] = decodeBundle(bundle);
      length = packet.length;
      const about = openssl.hash(packet).subarray(0, 8);
      const refused = (echo: Uint8Array) => Uint8Array.of(11, 4, 0, 0, ...echo);
      const strange = Array.from({ length: 2_000 }, (_, at) =>
        refused(Uint8Array.of(at, at >> 8, 0, 0, 0, 0, 0, 0)),
      );
      const again = Array.from({ length: 2_000 }, () => refused(about));
      before = count.hashed;
      return encodeBundle([...strange, ...again]);
    };
    let failures = 0;
    alice.messenger.listen(({ kind, contact }) => {
      if (kind === 'contact' && contact === 'bob') failures += 1;
    });
    const refused = { name: 'UseCaseError' };
    await t.rejects(alice.messenger.sendKeys({ to: 'bob', address: bob.address }), refused);
    const hashed = count.hashed - before;
    t.ok(
      hashed >= length && hashed < 20 * length,
      `${hashed} bytes were hashed, of ${length} sent`,
    );
    t.ok(failures > 0 && failures < 5, `${failures} failures were told`);
    t.ok((alice.messenger.show().refused['stale'] ?? 0) >= 3_999, 'the others are stale');
  },
);

t.test('strangers who ask to be met fill no log', async (t) => {
  const { wire, alice, bob } = await twoPeers(t);
  const begun = performance.now();
  await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
  const opening = decodeBundle(wire.seen[0] ?? new Uint8Array())[0] ?? new Uint8Array();
  const others = Array.from({ length: 2_000 }, (_, at) => {
    const other = opening.slice();
    other.set([at, at >> 8], 4);
    return other;
  });
  await bob.messenger.receive(encodeBundle(others));
  const seconds = (performance.now() - begun) / 1_000;
  const lines = bob.logged.filter(([event]) => event === 'meeting_requested').length;
  t.ok(lines > 0 && lines <= 8 + seconds, `${lines} lines`);
});
