/**
 * The plaintext of a transport packet or a letter, PROTOCOL §8: payloads, then 0x80, then zeros
 * to a multiple of 16.
 */
import { TAG_SIZE } from '../crypto/index.ts';
import { RemoteProtocolError } from './errors.ts';
import { Writer } from './fields.ts';
import { BLOCK_SIZE, TRANSPORT_HEADER_SIZE } from './packet.ts';
import {
  decodePayloads,
  MESSAGE_OVERHEAD,
  OUTBOX_SIZE,
  PART_OVERHEAD,
  type Payload,
  payloadSize,
  writePayloads,
} from './payload.ts';

export function encodePlaintext(payloads: readonly Payload[]): Uint8Array {
  const plaintext = new Uint8Array(plaintextSize(payloads));
  writePlaintext(plaintext, payloads);
  return plaintext;
}

/** What `encodePlaintext` gives, at a place of exactly that size. */
export function writePlaintext(target: Uint8Array, payloads: readonly Payload[]): void {
  const writer = new Writer(target);
  writePayloads(writer, payloads);
  writer.u8(0x80).zeros().done();
}

export function plaintextSize(payloads: readonly Payload[]): number {
  const size = payloads.reduce((sum, payload) => sum + payloadSize(payload), 0);
  return (Math.floor(size / BLOCK_SIZE) + 1) * BLOCK_SIZE;
}

/** @throws {RemoteProtocolError} `malformed` */
export function decodePlaintext(plaintext: Uint8Array): readonly Payload[] {
  let end = plaintext.length - 1;
  while (end >= 0 && plaintext[end] === 0) end -= 1;
  const isPadded = plaintext[end] === 0x80 && plaintext.length - end <= BLOCK_SIZE;
  if (!isPadded || plaintext.length % BLOCK_SIZE !== 0) throw new RemoteProtocolError('malformed');
  return decodePayloads(plaintext.subarray(0, end));
}

/** How many bytes of payloads fit into one transport packet of at most `maxFrame` bytes. */
export function payloadRoom(maxFrame: number): number {
  const plaintextSize = maxFrame - TRANSPORT_HEADER_SIZE - TAG_SIZE;
  return Math.floor(plaintextSize / BLOCK_SIZE) * BLOCK_SIZE - 1;
}

/** The largest content that goes as one MESSAGE, beside OUTBOX; a larger one is cut. */
export function contentSizeMax(maxFrame: number): number {
  return payloadRoom(maxFrame) - OUTBOX_SIZE - MESSAGE_OVERHEAD;
}

/** The largest slice that goes as one PART, beside OUTBOX. */
export function sliceSizeMax(maxFrame: number): number {
  return payloadRoom(maxFrame) - OUTBOX_SIZE - PART_OVERHEAD;
}
