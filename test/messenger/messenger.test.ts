/**
 * Goal: two peers pair, talk, and lose nothing, whatever the wire does.
 * Method: real stores and real machines on a wire in memory that loses, doubles and listens.
 */
import t from 'tap';
import { providerOf } from '../../src/crypto/index.ts';
import { decodeBundle, encodeBundle } from '../../src/protocol/index.ts';
import { pairedPeers, readTexts, realClock, Side, text, twoPeers, until, Wire } from './support.ts';

const noble = await providerOf('noble');

const codeIn = (side: Side) => /code (\d{6}), key check ([0-9a-f]{16})/.exec(side.printed[0] ?? '');

for (const crypto of [undefined, noble]) {
  t.test(`the old walk, by ${crypto?.name ?? 'openssl'}`, async (t) => {
    const { wire, alice, bob } = await twoPeers(t, crypto && { crypto });
    const first = await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
    t.equal(first.state, 'waiting');
    const second = await bob.messenger.sendKeys({});
    t.match(second, { state: 'established', to: 'alice', verified: false });
    t.match(codeIn(alice)?.[1], /^\d{6}$/);
    t.strictSame(codeIn(alice)?.slice(1), codeIn(bob)?.slice(1), 'both terminals show the same');
    t.equal(second.comparison?.code, codeIn(bob)?.[1]);

    const sent = await alice.messenger.sendMessage({ ...text('hello, bob'), wait_ms: 60_000 });
    t.match(sent, { to: 'bob', trust: 'tofu', delivered: true });
    t.strictSame(readTexts(bob), ['hello, bob']);
    t.match(bob.printed.at(-1), /^alice \(not verified\): hello, bob$/);
    t.strictSame(readTexts(bob), [], 'and only once');
    await bob.messenger.sendMessage({ ...text('hello, alice'), wait_ms: 60_000 });
    t.strictSame(readTexts(alice), ['hello, alice']);
    const wireText = Buffer.concat(wire.seen).toString('latin1');
    t.notMatch(wireText, /hello, (bob|alice)/, 'and nowhere on the wire');
  });
}

t.test('sending before pairing is refused, and says what to do', async (t) => {
  const { alice, bob } = await twoPeers(t);
  const nobody = { name: 'UseCaseError', failure: 'no_contact' };
  await t.rejects(alice.messenger.sendMessage(text('x')), nobody);
  await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
  await t.rejects(alice.messenger.sendMessage(text('x')), {
    name: 'UseCaseError',
    failure: 'not_paired',
  });
  t.strictSame(bob.messenger.decryptMessages({}), []);
});

t.test('both trigger at once', async (t) => {
  const { alice, bob } = await twoPeers(t);
  await Promise.all([
    alice.messenger.sendKeys({ to: 'bob', address: bob.address }),
    bob.messenger.sendKeys({ to: 'alice', address: alice.address }),
  ]);
  await until(() => alice.messenger.show().contacts[0]?.state === 'paired');
  await until(() => bob.messenger.show().contacts[0]?.state === 'paired');
  t.strictSame(codeIn(alice)?.slice(1), codeIn(bob)?.slice(1));
  await alice.messenger.sendMessage({ ...text('a'), wait_ms: 60_000 });
  t.strictSame(readTexts(bob), ['a']);
});

t.test('verify: the right code, a wrong one, and "they differ"', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const code = codeIn(alice)?.[1] ?? '';
  const other = code === '000000' ? '000001' : '000000';
  t.throws(() => alice.messenger.verify({ code: other }), {
    name: 'UseCaseError',
    failure: 'comparison_changed',
  });
  t.match(alice.messenger.verify({ code }), { to: 'bob', verified: true });
  t.throws(() => alice.messenger.verify({ code }), {
    name: 'UseCaseError',
    failure: 'nothing_to_compare',
  });
  t.match(bob.messenger.verify({ code, differs: true }), { to: 'alice', verified: false });
  t.match(bob.messenger.show().contacts[0], { state: 'new', session: 'none' });
});

