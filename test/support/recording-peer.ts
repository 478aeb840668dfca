/**
 * A peer in a process of its own, composed as `sotto up` does it but for the crypto suite: that
 * one tells every secret to the process that has started this one, by the channel between them.
 */
import { once } from 'node:events';
import { loadConfig } from '../../src/config.ts';
import { createPeer } from '../../src/peer.ts';
import { recordingCrypto } from './recording-crypto.ts';

const crypto = recordingCrypto(({ what, bytes }) => {
  process.send?.({ what, hex: Buffer.from(bytes).toString('hex') });
});
const peer = createPeer(loadConfig(process.argv.slice(2)), { crypto });
const { origin, pageLink } = await peer.start();
process.send?.({ origin, pageLink });
await once(process, 'SIGTERM');
await peer.stop();
process.disconnect();
