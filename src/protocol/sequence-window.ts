/**
 * Which messages of one epoch were received, PROTOCOL §8.2 and §8.3: everything below `next`, and
 * what the bitmap marks of the 1,024 sequences from `next + 1` on. And its twin for letters, §9,
 * which come in any order and with holes that nobody fills.
 *
 * Both are values to be changed inside the transaction that stores the message: work on a `clone`,
 * and keep it only when the transaction was committed.
 */
import { concat } from '../bytes.ts';
import { bitsOf, bytesOf } from './bitmap.ts';
import { RemoteProtocolError } from './errors.ts';

/** Sequences that may be marked beyond `next`, and that a letter's window looks back on. */
export const SEQUENCES_MARKED_MAX = 1024;

const SPAN = BigInt(SEQUENCES_MARKED_MAX);
const SEQUENCE_END = 2n ** 64n - 1n;
const NEXT_SIZE = 8;

/**
 * `new`: deliver it. `repeat`: it was delivered, acknowledge it again. `too_far`: neither; the
 * sender went further beyond its lowest unacknowledged sequence than it may.
 */
export type SequenceVerdict = 'new' | 'repeat' | 'too_far';

export class SequenceWindow {
  #next: bigint;
  /** Bit i is set when sequence `next + 1 + i` was received; `next` itself never was. */
  #marked: bigint;

  private constructor(next: bigint, marked: bigint) {
    this.#next = next;
    this.#marked = marked;
  }

  /** Of an epoch not heard of before. */
  static fresh(): SequenceWindow {
    return new SequenceWindow(0n, 0n);
  }

  /** From what `encode` gave. @throws {RemoteProtocolError} `malformed` */
  static decode(state: Uint8Array): SequenceWindow {
    const [next, marked] = decodeState(state);
    return new SequenceWindow(next, marked);
  }

  encode(): Uint8Array {
    return encodeState(this.#next, this.bitmap());
  }

  clone(): SequenceWindow {
    return new SequenceWindow(this.#next, this.#marked);
  }

  /** Everything below was received. */
  get next(): bigint {
    return this.#next;
  }

  /** Bit i, least significant first, stands for `next + 1 + i`; without trailing zero bytes. */
  bitmap(): Uint8Array {
    return bytesOf(this.#marked);
  }

  /** The sender has an ACK for everything below `lowest`, or gave it up. Returns whether that is news. */
  raise(lowest: bigint): boolean {
    const isNew = lowest > this.#next;
    if (isNew) this.#slide(lowest);
    return isNew;
  }

  /** What `add` would answer. */
  judge(sequence: bigint): SequenceVerdict {
    const place = sequence - this.#next - 1n;
    if (place < -1n) return 'repeat';
    if (place >= SPAN || sequence >= SEQUENCE_END) return 'too_far';
    if (place < 0n) return 'new';
    return ((this.#marked >> place) & 1n) === 1n ? 'repeat' : 'new';
  }

  add(sequence: bigint): SequenceVerdict {
    const verdict = this.judge(sequence);
    if (verdict !== 'new') return verdict;
    if (sequence === this.#next) this.#slide(sequence + 1n);
    else this.#marked |= 1n << (sequence - this.#next - 1n);
    return 'new';
  }

  /** Moves `next` to `next`, and on over what is marked right there. */
  #slide(next: bigint): void {
    const passed = next - this.#next - 1n;
    let received = next;
    let marked = passed < SPAN ? this.#marked >> passed : 0n;
    // Bit 0 is `received` itself here, which `next` must not stay on when it is marked.
    while ((marked & 1n) === 1n) {
      received += 1n;
      marked >>= 1n;
    }
    this.#next = received;
    this.#marked = marked >> 1n;
  }
}

/** The largest sequence of a letter epoch, and which of the 1,024 below it were seen, §9. */
export class LetterWindow {
  /** One more than the largest sequence seen. */
  #end: bigint;
  /** Bit i is set when sequence `end - 1 - i` was seen. */
  #seen: bigint;

  private constructor(end: bigint, seen: bigint) {
    this.#end = end;
    this.#seen = seen;
  }

  static fresh(): LetterWindow {
    return new LetterWindow(0n, 0n);
  }

  /** From what `encode` gave. @throws {RemoteProtocolError} `malformed` */
  static decode(state: Uint8Array): LetterWindow {
    const [end, seen] = decodeState(state);
    return new LetterWindow(end, seen);
  }

  encode(): Uint8Array {
    return encodeState(this.#end, bytesOf(this.#seen));
  }

  clone(): LetterWindow {
    return new LetterWindow(this.#end, this.#seen);
  }

  /** `repeat` also for what is too old to tell. */
  judge(sequence: bigint): SequenceVerdict {
    if (sequence >= SEQUENCE_END) return 'too_far';
    const age = this.#end - 1n - sequence;
    const repeated = age > SPAN || (age >= 0n && ((this.#seen >> age) & 1n) === 1n);
    return repeated ? 'repeat' : 'new';
  }

  add(sequence: bigint): SequenceVerdict {
    const verdict = this.judge(sequence);
    if (verdict !== 'new') return verdict;
    const ahead = sequence + 1n - this.#end;
    if (ahead > 0n) {
      const kept = ahead <= SPAN ? this.#seen << ahead : 0n;
      this.#seen = BigInt.asUintN(SEQUENCES_MARKED_MAX + 1, kept | 1n);
      this.#end = sequence + 1n;
    } else {
      this.#seen |= 1n << -ahead;
    }
    return 'new';
  }
}

function encodeState(position: bigint, bitmap: Uint8Array): Uint8Array {
  const head = new Uint8Array(NEXT_SIZE);
  new DataView(head.buffer).setBigUint64(0, position);
  return concat(head, bitmap);
}

function decodeState(state: Uint8Array): [bigint, bigint] {
  const bitmapMax = SEQUENCES_MARKED_MAX / 8 + 1;
  if (state.length < NEXT_SIZE || state.length > NEXT_SIZE + bitmapMax) {
    throw new RemoteProtocolError('malformed');
  }
  const view = new DataView(state.buffer, state.byteOffset, state.length);
  return [view.getBigUint64(0), bitsOf(state.subarray(NEXT_SIZE))];
}
