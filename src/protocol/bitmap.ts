/** A bitmap as one number and as bytes: bit i of the number is bit i % 8 of byte i / 8. */

/** Without trailing zero bytes. */
export function bytesOf(bits: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = bits; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}

export function bitsOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}
