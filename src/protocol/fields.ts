/** The notation of PROTOCOL §1: big-endian integers, byte strings, text with its length before. */
import { type Bytes, bytes } from '../bytes.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads fields from the front. Byte strings are views. What is not there is `malformed`. */
export class Reader {
  readonly #source: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.length);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#source.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  bytes<N extends number>(size: N): Bytes<N> {
    const start = this.#advance(size);
    return bytes(size, this.#source.subarray(start, start + size), 'field');
  }

  str8(): string {
    const encoded = this.bytes(this.u8());
    try {
      return strictUtf8.decode(encoded);
    } catch (cause) {
      throw new RemoteProtocolError('malformed', { cause });
    }
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Every structure is exact: nothing may be left. */
  end(): void {
    if (this.left !== 0) throw new RemoteProtocolError('malformed');
  }

  #advance(size: number): number {
    const start = this.#offset;
    if (size < 0 || size > this.left) throw new RemoteProtocolError('malformed');
    this.#offset += size;
    return start;
  }
}

/** Writes fields into a buffer of a size that is known beforehand, new or given. */
export class Writer {
  readonly #target: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(target: number | Uint8Array) {
    this.#target = typeof target === 'number' ? new Uint8Array(target) : target;
    const { buffer, byteOffset, length } = this.#target;
    this.#view = new DataView(buffer, byteOffset, length);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#advance(1), value);
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#advance(2), value);
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#advance(4), value);
    return this;
  }

  u64(value: bigint): this {
    this.#view.setBigUint64(this.#advance(8), value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#target.set(value, this.#advance(value.length));
    return this;
  }

  /** Zeros up to the end. */
  zeros(): this {
    this.#target.fill(0, this.#offset);
    this.#offset = this.#target.length;
    return this;
  }

  /** @throws {LocalProtocolError} if the size given was not what was written. */
  done(): Uint8Array {
    if (this.#offset !== this.#target.length) {
      throw new LocalProtocolError(`${this.#target.length} bytes planned, got ${this.#offset}`);
    }
    return this.#target;
  }

  #advance(size: number): number {
    const start = this.#offset;
    this.#offset += size;
    if (this.#offset <= this.#target.length) return start;
    throw new LocalProtocolError(`${this.#target.length} bytes planned, got ${this.#offset}`);
  }
}

/** `str8`. @throws {LocalProtocolError} if the text is too long. */
export function encodeStr8(text: string): Uint8Array {
  const encoded = utf8.encode(text);
  if (encoded.length > 255) throw new LocalProtocolError(`text of ${encoded.length} bytes`);
  return new Writer(1 + encoded.length).u8(encoded.length).bytes(encoded).done();
}

/** A label of DERIVE or of a hash: ASCII, without quotes or terminator. */
export function label(text: string): Uint8Array {
  return utf8.encode(text);
}