t.test('a restart of either side needs nobody', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  await alice.messenger.sendMessage({ ...text('1'), wait_ms: 60_000 });
  await bob.stop();
  await alice.messenger.sendMessage(text('2'));
  await bob.start();
  await until(() => bob.messenger.show().contacts[0]?.unopened === 2);
  await alice.stop();
  await alice.start();
  await alice.messenger.sendMessage({ ...text('3'), wait_ms: 60_000 });
  t.strictSame(readTexts(bob), ['1', '2', '3']);
});

t.test('whatever the wire does, each message arrives exactly once', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  let step = 0;
  const fates = ['pass', 'lose_reply', 'twice', 'lose_request', 'pass', 'lose_reply'] as const;
  wire.harm = () => {
    step += 1;
    return fates[step % fates.length] ?? 'pass';
  };
  const wanted = Array.from({ length: 40 }, (_, number) => `message ${number}`);
  for (const each of wanted) await alice.messenger.sendMessage(text(each));
  const got: string[] = [];
  await until(() => {
    got.push(...readTexts(bob));
    return got.length >= wanted.length;
  });
  wire.harm = () => 'pass';
  await alice.messenger.sendMessage({ ...text('end'), wait_ms: 60_000 });
  got.push(...readTexts(bob));
  t.strictSame(got, [...wanted, 'end']);
  await until(() => alice.messenger.show().contacts[0]?.queued.messages === 0);
});

t.test('a file larger than a packet goes in parts', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const size = 300_000;
  const bytes = Uint8Array.from({ length: size }, (_, place) => (place * 31) % 251);
  const source = (async function* () {
    for (let at = 0; at < size; at += 7001) yield bytes.subarray(at, at + 7001);
  })();
  const content = { type: 'file' as const, name: '../x.bin', mediaType: 'a/b', bytes: source };
  const sent = await alice.messenger.sendMessage({ content, wait_ms: 60_000 });
  t.equal(sent.delivered, true);
  const [opened] = bob.messenger.decryptMessages({});
  t.match(opened?.content, { type: 'file', name: 'x.bin', mediaType: 'a/b', size });
  const got = Buffer.concat([...bob.messenger.fileContent(opened?.row ?? -1).bytes]);
  t.ok(got.equals(bytes));
});

t.test('of two bundles under way, only what one lost goes again', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const size = 6 * 1024 * 1024;
  const bytes = Uint8Array.from({ length: size }, (_, place) => (place * 31) % 251);
  const source = (async function* () {
    for (let at = 0; at < size; at += 65_536) yield bytes.slice(at, at + 65_536);
  })();
  let [large, replies, most] = [0, 0, 0];
  const exchange = wire.exchange.bind(wire);
  wire.exchange = async (address, bundle) => {
    if (bundle.length < 524_288) return await exchange(address, bundle);
    large += 1;
    most = Math.max(most, large - replies);
    const isThird = large === 3;
    wire.harm = () => (isThird ? 'lose_request' : 'pass');
    try {
      return await exchange(address, bundle);
    } finally {
      replies += 1;
    }
  };
  const content = { type: 'file' as const, name: 'x.bin', mediaType: 'a/b', bytes: source };
  const sent = await alice.messenger.sendMessage({ content, wait_ms: 60_000 });
  t.equal(sent.delivered, true);
  t.equal(most, 2);
  // 96 full slices and a little: 15 go into a bundle, so there are 6 large ones and a smaller.
  t.equal(large, 6 + 1);
  const [opened] = bob.messenger.decryptMessages({});
  const got = Buffer.concat([...bob.messenger.fileContent(opened?.row ?? -1).bytes]);
  t.ok(got.equals(bytes));
});

