/**
 * Goal: the old walk (keys from one, keys from the other, show, send, decrypt) works in every
 * order, and the plaintext is on the right terminal and nowhere else.
 * Method: real processes on loopback, each behind a wire that keeps a copy of what passes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PeerProcess, until } from '../support/peer-process.ts';
import { WireTap } from '../support/wire-tap.ts';

interface Peer {
  readonly process: PeerProcess;
  readonly wire: WireTap;
}

const COMPARED = /code (\d{6}), key check ([0-9a-f]{16})/;

/** Starts peers that know each other by the addresses of their wires. */
async function start(
  t: Test,
  names: readonly string[],
  flags: Readonly<Record<string, readonly string[]>> = {},
): Promise<Record<string, Peer>> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-walk-'));
  const wires = await Promise.all(names.map(() => WireTap.open()));
  const addresses = names.map((name, index) => [name, wires[index]?.address ?? ''] as const);
  const peers: Record<string, Peer> = {};
  t.teardown(async () => {
    await Promise.all(Object.values(peers).map(({ process }) => process.stop('SIGKILL')));
    for (const wire of wires) wire.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const starting = wires.map(async (wire, index) => {
    const name = names[index] ?? '';
    const others = addresses.filter(([other]) => other !== name);
    const contacts = others.flatMap(([other, address]) => ['--contact', `${other}=${address}`]);
    const own = ['--address', wire.address, ...contacts, ...(flags[name] ?? [])];
    const process = new PeerProcess({ name, folder: join(folder, name), flags: own });
    peers[name] = { process, wire };
    wire.target = (await process.start()).port;
  });
  await Promise.all(starting);
  return peers;
}

async function pair(t: Test, flags: readonly string[] = []) {
  const { alice, bob } = await start(t, ['alice', 'bob'], { alice: flags, bob: flags });
  if (alice === undefined || bob === undefined) throw new Error('two peers were started');
  return { alice: alice.process, bob: bob.process, wires: [alice.wire, bob.wire] };
}

/** Both show the same code and key check value, and both are paired. */
async function assertMet(t: Test, one: PeerProcess, other: PeerProcess): Promise<void> {
  const shown = await Promise.all([one.printed(COMPARED), other.printed(COMPARED)]);
  t.equal(shown[0][0], shown[1][0], 'both terminals show the same');
  for (const [peer, { name }] of [[one, other] as const, [other, one] as const]) {
    const contact = await until(`${peer.name} is paired with ${name}`, async () => {
      const contact = await peer.contact(name);
      return contact.state === 'paired' ? contact : undefined;
    });
    t.match(contact, { code: shown[0][1], key_check: shown[0][2], verified: false });
  }
}

/** Sends a text and has it opened on the other side; it is on that terminal and nowhere else. */
async function assertHeard(
  t: Test,
  from: PeerProcess,
  to: PeerProcess,
  wires: readonly WireTap[],
): Promise<void> {
  const text = `${from.name} tells ${to.name} about the old mill`;
  const { status, json } = await from.post('/send_msg', { text, to: to.name });
  t.equal(status, 202);
  t.match(json, { to: to.name, trust: 'tofu' });
  await until(`the text of ${from.name} arrives`, async () =>
    (await to.contact(from.name)).unopened > 0 ? true : undefined,
  );
  const opened = await to.post('/decrypt_msg');
  t.strictSame(opened.json, { count: 1, ids: [json.id] });
  await to.printed(new RegExp(text));
  for (const wire of wires) {
    t.ok(wire.heard().length > 0, 'the wire has carried something');
    t.notOk(wire.heard().includes(text), 'the text is not on the wire');
  }
  t.notMatch([...from.terminal, ...from.log, ...to.log].join('\n'), text);
}

t.test('alice first, as it always was', async (t) => {
  const { alice, bob, wires } = await pair(t);
  const first = await alice.post('/send_keys');
  t.equal(first.status, 202);
  t.match(first.json, { to: 'bob', state: 'waiting' });
  const second = await bob.post('/send_keys');
  t.equal(second.status, 200);
  t.match(second.json, { to: 'alice', state: 'established' });
  await assertMet(t, alice, bob);
  const { json } = await alice.call('GET', '/show');
  t.match(json.public_key, /^[0-9a-f]{64}$/);
  t.match(json.combined_key, /^[0-9a-f]{64}$/);
  await assertHeard(t, alice, bob, wires);
  await assertHeard(t, bob, alice, wires);
  t.equal(await alice.stop(), 0, 'Ctrl-C ends it cleanly');
});

t.test('bob first, and each of them twice', async (t) => {
  const { alice, bob, wires } = await pair(t);
  t.equal((await bob.post('/send_keys')).status, 202);
  t.equal((await bob.post('/send_keys')).status, 202);
  t.equal((await alice.post('/send_keys')).status, 200);
  await assertMet(t, alice, bob);
  const again = await alice.post('/send_keys');
  t.equal(again.status, 200, 'a pinned contact renews by itself');
  await assertHeard(t, alice, bob, wires);
});

t.test('both at once', async (t) => {
  const { alice, bob, wires } = await pair(t);
  const answers = await Promise.all([alice.post('/send_keys'), bob.post('/send_keys')]);
  for (const { status } of answers) t.ok(status === 200 || status === 202, `${status}`);
  await assertMet(t, alice, bob);
  await assertHeard(t, bob, alice, wires);
});

t.test('bob is restarted in between, and then alice', async (t) => {
  const { alice, bob, wires } = await pair(t);
  await alice.post('/send_keys');
  await bob.stop();
  const [, bobsWire] = wires;
  if (bobsWire !== undefined) bobsWire.target = (await bob.start()).port;
  // What was kept is forgotten: bob asks alice, whose own question is still open.
  await bob.post('/send_keys');
  await assertMet(t, alice, bob);
  await assertHeard(t, alice, bob, wires);
  await alice.stop('SIGKILL');
  const [alicesWire] = wires;
  if (alicesWire !== undefined) alicesWire.target = (await alice.start()).port;
  await assertHeard(t, alice, bob, wires);
  await assertHeard(t, bob, alice, wires);
});

t.test('out of order: what cannot be done yet says what to do', async (t) => {
  const { alice, bob, wires } = await pair(t);
  const early = await alice.post('/send_msg', { text: 'too early' });
  t.equal(early.status, 409);
  t.match(early.json, { code: 'not_paired', detail: /send_keys/ });
  const nothing = await bob.post('/decrypt_msg');
  t.equal(nothing.status, 200);
  t.strictSame(nothing.json, { count: 0, ids: [] });
  await alice.post('/send_keys');
  t.equal((await alice.post('/send_msg', { text: 'too early' })).status, 409);
  await bob.post('/send_keys');
  await assertMet(t, alice, bob);
  await assertHeard(t, alice, bob, wires);
});

t.test('from the address bar, and from no other site', async (t) => {
  const { alice, bob, wires } = await pair(t);
  const typed = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' };
  const site = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  t.equal((await alice.call('GET', '/send_keys', { headers: site })).status, 403);
  t.equal((await alice.call('GET', '/send_keys', { headers: typed })).status, 202);
  t.equal((await bob.call('GET', '/send_keys', { headers: typed })).status, 200);
  await assertMet(t, alice, bob);
  t.equal((await alice.call('GET', '/send_msg', { headers: typed })).status, 202);
  const query = '/send_msg?text=typed+text&wait=30';
  const sent = await alice.call('GET', query, { headers: typed });
  t.match([sent.status, sent.json], [202, { delivered: true }]);
  t.equal((await bob.call('GET', '/decrypt_msg', { headers: site })).status, 403);
  t.match((await bob.call('GET', '/decrypt_msg', { headers: typed })).json, { count: 2 });
  await bob.printed(/Hello from alice\./);
  await bob.printed(/typed text/);
  for (const wire of wires) t.notMatch(wire.heard().toString('latin1'), /typed text/);
});

t.test('several contacts, each with a name', async (t) => {
  const peers = await start(t, ['alice', 'bob', 'carol']);
  const { alice, bob, carol } = peers;
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three');
  const wires = [alice.wire, bob.wire, carol.wire];
  const ambiguous = await alice.process.post('/send_keys');
  t.match([ambiguous.status, ambiguous.json.code], [409, 'ambiguous_contact']);
  for (const { process } of [bob, carol]) {
    await alice.process.post('/send_keys', { to: process.name });
    await process.post('/send_keys', { to: 'alice' });
    await until(`alice is paired with ${process.name}`, async () =>
      (await alice.process.contact(process.name)).state === 'paired' ? true : undefined,
    );
  }
  await assertHeard(t, alice.process, bob.process, wires);
  await assertHeard(t, alice.process, carol.process, wires);
  await assertHeard(t, carol.process, alice.process, wires);
  t.match((await alice.process.post('/send_msg', { text: 'x', to: 'dave' })).json, {
    code: 'unknown_contact',
  });
});

t.test('a file, to its last byte; a letter, carried by hand; and verify', async (t) => {
  const { alice, bob, wires } = await pair(t);
  await alice.post('/send_keys');
  await bob.post('/send_keys');
  await assertMet(t, alice, bob);
  const { code } = await alice.contact('bob');
  const other = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  t.match(await alice.post('/verify', { code: other }), { status: 409 });
  const verified = await alice.post('/verify', { code });
  t.match(verified.json, { to: 'bob', verified: true });

  const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const sent = await alice.call('POST', '/send_msg?name=old%20mill.bin&wait=60', { body });
  t.match([sent.status, sent.json], [202, { delivered: true, trust: 'verified' }]);
  const headers = { authorization: `Bearer ${bob.token}` };
  const [file] = await bob.opened();
  t.match(file, { type: 'file', name: 'old mill.bin', size: body.length, verified: false });
  const response = await fetch(`${bob.origin}${file?.content}`, { headers });
  t.ok(Buffer.from(await response.arrayBuffer()).equals(body), 'the same bytes');

  const letter = await fetch(`${alice.origin}/send_msg`, {
    method: 'POST',
    body: JSON.stringify({ text: 'by hand', carrier: 'file' }),
    headers: { 'content-type': 'application/json' },
  });
  t.equal(letter.status, 200);
  const carried = new Uint8Array(await letter.arrayBuffer());
  t.match((await bob.call('POST', '/receive', { body: carried })).json, { from: 'alice' });
  t.equal((await bob.call('POST', '/receive', { body: carried })).status, 409, 'only once');
  t.match((await bob.post('/decrypt_msg')).json, { count: 1 });
  await bob.printed(/by hand/);
  for (const wire of wires) t.notMatch(wire.heard().toString('latin1'), /old mill|by hand/);
});

t.test('alice on @noble alone, bob on OpenSSL, and both on @noble', async (t) => {
  const mixed = await start(t, ['alice', 'bob'], { alice: ['--crypto', 'noble'] });
  const alike = await start(t, ['alice', 'bob'], {
    alice: ['--crypto', 'noble'],
    bob: ['--crypto', 'noble'],
  });
  for (const { alice, bob } of [mixed, alike]) {
    if (alice === undefined || bob === undefined) throw new Error('two');
    await alice.process.post('/send_keys');
    t.equal((await bob.process.post('/send_keys')).status, 200);
    await assertMet(t, alice.process, bob.process);
    await assertHeard(t, alice.process, bob.process, [alice.wire, bob.wire]);
  }
});
