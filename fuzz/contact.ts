/** What a contact seals, through everything that judges it: a real messenger on a real store. */
import type { Test } from 'tap';
import { type CryptoProvider, openssl } from '../src/crypto/index.ts';
import { decodeBundle, encodeBundle } from '../src/protocol/index.ts';
import { pairedPeers, text } from '../test/messenger/support.ts';
import type { Target } from './fuzzer.ts';
import { kept } from './kept.ts';
import { vectors } from './vectors.ts';

const TRANSPORT = 10;
const HEADER_SIZE = 16;
const TAG_SIZE = 16;
/** Above what the honest contact has counted. */
const COUNTER_MIN = 1_000_000n;

/** Instead of a ciphertext: the next one that is opened is this. */
let sealed: Uint8Array | undefined;

const opening: CryptoProvider = {
  ...openssl,
  importSymmetricKey: (key) => {
    const honest = openssl.importSymmetricKey(key);
    return {
      seal: (...given) => honest.seal(...given),
      open(...given) {
        const plaintext = sealed;
        sealed = undefined;
        return plaintext ?? honest.open(...given);
      },
      wipe: () => honest.wipe(),
    };
  },
};

async function open() {
  const undo: (() => unknown)[] = [];
  const teardown = (call: () => unknown) => void undo.push(call);
  // All that those who set peers up want of a test.
  const { wire, alice, bob } = await pairedPeers({ teardown } as unknown as Test, {
    crypto: opening,
  });
  const asked: Uint8Array[] = [];
  const exchange = wire.exchange.bind(wire);
  wire.exchange = async (address, bundle) => {
    if (address === bob.address) asked.push(...decodeBundle(bundle.slice()));
    return await exchange(address, bundle);
  };
  await alice.messenger.sendMessage({ ...text('hello'), wait_ms: 30_000 });
  const header = asked.find(([type]) => type === TRANSPORT)?.slice(0, HEADER_SIZE);
  if (header === undefined) throw new Error('no packet was heard');
  return { bob, header, counter: COUNTER_MIN, undo };
}

const world = kept(open, async ({ undo }) => {
  for (const each of undo.reverse()) await each();
});

export const contact: Target = {
  name: 'contact',
  watched: /\/src\/messenger\/(reception|intake|delivery|take-readings|told-times|windows)\.ts$/,
  seeds: () => vectors('payloads', 'acks'),
  close: world.close,
  async run(bytes) {
    const opened = await world.get();
    const { bob, header } = opened;
    const plaintext = new Uint8Array((Math.floor(bytes.length / 16) + 1) * 16);
    plaintext.set(bytes);
    plaintext[bytes.length] = 0x80;
    const packet = new Uint8Array(HEADER_SIZE + plaintext.length + TAG_SIZE);
    packet.set(header);
    opened.counter += 1n;
    new DataView(packet.buffer).setBigUint64(8, opened.counter);
    sealed = plaintext;
    try {
      decodeBundle(await bob.messenger.receive(encodeBundle([packet])));
    } finally {
      sealed = undefined;
    }
    bob.messenger.decryptMessages({});
    JSON.stringify(bob.messenger.show());
  },
};