t.test('messages that fill bundles arrive in order, though one bundle is lost', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const said = Array.from({ length: 420 }, (_, at) => `${at} ${'x'.repeat(5_000)}`);
  let large = 0;
  const exchange = wire.exchange.bind(wire);
  wire.exchange = async (address, bundle) => {
    if (bundle.length > 524_288) large += 1;
    const isFirst = bundle.length > 524_288 && large === 1;
    // The first comes to nothing only after others had time to overtake it.
    if (isFirst) await new Promise((resolve) => setTimeout(resolve, 50));
    wire.harm = () => (isFirst ? 'lose_request' : 'pass');
    return exchange(address, bundle);
  };
  const sent = said.map((each) => alice.messenger.sendMessage({ ...text(each), wait_ms: 60_000 }));
  for (const { delivered } of await Promise.all(sent)) t.equal(delivered, true);
  t.ok(large > 2, `${large} full bundles`);
  t.strictSame(readTexts(bob), said);
});

t.test('a pairing code verifies both sides with one command', async (t) => {
  const { alice, bob } = await twoPeers(t);
  const { code } = bob.messenger.createPairingCode();
  const result = await alice.messenger.sendKeys({ code });
  t.match(result, { state: 'established', verified: true, to: 'bob' }, 'by the name it gives');
  await until(() => bob.messenger.show().contacts[0]?.verified === true);
  const told = (name: string) => [`${name} is verified: both sides have the pairing code`];
  const printed = [alice.printed, bob.printed];
  t.strictSame(printed, [told('bob'), told('alice')], 'there is nothing to compare');
  await alice.messenger.sendMessage({ ...text('by code'), wait_ms: 60_000 });
  t.strictSame(readTexts(bob), ['by code']);
  await alice.messenger.sendKeys({});
  const established = alice.logged.filter(([event]) => event === 'session_established');
  const facts = { contact: 'bob', verified: true };
  t.match(
    established.map(([, facts]) => facts),
    [
      { ...facts, pattern: 'XXpsk3' },
      { ...facts, pattern: 'KKpsk0' },
    ],
  );
  await t.rejects(alice.messenger.sendKeys({ code: 'ABC' }), {
    name: 'UseCaseError',
    failure: 'invalid_code',
  });
});

t.test('a code that is not held there is told, and leaves nothing to compare', async (t) => {
  const { wire, alice, bob } = await twoPeers(t);
  const carol = await new Side(t, wire, 'carol').start();
  t.teardown(() => carol.stop());
  const [secret] = carol.messenger.createPairingCode().code.split('@');
  const wrong = { name: 'UseCaseError', failure: 'code_not_taken' };
  const code = `${secret}@${bob.address}`;
  await t.rejects(alice.messenger.sendKeys({ code }), wrong, 'bob holds none');
  const { code: right } = bob.messenger.createPairingCode();
  await t.rejects(alice.messenger.sendKeys({ to: 'bob', code }), wrong, 'bob holds another');
  const nobody = `${secret}@http://127.0.0.1:9`;
  const silent = { name: 'UseCaseError', failure: 'unreachable' };
  await t.rejects(alice.messenger.sendKeys({ code: nobody }), silent, 'nobody is there');
  const short = { name: 'UseCaseError', failure: 'invalid_code' };
  await t.rejects(alice.messenger.sendKeys({ code: `${secret}` }), short, 'it says no address');
  t.strictSame(alice.messenger.show().contacts, [], 'nobody is known who was not before');
  const { verified } = await alice.messenger.sendKeys({ to: 'bob', code: right });
  t.equal(verified, true, 'the right one is good after a wrong one');
  await t.rejects(alice.messenger.sendKeys({ to: 'bob', code: nobody }), silent);
  t.match(
    alice.messenger.show().contacts,
    [{ name: 'bob', address: bob.address, verified: true, last_error: undefined }],
    'who is known stays where he was',
  );
});

t.test('a peer does not meet itself, by whatever name of this computer', async (t) => {
  const local = { address: 'http://127.0.0.1:5000' };
  const wire = new Wire();
  const alice = await new Side(t, wire, 'alice', local).start();
  for (const address of [local.address, 'http://LOCALHOST:5000/', 'http://[::1]:5000']) {
    await t.rejects(alice.messenger.sendKeys({ to: 'bob', address }), {
      name: 'UseCaseError',
      failure: 'own_address',
    });
  }
  // Through a tunnel both are at the same address, each on its own computer.
  const bob = await new Side(t, wire, 'bob', local).start();
  await bob.messenger.sendKeys({ to: 'alice', address: alice.address });
  t.match(alice.messenger.show().waiting, [{ name: 'bob', ...local }]);
  await t.rejects(alice.messenger.sendKeys({}), { name: 'UseCaseError', failure: 'no_contact' });
  t.strictSame(alice.messenger.show().contacts, []);
});

