/**
 * A bridge that is an attacker, as a process: `attacker.ts SERIAL PI SEED SEEN`. It reads, changes,
 * drops, delays, repeats, replays, reflects and forges what passes, in both directions, and tells
 * the device that nobody knows it, until it has asked anew and heard the same. Everything that it
 * saw is in the file SEEN, what it did at GET /did. On stdin, "deny" makes it tell the device so
 * whatever it asks, "attack" begins again, "enough" makes it honest.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openssl } from '../../src/crypto/index.ts';
import { LinkError } from '../../src/failures.ts';
import { HttpLink, SerialLink } from '../../src/link/index.ts';
import { decodeBundle, encodeBundle } from '../../src/protocol/index.ts';
import { Random } from '../support/random.ts';

const ATTACKS = [
  'drop',
  'change',
  'cut',
  'delay',
  'repeat',
  'replay',
  'replay_answer',
  'reflect',
  'forge_status',
  'deny',
  'babble',
] as const;
const DELAY_MAX_MS = 400;

const [serialPath = '', pi = '', seed = '1', seenFile = ''] = process.argv.slice(2);
const random = new Random(Number(seed));
const done = new Map<string, number>(ATTACKS.map((attack) => [attack, 0]));
const bundles: Uint8Array[] = [];
const answers: Uint8Array[] = [];
let isHonest = false;
/** Until a KK1 of the device's was denied; and whatever it asks, until the next word. */
let isDenying = false;
let deniesAll = false;
const [KK1, UNKNOWN] = [7, 2];

type Carry = (bundle: Uint8Array) => Promise<Uint8Array>;

function see(bundle: Uint8Array, where: Uint8Array[]): void {
  if (bundle.length === 0) return;
  where.push(bundle);
  appendFileSync(seenFile, bundle);
}

/** Half of all exchanges are left alone: who drops everything achieves delay, and nothing else. */
async function pass(bundle: Uint8Array, isOfDevice: boolean, carry: Carry): Promise<Uint8Array> {
  see(bundle, bundles);
  const turn = bundles.length;
  const next = turn % 2 === 0 ? undefined : ATTACKS[((turn - 1) / 2) % ATTACKS.length];
  if (next === 'deny') isDenying = true;
  const attack = isHonest ? undefined : isOfDevice && (isDenying || deniesAll) ? 'deny' : next;
  const isAsking = decodeBundle(bundle).some(([type]) => type === KK1);
  if (attack === 'deny' && isAsking) isDenying = false;
  const isDone = attack !== 'deny' || isAsking;
  if (attack !== undefined && isDone) done.set(attack, (done.get(attack) ?? 0) + 1);
  const answer = await harm(attack, bundle, carry);
  see(answer, answers);
  return answer;
}

async function harm(attack: string | undefined, bundle: Uint8Array, carry: Carry) {
  switch (attack) {
    case 'drop':
      throw new LinkError('unreachable', 'dropped');
    case 'change':
      return changed(await carry(changed(bundle)));
    case 'cut':
      await carry(encodeBundle(decodeBundle(bundle).map((packet) => packet.slice(0, -1))));
      return await carry(bundle);
    case 'delay':
      await sleep(random.below(DELAY_MAX_MS));
      return await carry(bundle);
    case 'repeat':
      return (await Promise.all([carry(bundle), carry(bundle)]))[random.below(2)] ?? bundle;
    case 'replay':
      // Of either side, out of order, as old as it comes.
      await carry(random.pick(bundles) ?? bundle);
      await carry(random.pick(answers) ?? bundle);
      return await carry(bundle);
    case 'replay_answer':
      await carry(bundle);
      return random.pick(answers) ?? bundle;
    case 'reflect':
      return bundle;
    case 'forge_status':
      await carry(bundle);
      return encodeBundle(decodeBundle(bundle).map((packet) => status(packet)));
    case 'deny':
      // What was sent never arrives, and "nobody knows you" comes back; also to who asks anew.
      return encodeBundle(decodeBundle(bundle).map((packet) => status(packet, UNKNOWN)));
    case 'babble':
      await carry(encodeBundle([random.bytes(1 + random.below(200))]));
      return encodeBundle([random.bytes(1 + random.below(200))]);
    default:
      return await carry(bundle);
  }
}

/** One bit of one packet, anywhere in it. */
function changed(bundle: Uint8Array): Uint8Array {
  const packets = decodeBundle(bundle).map((packet) => packet.slice());
  const packet = random.pick(packets);
  if (packet === undefined) return bundle;
  const at = random.below(packet.length);
  packet[at] = (packet[at] ?? 0) ^ (1 << random.below(8));
  return encodeBundle(packets);
}

/** PROTOCOL §4.2: one of the four, about just this packet. */
function status(packet: Uint8Array, code = 1 + random.below(4)): Uint8Array {
  const echo = openssl.hash(packet).subarray(0, 8);
  return Uint8Array.of(11, code, 0, 0, ...echo);
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

const http = new HttpLink();
const serial = new SerialLink({
  path: serialPath,
  bootId: BigInt(random.u32()) + 1n,
  onBundle: (_address, bundle) => pass(bundle, true, (each) => http.exchange(pi, each)),
});
const server = createServer(async (request, response) => {
  try {
    const bundle = await read(request);
    const text =
      request.url === '/did'
        ? JSON.stringify(Object.fromEntries(done))
        : request.url === '/show'
          ? await serial.verb('show')
          : undefined;
    const answer =
      text === undefined
        ? await pass(bundle, false, (each) => serial.exchange(each))
        : new TextEncoder().encode(text);
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(answer);
  } catch {
    response.writeHead(503).end();
  }
});
server.listen(0, '127.0.0.1', () => {
  console.log(`origin http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
createInterface({ input: process.stdin }).on('line', (line) => {
  deniesAll = line === 'deny';
  isHonest = line === 'enough';
});
