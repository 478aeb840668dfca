/** Our handshake between pinned contacts, and our packets, without the store and without HTTP. */
import { openssl, systemRandomBytes } from '../../src/crypto/index.ts';
import {
  decodePacket,
  HandshakeState,
  openTransport,
  PATTERNS,
  type PresharedKey,
  prologueOf,
  ReplayWindow,
  type Side,
  sealTransport,
} from '../../src/protocol/index.ts';
import { type Contender, Framed, socketPair, Tally } from './channel.ts';

const [own, remote] = [0, 1].map(() => openssl.generateKeyPair(systemRandomBytes));

/** What stands before every message, PROTOCOL §8.2. */
const OUTBOX = { kind: 'outbox', epoch: 1n, lowest: 1n } as const;

export const ours: Contender = {
  name: 'ours',
  about: 'KKpsk0, X25519, AES-256-GCM, SHA-256 on OpenSSL',
  async meet() {
    const [near, far] = await socketPair();
    const [a, b] = [new Framed(near), new Framed(far)];
    const [alice, bob] = [state('initiator'), state('responder')];
    a.write(alice.writeMessage(new Uint8Array(0)));
    bob.readMessage(await b.read());
    b.write(bob.writeMessage(new Uint8Array(0)));
    alice.readMessage(await a.read());
    const [{ sending }, { receiving }] = [alice.finish(), bob.finish()];
    const [window, tally] = [new ReplayWindow(), new Tally()];
    b.listen((packet) => {
      const decoded = decodePacket(packet);
      if (decoded.type !== 'TRANSPORT') throw new Error(decoded.type);
      for (const payload of openTransport(receiving, window, decoded)) {
        if (payload.kind === 'message') tally.add(payload.content.length);
      }
    });
    return {
      send: (content) =>
        a.write(sealTransport(sending, 1, [OUTBOX, { kind: 'message', sequence: 1n, content }])),
      arrived: (bytes) => tally.reached(bytes),
      close: () => near.destroy(),
    };
  },
};

function state(side: Side): HandshakeState {
  const [staticKeys, other] = side === 'initiator' ? [own, remote] : [remote, own];
  return new HandshakeState({
    crypto: openssl,
    pattern: PATTERNS.KKpsk0,
    side,
    prologue: prologueOf('KK1'),
    randomBytes: systemRandomBytes,
    staticKeys,
    remoteStatic: other?.publicKey,
    psk: new Uint8Array(32) as PresharedKey,
  });
}