t.test('a name is taken from who proves the code, and from nobody else', async (t) => {
  const { alice, bob } = await twoPeers(t);
  const met = await alice.messenger.sendKeys({ address: bob.address });
  await bob.messenger.sendKeys({});
  await until(() => alice.messenger.show().contacts[0]?.state === 'paired');
  t.match(alice.messenger.show().contacts, [{ name: met.to }], 'a stranger stays an address');
  const { code } = bob.messenger.createPairingCode();
  const named = await alice.messenger.sendKeys({ to: met.to, code });
  t.match(named, { to: 'bob', verified: true }, 'who proves a code has a name');

  const carol = await new Side(t, new Wire(), 'carol').start();
  t.teardown(() => carol.stop());
  const silent = { name: 'UseCaseError', failure: 'unreachable' };
  const friend = { to: 'my friend', address: bob.address };
  await t.rejects(carol.messenger.sendKeys(friend), silent);
  const given = { name: 'my friend', advice: { next: { do: 'start_contact', to: 'my friend' } } };
  t.match(carol.messenger.show().contacts, [given], 'a given name stays');
});

t.test('a letter is read once, and only by whom it is for', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  const carol = await new Side(t, wire, 'carol').start();
  const { letter } = await alice.messenger.writeLetter(text('by hand'));
  await t.rejects(carol.messenger.readLetter(letter), {
    name: 'UseCaseError',
    failure: 'letter_unreadable',
  });
  t.match(await bob.messenger.readLetter(letter), { from: 'alice', messages: 1 });
  t.strictSame(readTexts(bob), ['by hand']);
  await t.rejects(bob.messenger.readLetter(letter), {
    name: 'UseCaseError',
    failure: 'letter_repeated',
  });
  t.strictSame(readTexts(bob), []);
  letter[40] = (letter[40] ?? 0) ^ 1;
  await t.rejects(bob.messenger.readLetter(letter), {
    name: 'UseCaseError',
    failure: 'letter_unreadable',
  });
});

t.test('a contact that has forgotten us is told apart, and the way back works', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  await bob.messenger.verify({ code: codeIn(bob)?.[1] ?? '', differs: true });
  bob.messenger.removeContact('alice');
  await t.rejects(alice.messenger.sendKeys({ to: 'bob' }), {
    name: 'UseCaseError',
    failure: 'refused_by_contact',
  });
  t.equal(alice.messenger.show().contacts[0]?.state, 'forgotten_by_contact');
  // What is queued asks bob meanwhile, and hears again that he has forgotten her.
  await alice.messenger.sendMessage(text('waits'));
  const offered = await alice.messenger.sendKeys({ to: 'bob', again: true });
  t.equal(offered.state, 'waiting');
  t.equal(offered.comparison, undefined, 'the code is that of the meeting before');
  t.strictSame(offered.advice, { next: { do: 'await_contact', to: 'bob', again: true } });
  const met = await bob.messenger.sendKeys({ to: 'alice', address: alice.address });
  t.equal(met.state, 'established');
  await alice.messenger.sendMessage({ ...text('again'), wait_ms: 60_000 });
  t.strictSame(readTexts(bob), ['waits', 'again']);
  t.ok(wire.seen.length > 0);
});

