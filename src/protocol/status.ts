/** STATUS, PROTOCOL §4.2: says of one packet, by the start of its hash, what became of it. */
import type { Bytes } from '../bytes.ts';
import type { CryptoProvider } from '../crypto/index.ts';
import { ECHO_SIZE, encodeStatus, type StatusCode } from './packet.ts';

/** By what a STATUS names `packet`. */
export function echoOf(crypto: CryptoProvider, packet: Uint8Array): Bytes<8> {
  return crypto.hash(packet).subarray(0, ECHO_SIZE) as Bytes<8>;
}

export function statusAbout(crypto: CryptoProvider, code: StatusCode, packet: Uint8Array) {
  return encodeStatus(code, echoOf(crypto, packet));
}
