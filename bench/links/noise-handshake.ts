/** noise-handshake, of the Hypercore family, on libsodium. It has no KK: XK is the nearest. */
import { createRequire } from 'node:module';
import { type Contender, Framed, socketPair, Tally } from './channel.ts';

interface Keys {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

interface Noise {
  readonly complete: boolean;
  readonly tx: Buffer;
  readonly rx: Buffer;
  readonly curve: { generateKeyPair(): Keys };
  initialise(prologue: Uint8Array, remoteStatic?: Buffer): void;
  send(payload?: Uint8Array): Buffer;
  recv(packet: Uint8Array): Buffer;
}

interface Cipher {
  encrypt(plaintext: Buffer): Buffer;
  decrypt(ciphertext: Buffer): Buffer;
}

const load = createRequire(import.meta.url);
const NoiseState = load('noise-handshake') as new (
  pattern: string,
  first: boolean,
  own?: Keys,
) => Noise;
const CipherState = load('noise-handshake/cipher') as new (key: Buffer) => Cipher;

const [own, remote] = [0, 1].map(() => new NoiseState('XX', true).curve.generateKeyPair());

export const noiseHandshake: Contender = {
  name: 'noise-handshake',
  about: 'XK, X25519, ChaCha20-Poly1305, BLAKE2b on libsodium',
  async meet() {
    const [near, far] = await socketPair();
    const [a, b] = [new Framed(near), new Framed(far)];
    const [alice, bob] = [new NoiseState('XK', true, own), new NoiseState('XK', false, remote)];
    const prologue = Buffer.alloc(0);
    alice.initialise(prologue, remote?.publicKey);
    bob.initialise(prologue);
    a.write(alice.send());
    bob.recv(await b.read());
    b.write(bob.send());
    alice.recv(await a.read());
    a.write(alice.send());
    bob.recv(await b.read());
    if (!alice.complete || !bob.complete) throw new Error('no handshake');
    const [sealing, opening] = [new CipherState(alice.tx), new CipherState(bob.rx)];
    const tally = new Tally();
    b.listen((packet) => tally.add(opening.decrypt(Buffer.from(packet)).length));
    return {
      send: (payload) => a.write(sealing.encrypt(Buffer.from(payload.buffer))),
      arrived: (bytes) => tally.reached(bytes),
      close: () => near.destroy(),
    };
  },
};