t.test('several contacts: `to` is needed, and nothing is mixed up', async (t) => {
  const wire = new Wire();
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map((name) => new Side(t, wire, name).start()),
  );
  if (alice === undefined || bob === undefined || carol === undefined) return;
  for (const other of [bob, carol]) {
    await alice.messenger.sendKeys({ to: other.name, address: other.address });
    await other.messenger.sendKeys({ to: 'alice', address: alice.address });
  }
  await t.rejects(alice.messenger.sendMessage(text('?')), {
    name: 'UseCaseError',
    failure: 'ambiguous_contact',
  });
  await t.rejects(alice.messenger.sendMessage({ ...text('?'), to: 'dave' }), {
    name: 'UseCaseError',
    failure: 'unknown_contact',
  });
  await alice.messenger.sendMessage({ ...text('for bob'), to: 'bob', wait_ms: 60_000 });
  await alice.messenger.sendMessage({ ...text('for carol'), to: 'carol', wait_ms: 60_000 });
  t.strictSame(readTexts(bob), ['for bob']);
  t.strictSame(readTexts(carol), ['for carol']);
});

t.test('with no contact yet, send_keys answers whoever called last', async (t) => {
  const { wire, alice, bob } = await twoPeers(t);
  const carol = await new Side(t, wire, 'carol').start();
  for (const { messenger } of [alice, carol]) {
    await messenger.sendKeys({ to: 'bob', address: bob.address });
  }
  t.match(bob.messenger.show().waiting, [{ name: 'carol' }, { name: 'alice' }]);
  t.match(await bob.messenger.sendKeys({}), { to: 'carol', state: 'established' });
});

t.test('a peer that cannot be called asks for what is there', async (t) => {
  const wire = new Wire();
  const alice = await new Side(t, wire, 'alice').start();
  const hidden = await new Side(t, wire, 'hidden', { address: undefined, poll_ms: 1 }).start();
  wire.peers.delete(hidden.address);
  await hidden.messenger.sendKeys({ code: alice.messenger.createPairingCode().code });
  await until(() => alice.messenger.show().contacts[0]?.verified === true);
  t.equal(alice.messenger.show().contacts[0]?.address, undefined);
  await alice.messenger.sendMessage(text('come and get it'));
  await hidden.messenger.sendMessage({ ...text('I ask'), wait_ms: 60_000 });
  t.strictSame(readTexts(alice), ['I ask']);
  await until(() => hidden.messenger.show().contacts[0]?.unopened === 1);
  t.strictSame(readTexts(hidden), ['come and get it']);
  await until(() => alice.messenger.show().contacts[0]?.queued.messages === 0);
  const polled = wire.seen.length;
  await until(() => wire.seen.length >= polled + 20);
  await alice.messenger.sendMessage(text('later'));
  await until(() => hidden.messenger.show().contacts[0]?.unopened === 1);
});

t.test('what one contact sends cannot stop decrypt_msg for all', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const long = 'ä'.repeat(700_000);
  await alice.messenger.sendMessage({ ...text(long), wait_ms: 60_000 });
  await alice.messenger.sendMessage({ ...text('after'), wait_ms: 60_000 });
  const [first, second] = readTexts(bob);
  t.ok(first !== undefined && first.length > 500_000 && long.startsWith(first));
  t.equal(second, 'after');
  for (let sent = 0; sent < 10; sent += 1) {
    await alice.messenger.sendMessage({ ...text(long), wait_ms: 60_000 });
  }
  t.equal(bob.messenger.decryptMessages({}).length, 8, 'no more than 8 MiB at once');
  t.equal(readTexts(bob).length, 2, 'the rest waits for the next call');
});

t.test('after a restart a fleet is told at once that its sessions are gone', async (t) => {
  // Time stands still: a machine that takes a second for these would answer them all.
  const clock = { ...realClock, monotonic_ms: () => 0 };
  const { bob } = await twoPeers(t, { clock });
  const packets = Array.from({ length: 4_000 }, (_, index) => {
    const packet = new Uint8Array(48);
    packet[0] = 10;
    new DataView(packet.buffer).setUint32(4, index);
    return packet;
  });
  const replies = decodeBundle(await bob.messenger.receive(encodeBundle(packets)));
  const types = new Set(replies.map(([type]) => type));
  t.strictSame([...types], [11], 'STATUS');
  t.equal(replies.length, 2_000, 'two thousand of them, and not as many as somebody wants');
});
