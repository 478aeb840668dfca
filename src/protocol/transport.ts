/** Transport packets, PROTOCOL §8: the header is the associated data, its counter the nonce. */
import { AuthenticationError, TAG_SIZE } from '../crypto/index.ts';
import type { CipherState } from './cipher-state.ts';
import { RemoteProtocolError } from './errors.ts';
import { encodeTransportHeader, TRANSPORT_HEADER_SIZE, type TransportPacket } from './packet.ts';
import type { Payload } from './payload.ts';
import { decodePlaintext, plaintextSize, writePlaintext } from './plaintext.ts';
import type { ReplayWindow } from './replay-window.ts';

/** Uses up one nonce of `sending`. `index` is the one that the receiver gave. */
export function sealTransport(
  sending: CipherState,
  index: number,
  payloads: readonly Payload[],
): Uint8Array {
  const header = encodeTransportHeader(index, sending.nonce);
  const size = plaintextSize(payloads);
  // Sealed where it stands: a file is thousands of these, and each copy is one of all of it.
  const packet = new Uint8Array(TRANSPORT_HEADER_SIZE + size + TAG_SIZE);
  packet.set(header);
  const sealed = packet.subarray(TRANSPORT_HEADER_SIZE);
  const plaintext = sealed.subarray(0, size);
  writePlaintext(plaintext, payloads);
  sending.encryptWithAd(header, plaintext, sealed);
  return packet;
}

/**
 * Moves `window` only if all of the packet was good.
 * @throws {RemoteProtocolError} `unauthenticated`, `replayed` or `malformed`
 */
export function openTransport(
  receiving: CipherState,
  window: ReplayWindow,
  { header, counter, ciphertext }: TransportPacket,
): readonly Payload[] {
  const plaintext = decrypt(receiving, header, counter, ciphertext);
  if (window.hasSeen(counter)) throw new RemoteProtocolError('replayed');
  const payloads = decodePlaintext(plaintext);
  window.accept(counter);
  return payloads;
}

function decrypt(
  receiving: CipherState,
  header: Uint8Array,
  counter: bigint,
  ciphertext: Uint8Array,
): Uint8Array {
  try {
    receiving.setNonce(counter);
    return receiving.decryptWithAd(header, ciphertext);
  } catch (cause) {
    if (!(cause instanceof AuthenticationError)) throw cause;
    throw new RemoteProtocolError('unauthenticated', { cause });
  }
}
