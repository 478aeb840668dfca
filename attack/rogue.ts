/** A peer that keeps to the protocol as far as it likes, on a real port. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoProvider, type KeyPair, openssl } from '../src/crypto/index.ts';
import { decodeBundle, encodeBundle, type Payload } from '../src/protocol/index.ts';
import type { PeerProcess } from '../test/support/peer-process.ts';
import { until } from '../test/support/peer-process.ts';
import { type Parcel, PurePeer } from '../test/support/pure-peer.ts';
import { Random } from '../test/support/random.ts';
import { post } from './wire.ts';

const HEADER_SIZE = 16;

export class Rogue {
  readonly name: string;
  readonly address: string;
  readonly peer: PurePeer;
  /** What came to its port. */
  readonly received: Uint8Array[] = [];
  readonly #server: Server;
  readonly #began = performance.now();
  /** What is to be sealed besides, with the next packet's counter and header. */
  #plaintext: Uint8Array | undefined;
  #sealed: Uint8Array = new Uint8Array();
  #counter: bigint | undefined;
  /** Version and suite in the prologue of its handshakes, if it lies about them. */
  prologue: string | undefined;
  /** Its fresh key of every handshake, if that is no honest one. */
  ephemeral: KeyPair | undefined;

  private constructor(name: string, server: Server, keys: KeyPair | undefined) {
    this.name = name;
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const crypto = this.#bendingCrypto();
    const options = { crypto, address: this.address, ...(keys && { staticKeys: keys }) };
    this.peer = new PurePeer(name, new Random(Date.now()), options);
    server.on('request', async (incoming, outgoing) => {
      const bundle = new Uint8Array(Buffer.concat(await incoming.toArray()));
      const replies = decodeBundle(bundle).flatMap((packet) => this.#answer(packet));
      outgoing.writeHead(200, { 'content-type': 'application/octet-stream' });
      outgoing.end(encodeBundle(replies));
    });
  }

  /** @param keys whose it pretends to be; otherwise its own. */
  static async open(name: string, keys?: KeyPair): Promise<Rogue> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Rogue(name, server, keys);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  get now(): number {
    return performance.now() - this.#began;
  }

  /** Meets `victim` by XX as people do it: its person triggers, and so does ours. */
  async meet(victim: PeerProcess, victimAddress: string): Promise<number> {
    const contact = this.peer.book.add(victim.name, victimAddress);
    const { text, status } = await victim.post('/send_keys', {
      ...{ to: this.name, address: this.address },
    });
    if (status >= 400) throw new Error(text);
    await until(`${this.name} has XX1`, () => this.received.find(([type]) => type === 1));
    await this.carry(this.peer.trigger(contact, this.now));
    await until(`${this.name} and ${victim.name} have a session`, () =>
      this.peer.sessions.standing(contact, this.now) === 'current' ? true : undefined,
    );
    return contact;
  }

  /** Posts what the machines want sent, and lets them read what comes back. */
  async carry(parcels: readonly Parcel[]): Promise<void> {
    for (const parcel of parcels) {
      if (parcel.kind !== 'request') continue;
      const { packets } = await post(parcel.to, [parcel.packet]);
      const via = { exchange: 'mine', contact: parcel.contact } as const;
      for (const packet of packets.filter(isNoStatus))
        await this.carry(this.peer.receive(packet, via, this.now));
    }
  }

  /** An authentic packet with whatever is in it. */
  seal(contact: number, payloads: readonly Payload[]): Uint8Array {
    return this.peer.sessions.seal(contact, payloads, this.now);
  }

  /** An authentic packet around any bytes, padded as PROTOCOL §8 has it unless `padded` is false. */
  sealBytes(contact: number, payloads: Uint8Array, padded = true, counter?: bigint): Uint8Array {
    this.#counter = counter;
    const size = (Math.floor(payloads.length / 16) + 1) * 16;
    this.#plaintext = padded ? new Uint8Array(size) : payloads;
    this.#plaintext.set(payloads);
    if (padded) this.#plaintext[payloads.length] = 0x80;
    const header = withCounter(this.seal(contact, []).subarray(0, HEADER_SIZE), counter);
    return Uint8Array.from(Buffer.concat([header, this.#sealed]));
  }

  #bendingCrypto(): CryptoProvider {
    return {
      ...openssl,
      generateKeyPair: (random) => this.ephemeral ?? openssl.generateKeyPair(random),
      hash: (...parts) => openssl.hash(...parts.map((part) => this.#bentPrologue(part))),
      importSymmetricKey: (key) => {
        const honest = openssl.importSymmetricKey(key);
        return {
          seal: (nonce, ad, plaintext, target) => {
            if (this.#plaintext !== undefined) {
              const [own, header] = [this.#counter ?? nonce, withCounter(ad, this.#counter)];
              this.#sealed = honest.seal(own, header, this.#plaintext);
            }
            this.#plaintext = undefined;
            return honest.seal(nonce, ad, plaintext, target);
          },
          open: (nonce, ad, ciphertext) => honest.open(nonce, ad, ciphertext),
          wipe: () => honest.wipe(),
        };
      },
    };
  }

  #bentPrologue(part: Uint8Array): Uint8Array {
    const isPrologue = part.length === 8 && Buffer.from(part).toString('latin1', 0, 5) === 'sotto';
    if (this.prologue === undefined || !isPrologue) return part;
    return Uint8Array.of(...Buffer.from(this.prologue, 'latin1'), part[7] ?? 0);
  }

  #answer(packet: Uint8Array): Uint8Array[] {
    this.received.push(packet);
    if (!isNoStatus(packet)) return [];
    const parcels = this.peer.receive(packet, { exchange: 'theirs' }, this.now);
    return parcels.flatMap((parcel) => (parcel.kind === 'reply' ? [parcel.packet] : []));
  }
}

/** A hint that the machines of a test do not take. */
function isNoStatus([type]: Uint8Array): boolean {
  return type !== 11;
}

function withCounter(header: Uint8Array, counter: bigint | undefined): Uint8Array {
  if (counter === undefined) return header;
  const other = header.slice();
  new DataView(other.buffer).setBigUint64(8, counter);
  return other;
}
