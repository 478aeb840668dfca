/**
 * Eve, who has recorded a session and later comes by private keys. Her key schedule is one of its
 * own, by revision 34 of Noise and not by src/protocol; it goes on where a tag does not fit, since
 * what follows depends on the bytes of a message and not on whether she could read them.
 */
import { concat } from '../../src/bytes.ts';
import {
  openssl as crypto,
  equal,
  type KeyPair,
  type PublicKey,
  type SymmetricKey,
} from '../../src/crypto/index.ts';
import type { Pattern, TransportPacket } from '../../src/protocol/index.ts';

const NOTHING = new Uint8Array(0);
const KEY_SIZE = 32;
const SEALED_KEY_SIZE = KEY_SIZE + 16;
/** What a key gives that Eve can only guess: nothing is mixed in for it. */
const LEFT_OUT = 'left out';

type Guess = Uint8Array | typeof LEFT_OUT;

export interface Recording {
  readonly pattern: Pattern;
  readonly prologue: Uint8Array;
  /** Noise messages, without headers, in order. */
  readonly messages: readonly Uint8Array[];
  readonly packets: readonly TransportPacket[];
  /** Of initiator and responder: Eve knows who talked. */
  readonly statics: readonly [PublicKey, PublicKey];
}

export interface Loot {
  /** Private keys of any kind, of whomever. */
  readonly keys: readonly KeyPair[];
  readonly psk?: Uint8Array;
}

/** What Eve has read. */
export interface Read {
  /** Of the handshake, as `2 s`, `2 payload`: number of the message, and which part of it. */
  readonly parts: readonly string[];
  /** Plaintexts of the packets that opened, in their order. */
  readonly plaintexts: readonly Uint8Array[];
}

/** All that Eve can read of a recording, with every guess she has and by all keys on the way. */
export function eavesdrop(recording: Recording, loot: Loot): Read {
  const parts = new Set<string>();
  const plaintexts = new Map<TransportPacket, Uint8Array>();
  for (const guess of guesses(recording, loot)) {
    const attempt = new Attempt(recording, loot, guess);
    attempt.run();
    for (const part of attempt.parts) parts.add(part);
    for (const [packet, plaintext] of attempt.plaintexts) plaintexts.set(packet, plaintext);
  }
  const inOrder = recording.packets.flatMap((packet) => plaintexts.get(packet) ?? []);
  return { parts: [...parts], plaintexts: inOrder };
}

/** Of what she cannot compute: all that can be computed of what she has, or nothing at all. */
function guesses({ messages, statics }: Recording, { keys, psk }: Loot): readonly Guess[] {
  const ephemerals = messages.map((message) => message.slice(0, KEY_SIZE) as PublicKey);
  const inSight = [...statics, ...ephemerals];
  const computed = keys.flatMap((own) => inSight.flatMap((key) => secretOf(own, key) ?? []));
  const known = psk === undefined ? [] : [psk];
  return [LEFT_OUT, new Uint8Array(KEY_SIZE), ...inSight, ...computed, ...known];
}

/** Not every 32 bytes at the start of a message are a key. */
function secretOf(own: KeyPair, key: PublicKey): Uint8Array | undefined {
  try {
    return own.dh(key);
  } catch {
    return undefined;
  }
}

class Attempt {
  readonly parts: string[] = [];
  readonly plaintexts = new Map<TransportPacket, Uint8Array>();
  readonly #recording: Recording;
  readonly #loot: Loot;
  readonly #guess: Guess;
  readonly #hasPsk: boolean;
  readonly #ephemerals: PublicKey[] = [];
  #transcript: Uint8Array;
  #chainingKey: Uint8Array;
  #key: Uint8Array | undefined;
  #nonce = 0n;

