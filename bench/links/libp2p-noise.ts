/** @chainsafe/libp2p-noise on the pair of connections that libp2p's own tests use: in memory. */
import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { defaultLogger } from '@libp2p/logger';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddrConnectionPair } from '@libp2p/utils';
import { type Contender, Tally } from './channel.ts';

const make = async () => {
  const privateKey = await generateKeyPair('Ed25519');
  const peerId = peerIdFromPrivateKey(privateKey);
  const upgrader = { getStreamMuxers: () => new Map() };
  const components = { privateKey, peerId, logger: defaultLogger(), upgrader };
  return {
    peerId,
    encrypter: noise()(components as unknown as Parameters<ReturnType<typeof noise>>[0]),
  };
};
const [alice, bob] = await Promise.all([make(), make()]);

export const libp2pNoise: Contender = {
  name: '@chainsafe/libp2p-noise',
  about: 'XX with a signature, X25519, ChaCha20-Poly1305, SHA-256; no socket between',
  async meet() {
    const [near, far] = multiaddrConnectionPair({ delay: 0 });
    const options = { skipStreamMuxerNegotiation: true };
    const [out, into] = await Promise.all([
      alice.encrypter.secureOutbound(near, { ...options, remotePeer: bob.peerId }),
      bob.encrypter.secureInbound(far, { ...options, remotePeer: alice.peerId }),
    ]);
    const tally = new Tally();
    into.connection.addEventListener('message', ({ data }) => tally.add(data.byteLength));
    return {
      send: (payload) => void out.connection.send(payload),
      arrived: (bytes) => tally.reached(bytes),
      close: () => {
        near.abort(new Error('closed'));
        far.abort(new Error('closed'));
      },
    };
  },
};
