/** Mutual TLS 1.3 of Node, a full handshake each time. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { type Contender, socketPair, Tally } from './channel.ts';

const read = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const context = (name: string) =>
  createSecureContext({
    key: read(`${name}.key`),
    cert: read(`${name}.pem`),
    ca: read('ca.pem'),
    minVersion: 'TLSv1.3',
  });
const [server, client] = [context('server'), context('client')];

export const mutualTls: Contender = {
  name: 'mutual TLS 1.3',
  about: 'certificates on both sides, the fixtures of this bench, OpenSSL',
  async meet() {
    const [near, far] = await socketPair();
    const options = { isServer: true, secureContext: server, requestCert: true };
    const bob = new TLSSocket(far, { ...options, rejectUnauthorized: true });
    const alice = connect({ socket: near, secureContext: client, host: '127.0.0.1' });
    await Promise.all([once(bob, 'secure'), once(alice, 'secureConnect')]);
    if (!alice.authorized || alice.getProtocol() !== 'TLSv1.3') throw new Error('no mutual TLS');
    const tally = new Tally();
    bob.on('data', (chunk: Buffer) => tally.add(chunk.length));
    return {
      send: (payload) => alice.write(payload),
      arrived: (bytes) => tally.reached(bytes),
      close: () => {
        alice.destroy();
        bob.destroy();
      },
    };
  },
};