  constructor(recording: Recording, loot: Loot, guess: Guess) {
    this.#recording = recording;
    this.#loot = loot;
    this.#guess = guess;
    const { pattern, prologue, statics } = recording;
    this.#hasPsk = pattern.messages.flat().includes('psk');
    const name = new TextEncoder().encode(`Noise_${pattern.name}_25519_AESGCM_SHA256`);
    const long = name.length > KEY_SIZE;
    this.#transcript = long
      ? crypto.hash(name)
      : concat(name, new Uint8Array(KEY_SIZE - name.length));
    this.#chainingKey = this.#transcript;
    this.#mixHash(prologue);
    for (const side of pattern.known) this.#mixHash(statics[side === 'initiator' ? 0 : 1]);
  }

  run(): void {
    for (const [place, tokens] of this.#recording.pattern.messages.entries()) {
      let rest = this.#recording.messages[place] ?? NOTHING;
      for (const token of tokens) rest = this.#take(token, rest, place + 1);
      this.#read(rest, `${place + 1} payload`);
    }
  }

  #take(token: string, rest: Uint8Array, number: number): Uint8Array {
    if (token === 'e') {
      const key = rest.slice(0, KEY_SIZE) as PublicKey;
      this.#ephemerals.push(key);
      this.#mixHash(key);
      if (this.#hasPsk) this.#mixKey(key);
      return rest.subarray(KEY_SIZE);
    }
    if (token === 's') {
      this.#read(rest.subarray(0, SEALED_KEY_SIZE), `${number} s`);
      return rest.subarray(SEALED_KEY_SIZE);
    }
    if (token === 'psk') {
      const [chainingKey, hashed, key] = this.#hkdf(this.#loot.psk ?? new Uint8Array(KEY_SIZE));
      this.#mixHash(hashed);
      this.#setKeys(chainingKey, key);
    } else {
      const secret = this.#secret(token);
      if (secret !== LEFT_OUT) this.#mixKey(secret);
    }
    this.#tryPackets();
    return rest;
  }

  /** First letter: the initiator's key; second: the responder's. */
  #secret([first, second]: string): Guess {
    const { statics } = this.#recording;
    const ours = first === 'e' ? this.#ephemerals[0] : statics[0];
    const theirs = second === 'e' ? this.#ephemerals[1] : statics[1];
    for (const own of this.#loot.keys) {
      if (ours && theirs && equal(own.publicKey, ours)) return own.dh(theirs);
      if (ours && theirs && equal(own.publicKey, theirs)) return own.dh(ours);
    }
    return this.#guess;
  }

  #read(sealed: Uint8Array, part: string): void {
    if (this.#key !== undefined) {
      const plaintext = opened(this.#key, this.#nonce, this.#transcript, sealed);
      if (plaintext !== undefined) this.parts.push(part);
      this.#nonce += 1n;
    }
    this.#mixHash(sealed);
  }

  /** As if the handshake had ended here, which it has after the last token. */
  #tryPackets(): void {
    const [first, second] = this.#hkdf(NOTHING);
    for (const packet of this.#recording.packets) {
      for (const key of [first, second]) {
        const plaintext = opened(key, packet.counter, packet.header, packet.ciphertext);
        if (plaintext !== undefined) this.plaintexts.set(packet, plaintext);
      }
    }
  }

  #mixHash(data: Uint8Array): void {
    this.#transcript = crypto.hash(this.#transcript, data);
  }

  #mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(material);
    this.#setKeys(chainingKey, key);
  }

  #setKeys(chainingKey: Uint8Array, key: Uint8Array): void {
    this.#chainingKey = chainingKey;
    this.#key = key;
    this.#nonce = 0n;
  }

  /** Noise §4.3, by HMAC and not by the provider's HKDF. */
  #hkdf(material: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
    const secret = crypto.hmac(this.#chainingKey, material);
    const first = crypto.hmac(secret, Uint8Array.of(1));
    const second = crypto.hmac(secret, first, Uint8Array.of(2));
    return [first, second, crypto.hmac(secret, second, Uint8Array.of(3))];
  }
}

function opened(key: Uint8Array, nonce: bigint, data: Uint8Array, sealed: Uint8Array) {
  try {
    return crypto.importSymmetricKey(key.slice() as SymmetricKey).open(nonce, data, sealed);
  } catch {
    return undefined;
  }
}
