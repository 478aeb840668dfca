/** Bundles, PROTOCOL §3: what a link carries in one go, `u16 length ‖ packet` repeated. */
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import { Reader, Writer } from './fields.ts';
import { PACKET_SIZE_MAX } from './packet.ts';

export const BUNDLE_SIZE_MAX = 1_048_576;
export const BUNDLE_PACKET_COUNT_MAX = 4096;
/** A letter file may be larger than a bundle on the wire, §9. */
export const LETTER_FILE_SIZE_MAX = 16 * 1_048_576;

/** What a packet of `packetSize` bytes takes up in a bundle. */
export function bundledSize(packetSize: number): number {
  return 2 + packetSize;
}

/** @throws {LocalProtocolError} if a bound is exceeded: whoever collects packets must count. */
export function encodeBundle(
  packets: readonly Uint8Array[],
  sizeMax: number = BUNDLE_SIZE_MAX,
): Uint8Array {
  const size = packets.reduce((sum, packet) => sum + bundledSize(packet.length), 0);
  if (size > sizeMax) throw new LocalProtocolError(`bundle of ${size} bytes`);
  if (packets.length > BUNDLE_PACKET_COUNT_MAX) {
    throw new LocalProtocolError(`bundle of ${packets.length} packets`);
  }
  const writer = new Writer(size);
  for (const packet of packets) {
    if (packet.length === 0 || packet.length > PACKET_SIZE_MAX) {
      throw new LocalProtocolError(`packet of ${packet.length} bytes`);
    }
    writer.u16(packet.length).bytes(packet);
  }
  return writer.done();
}

/** Views into `bundle`. @throws {RemoteProtocolError} `malformed` if the framing is not exact. */
export function decodeBundle(
  bundle: Uint8Array,
  sizeMax: number = BUNDLE_SIZE_MAX,
): readonly Uint8Array[] {
  if (bundle.length > sizeMax) throw new RemoteProtocolError('malformed');
  const reader = new Reader(bundle);
  const packets: Uint8Array[] = [];
  while (reader.left > 0) {
    const size = reader.u16();
    if (size === 0 || packets.length === BUNDLE_PACKET_COUNT_MAX) {
      throw new RemoteProtocolError('malformed');
    }
    packets.push(reader.bytes(size));
  }
  return packets;
}
