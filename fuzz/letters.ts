/**
 * Letters from end to end: what a contact seals, and what a stranger makes of a letter on its way,
 * through everything that opens, judges, stores and shows it; by both ways in.
 */
import assert from 'node:assert/strict';
import type { Test } from 'tap';
import { openssl, type PrivateKey, type PublicKey } from '../src/crypto/index.ts';
import { StoreError } from '../src/failures.ts';
import { UseCaseError } from '../src/messenger/index.ts';
import { HandshakeState } from '../src/protocol/handshake-state.ts';
import {
  decodeBundle,
  encodeBundle,
  encodePlaintext,
  gateKeyOf,
  hintOf,
  type Payload,
  RemoteProtocolError,
} from '../src/protocol/index.ts';
import { encodeHandshake, prologueOf } from '../src/protocol/packet.ts';
import { PATTERNS } from '../src/protocol/pattern.ts';
import { openStore } from '../src/store/index.ts';
import { realClock, SILENT, Side, Wire } from '../test/messenger/support.ts';
import type { Target } from './fuzzer.ts';
import { kept } from './kept.ts';
import { vectors } from './vectors.ts';

const BLOCK_SIZE = 16;

/** Time enough between two letters that none is one too many. */
let elapsed_ms = 0;
const clock = {
  ...realClock,
  monotonic_ms() {
    elapsed_ms += 1_000;
    return elapsed_ms;
  },
};

/** Bob, and a contact of his whose private key is known here. */
async function open() {
  const undo: (() => unknown)[] = [];
  const teardown = (call: () => unknown) => void undo.push(call);
  const bob = new Side({ teardown } as unknown as Test, new Wire(), 'bob', { clock });
  const writer = openssl.importPrivateKey(new Uint8Array(32).fill(7) as PrivateKey);
  const options = { folder: bob.folder, key: 'key file', log: SILENT, crypto: openssl } as const;
  const store = await openStore(options);
  const met = { verified: true, capabilities: 0, maxFrame: 65_535, address: undefined };
  store.contacts.insert({ ...met, name: 'writer', publicKey: writer.publicKey });
  store.close();
  await bob.start();
  const shown = bob.messenger.show().public_key;
  const publicKey = new Uint8Array(Buffer.from(shown, 'hex')) as PublicKey;
  const secret = writer.dh(publicKey);
  const hint = hintOf(openssl, gateKeyOf(openssl, secret), writer.publicKey);
  const parties = { crypto: openssl, staticKeys: writer, remoteStatic: publicKey };
  return { bob, parties, hint, epoch: 1_000n, undo };
}

type World = Awaited<ReturnType<typeof open>>;

const world = kept(open, async ({ undo }) => {
  for (const each of undo.reverse()) await each();
});

/** As sealLetter makes it, of any bytes. */
function sealed({ parties, hint }: World, plaintext: Uint8Array): Uint8Array {
  const handshake = new HandshakeState({
    ...parties,
    pattern: PATTERNS.K,
    side: 'initiator',
    prologue: prologueOf('LETTER'),
    randomBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
  });
  return encodeHandshake('LETTER', handshake.writeMessage(plaintext), hint);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array((Math.floor(bytes.length / BLOCK_SIZE) + 1) * BLOCK_SIZE);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  return whole;
}

const outbox: Payload = { kind: 'outbox', epoch: 5n, lowest: 0n };
const message = (sequence: bigint, content: Uint8Array): Payload => ({
  kind: 'message',
  sequence,
  content,
});
const text = Uint8Array.of(1, 0x68, 0x69);
/** Of every type: a file, a notice, readings; and some that lie. */
const CONTENTS = [
  [2, 1, 0x66, 0, 0x78],
  [4, ...new Array(17).fill(0)],
  [3, 0x81, 0xa3, 0x00, 0x61, 0x74, 0x02, 0x01, 0x06, 0x01],
  [1, 0xff],
  [2, 255, 1],
  [77],
];
const slice = new Uint8Array(256).fill(1);
const part: Payload = { kind: 'part', sequence: 9n, index: 0, count: 2, slice };
/** How the first byte says that a letter is changed: each byte behind it, to its place in the packet. */
const [SEALED, CHANGED, CUT] = [0, 1, 2];

/** Without the padding, which follows behind what it has become. */
function seed(mode: number, ...payloads: readonly Payload[]): Uint8Array {
  const plaintext = encodePlaintext([outbox, ...payloads]);
  return Uint8Array.of(mode, ...plaintext.subarray(0, plaintext.lastIndexOf(0x80)));
}

function changed(letter: Uint8Array, bytes: Uint8Array): Uint8Array {
  return letter.map((byte, at) => byte ^ (bytes[at] ?? 0));
}

function packetOf(opened: World, [mode = 0, ...rest]: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(rest);
  if (mode % 3 === SEALED) {
    // Each in an epoch of its own: else all but the first would be repeats, and go no further.
    opened.epoch += 1n;
    if (bytes.length > 11) new DataView(bytes.buffer).setBigUint64(3, opened.epoch);
    return sealed(opened, padded(bytes));
  }
  const letter = sealed(opened, encodePlaintext([outbox, message(1n, text)]));
  const [place = 0] = bytes;
  return mode % 3 === CUT ? letter.subarray(0, place) : changed(letter, bytes);
}

export const letters: Target = {
  name: 'letters',
  watched:
    /\/src\/protocol\/(letter|plaintext|payload|content|senml)\.ts$|\/src\/messenger\/(letters|acceptance|intake)\.ts$/,
  seeds: () => [
    seed(SEALED, message(0n, text)),
    ...CONTENTS.map((content) => seed(SEALED, message(3n, Uint8Array.of(...content)))),
    seed(SEALED, part, { ...part, sequence: 10n, index: 1 }),
    // Nothing; then a bit of the hint, of the key, of the epoch, of the text, and of the tag.
    Uint8Array.of(CHANGED, 0),
    ...[4, 8, 43, 69, 100].map((at) => Uint8Array.of(CHANGED, ...new Uint8Array(at), 1)),
    Uint8Array.of(CUT, 40),
    ...vectors('payloads').map((plaintext) => Uint8Array.of(SEALED, ...plaintext)),
  ],
  close: world.close,
  async run(bytes) {
    const opened = await world.get();
    const { messenger } = opened.bob;
    const packet = packetOf(opened, bytes);
    if (packet.length === 0) return;
    const before = messenger.show().refused['unauthenticated'] ?? 0;
    decodeBundle(await messenger.receive(encodeBundle([packet])));
    const isChanged = (bytes[0] ?? 0) % 3 === CHANGED && bytes.subarray(9).some((byte) => byte > 0);
    const refused = (messenger.show().refused['unauthenticated'] ?? 0) - before;
    // Behind type and flags and the hint, every bit of a letter is under its tag.
    if (isChanged && bytes.subarray(1, 9).every((byte) => byte === 0)) {
      assert.ok(bytes.length > packet.length + 1 || refused === 1, 'a changed letter was taken');
    }
    await byHand(opened, packet);
    messenger.decryptMessages({});
  },
};

/** What it throws must be of a kind that says what to do next. */
async function byHand({ bob }: World, packet: Uint8Array): Promise<void> {
  try {
    await bob.messenger.readLetter(encodeBundle([packet]));
  } catch (error) {
    const kinds = [RemoteProtocolError, UseCaseError, StoreError];
    if (!kinds.some((kind) => error instanceof kind)) throw error;
  }
}
