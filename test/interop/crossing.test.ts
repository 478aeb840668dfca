/**
 * Goal: the peer in Python holds rules 1, 4 and 5 of docs/PROTOCOL.md §5 also where messages cross:
 * what late copies and stale answers do is as pinned down as the rest.
 * Method: it meets a port of this test, which reads and writes XX by the pure machines and decides
 * itself what arrives, in which order.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { decodeBundle, encodeBundle, statusAbout } from '../../src/protocol/index.ts';
import { until } from '../support/peer-process.ts';
import { packetsOf, THEIRS } from '../support/pure-pairs.ts';
import { PurePeer } from '../support/pure-peer.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startPython } from './pair.ts';
import { type PythonPeer, pythonMissing } from './python-peer.ts';

const skip = pythonMissing() ?? false;
const [XX1, XX2, XX3, TRANSPORT] = [1, 2, 3, 10];

type Answer = (packet: Uint8Array) => readonly Uint8Array[];

/** What calls itself `sotto`, and whatever the peer in Python has sent to it. */
interface Port {
  readonly python: PythonPeer;
  readonly pythonAddress: string;
  readonly address: string;
  readonly received: Uint8Array[];
  /** How each packet is answered; by nothing, unless a test says. */
  answer: Answer;
}

async function open(t: Test): Promise<Port> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started = await startPython(t, join(temporaryFolder(t), 'py'));
  const { peer: python, address: pythonAddress } = started;
  const port: Port = { python, pythonAddress, address, received: [], answer: () => [] };
  server.on('request', async (incoming, outgoing) => {
    const packets = decodeBundle(new Uint8Array(Buffer.concat(await incoming.toArray())));
    port.received.push(...packets.map((packet) => packet.slice()));
    outgoing.setHeader('content-type', 'application/octet-stream');
    outgoing.end(encodeBundle(packets.flatMap((packet) => port.answer(packet))));
  });
  await python.do('contact', { contact: 'sotto', address });
  return port;
}

/** The other side, which never has been before: its XX1 is a new one. */
function stranger({ address, pythonAddress }: Port) {
  const peer = new PurePeer('sotto', new Random(Math.random() * 2 ** 32), { address });
  return { peer, contact: peer.book.add('py', pythonAddress) };
}

/** An XX1 whose key is larger than that of `other`, and loses against it by rule 2. */
function losingTo(port: Port, other: Uint8Array): Uint8Array {
  for (;;) {
    const { peer, contact } = stranger(port);
    const [packet] = packetsOf(peer.trigger(contact, 0));
    if (packet && Buffer.compare(keyIn(packet), keyIn(other)) > 0) return packet;
  }
}

function keyIn(first: Uint8Array): Uint8Array {
  return first.subarray(4, 36);
}

/** Brings it one packet in a request; what comes back. */
async function bring({ pythonAddress }: Port, packet: Uint8Array): Promise<readonly Uint8Array[]> {
  const response = await fetch(`${pythonAddress}/packets`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(encodeBundle([packet])),
  });
  return decodeBundle(await response.bytes());
}

function arrived({ received }: Port, type: number | undefined, after = 0): Promise<Uint8Array> {
  return until(`packet ${type}`, async () =>
    received.slice(after).find((packet) => packet[0] === type),
  );
}

/** Its person asks, ours answers. Returns its XX1, and the XX3 that answers our XX2. */
async function meetUntilXX3(t: Test, port: Port) {
  await port.python.do('meet', { contact: 'sotto' });
  const first = await arrived(port, XX1);
  const { peer, contact } = stranger(port);
  peer.receive(first, THEIRS, 0);
  const losing = losingTo(port, first);
  t.strictSame(await bring(port, losing), [first], 'the smaller key stays initiator');
  const [second] = packetsOf(peer.trigger(contact, 0));
  t.equal(second?.[0], XX2);
  const [third] = second ? await bring(port, second) : [];
  return { peer, first, losing, second, third };
}

t.test('an XX1 that has lost gets the same answer, however late it comes', { skip }, async (t) => {
  const port = await open(t);
  const { peer, first, losing, second, third } = await meetUntilXX3(t, port);
  if (second === undefined || third === undefined) return t.fail('no XX3');
  t.equal(third[0], XX3);
  t.strictSame(await bring(port, losing), [first], 'while XX3 is out');
  t.strictSame(await bring(port, second), [third], 'the identical XX2 gets the identical XX3');
  const [confirms] = packetsOf(peer.receive(third, THEIRS, 0));
  t.equal(confirms?.[0], TRANSPORT);
  if (confirms !== undefined) await bring(port, confirms);
  await port.python.until('session', { pattern: 'XX', initiator: true });
  t.strictSame(await bring(port, losing), [first], 'and while the session lives');
  t.equal(port.python.count('kept'), 0, 'so it can spend no trigger');
});

t.test('while XX3 is out a trigger repeats it; stale about it answers XX1', { skip }, async (t) => {
  const port = await open(t);
  const { third } = await meetUntilXX3(t, port);
  if (third === undefined) return t.fail('no XX3');
  const { peer, contact } = stranger(port);
  const [again] = packetsOf(peer.trigger(contact, 0));
  if (again === undefined) return t.fail('no XX1');
  t.strictSame(await bring(port, again), [], 'kept: it may have crossed ours long ago');
  await port.python.until('kept');

  const before = port.received.length;
  await port.python.do('meet', { contact: 'sotto' });
  t.strictSame(await arrived(port, XX3, before), third, 'first the identical XX3');
  port.answer = (packet) => (packet[0] === XX3 ? [statusAbout(openssl, 'stale', packet)] : []);
  await port.python.do('meet', { contact: 'sotto' });
  const answer = await arrived(port, XX2, before);
  const [finished] = packetsOf(peer.receive(answer, THEIRS, 0));
  t.equal(finished?.[0], XX3, 'it answers the XX1 that waited');
  if (finished !== undefined) await bring(port, finished);
  await port.python.until('session', { pattern: 'XX', initiator: false });
});
