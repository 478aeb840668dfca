/**
 * Letters, PROTOCOL §9: one Noise K message to a pinned contact. Anybody who gets the recipient's
 * static private key can read it, now and later: there is no forward secrecy.
 */
import type { Bytes, Role } from '../bytes.ts';
import type {
  CryptoProvider,
  KeyPair,
  PublicKey,
  RandomBytes,
  SharedSecret,
} from '../crypto/index.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { label } from './fields.ts';
import { HandshakeState } from './handshake-state.ts';
import { encodeHandshake, type LetterPacket, prologueOf } from './packet.ts';
import { PATTERNS } from './pattern.ts';
import type { Payload } from './payload.ts';
import { decodePlaintext, encodePlaintext } from './plaintext.ts';

export type ImageKey = Bytes<32> & Role<'ImageKey'>;

export interface LetterParties {
  readonly crypto: CryptoProvider;
  readonly staticKeys: KeyPair;
  readonly remoteStatic: PublicKey;
}

/** Where in a picture a letter stands, and what masks it. @param pairSecret DH of the static keys. */
export function imageKeyOf(crypto: CryptoProvider, pairSecret: SharedSecret): ImageKey {
  return crypto.derive(pairSecret, new Uint8Array(0), label('sotto-image'), 32) as ImageKey;
}

/** @param hint §6, of the sender. @throws {LocalProtocolError} for payloads no letter carries. */
export function sealLetter(
  parties: LetterParties,
  randomBytes: RandomBytes,
  hint: number,
  payloads: readonly Payload[],
): Uint8Array {
  if (!belongInLetter(payloads)) throw new LocalProtocolError('not the payloads of a letter');
  const handshake = handshakeOf(parties, 'initiator', randomBytes);
  const noise = handshake.writeMessage(encodePlaintext(payloads));
  handshake.wipe();
  return encodeHandshake('LETTER', noise, hint);
}

/** @throws {RemoteProtocolError} `unauthenticated` or `malformed` */
export function openLetter(parties: LetterParties, { noise }: LetterPacket): readonly Payload[] {
  const handshake = handshakeOf(parties, 'responder', noRandomness);
  try {
    const payloads = decodePlaintext(handshake.readMessage(noise));
    if (!belongInLetter(payloads)) throw new RemoteProtocolError('malformed');
    return payloads;
  } finally {
    handshake.wipe();
  }
}

function handshakeOf(
  parties: LetterParties,
  side: 'initiator' | 'responder',
  randomBytes: RandomBytes,
): HandshakeState {
  const prologue = prologueOf('LETTER');
  return new HandshakeState({ ...parties, pattern: PATTERNS.K, side, prologue, randomBytes });
}

/** OUTBOX with the lowest sequence 0, then MESSAGE or PART, and nothing else. */
function belongInLetter(payloads: readonly Payload[]): boolean {
  const [first, ...others] = payloads;
  const opens = first?.kind === 'outbox' && first.lowest === 0n;
  return (
    opens && others.length > 0 && others.every(({ kind }) => kind === 'message' || kind === 'part')
  );
}

/** The reader of a one-way pattern makes no key. */
function noRandomness(): never {
  throw new LocalProtocolError('a letter is read without randomness');
}
