/**
 * Stop and wait over frames, docs/SERIAL.md §3 and §4:
 *
 *     down ── HELLO that names my boot id ──▶ up ── 5 tries without an ACK, or a new boot id ──▶ down
 *
 * Carries records: bundles, verbs; each is cut into frames, one of which is out at a time. What it
 * loses, the queue of the protocol above repeats. Pure and polled: time is an argument.
 */
import { concat } from '../bytes.ts';
import {
  type Channel,
  encodeFrame,
  type Frame,
  FrameReader,
  type Noise,
  PAYLOAD_SIZE_MAX,
} from './serial-frame.ts';

const TRIES_MAX = 5;
const TIMEOUT_MIN_MS = 50;
const HELLO_INTERVAL_MS = 1000;
/** A line that asks for a HELLO in every frame gets no more than this. */
const HELLO_GAP_MS = 50;
const HELLO_SIZE_MIN = 19;
const FIRMWARE_SIZE_MAX = 32;
const IS_UP = 1;
/** A record must at least hold one handshake message; below this a HELLO is refused. */
const MTU_MIN = 512;

export interface LineConfig {
  /** Never the same for two runs, never 0. Random. */
  readonly bootId: bigint;
  /** The largest record taken, 512…65535 bytes. */
  readonly mtu: number;
  /** Name and version, at most 32 bytes of text. */
  readonly firmware: string;
  /** Bits a second; only sets how long an ACK is waited for. */
  readonly baud: number;
}

export type LineEvent =
  | {
      readonly kind: 'up';
      readonly bootId: bigint;
      readonly mtu: number;
      readonly firmware: string;
    }
  /** The other side began anew, or is gone; the record that was out may be lost. */
  | { readonly kind: 'down' }
  | { readonly kind: 'record'; readonly channel: Channel; readonly record: Uint8Array }
  | { readonly kind: 'text'; readonly text: Uint8Array };

/** What happened on this line. Noise is the line's doing; wrong keys are counted elsewhere. */
export interface LineCounters {
  framesReceived: number;
  framesSent: number;
  recordsReceived: number;
  recordsSent: number;
  retries: number;
  duplicates: number;
  outOfOrder: number;
  overlong: number;
  downs: number;
  readonly noise: Record<Noise, number>;
}

interface Hello {
  readonly isUp: boolean;
  readonly bootId: bigint;
  readonly heard: bigint;
  readonly mtu: number;
  readonly firmware: string;
}

interface Outgoing {
  readonly channel: Channel;
  readonly record: Uint8Array;
  /** Where the frame that is out, or comes next, begins. */
  offset: number;
  tries: number;
  timeout_ms: number;
  deadline_ms: number;
}

export class SerialLine {
  readonly counters: LineCounters = {
    framesReceived: 0,
    framesSent: 0,
    recordsReceived: 0,
    recordsSent: 0,
    retries: 0,
    duplicates: 0,
    outOfOrder: 0,
    overlong: 0,
    downs: 0,
    noise: { cobs: 0, crc: 0, size: 0, foreign: 0 },
  };
  readonly #config: LineConfig;
  readonly #reader = new FrameReader();
  #bootId: bigint;
  #remote: Hello | undefined;
  #up = false;
  #seq = 0;
  #expected = 0;
  #outgoing: Outgoing | undefined;
  #parts: Uint8Array[] = [];
  #partsSize = 0;
  #partsChannel: Channel = 'link';
  #ackDue = false;
  #hello_at_ms: number;
  #hello_last_ms: number;
  #jitter: number;

  constructor(config: LineConfig, now_ms: number) {
    this.#config = config;
    this.#bootId = config.bootId;
    this.#hello_at_ms = now_ms;
    this.#hello_last_ms = now_ms - HELLO_GAP_MS;
    this.#jitter = Number(BigInt.asUintN(32, config.bootId)) | 1;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** The other side's largest record; 0 while down. */
  get mtu(): number {
    return this.#up ? (this.#remote?.mtu ?? 0) : 0;
  }

  /** A record may be sent now. */
  get isIdle(): boolean {
    return this.#up && this.#outgoing === undefined;
  }

  /** Whether it was taken: the line must be idle, and the record fit the other side's mtu. */
  send(channel: Channel, record: Uint8Array): boolean {
    if (!this.isIdle || record.length > this.mtu) return false;
    this.#outgoing = { channel, record, offset: 0, tries: 0, timeout_ms: 0, deadline_ms: 0 };
    return true;
  }

  receive(bytes: Uint8Array, now_ms: number): LineEvent[] {
    const events: LineEvent[] = [];
    for (const event of this.#reader.read(bytes)) {
      if (event.kind === 'text') events.push(event);
      else if (event.kind === 'noise') this.counters.noise[event.noise] += 1;
      else this.#receiveFrame(event.frame, now_ms, events);
    }
    return events;
  }

  /** The next frame to put on the line, if one is due; call until there is none. */
  poll(now_ms: number): { readonly frame?: Uint8Array; readonly events: readonly LineEvent[] } {
    const events: LineEvent[] = [];
    if (this.#outgoing !== undefined && this.#isGivenUp(this.#outgoing, now_ms)) {
      this.#giveUp(now_ms, events);
    }
    const frame = this.#nextFrame(now_ms);
    if (frame === undefined) return { events };
    this.counters.framesSent += 1;
    return { frame, events };
  }

  /** When `poll` has something to do, if nothing arrives before; Infinity if only then. */
  nextPoll_ms(now_ms: number): number {
    if (this.#ackDue) return now_ms;
    return Math.min(this.#hello_at_ms, this.#outgoing?.deadline_ms ?? Number.POSITIVE_INFINITY);
  }

  #receiveFrame(frame: Frame, now_ms: number, events: LineEvent[]): void {
    this.counters.framesReceived += 1;
    if (frame.type === 'hello') this.#receiveHello(frame.payload, now_ms, events);
    else if (frame.type === 'log') events.push({ kind: 'text', text: frame.payload.slice() });
    else if (!this.#up) this.#wantHello(now_ms);
    else {
      this.#receiveAck(frame.ack);
      if (frame.type === 'data') this.#receiveData(frame, events);
    }
  }

  #receiveHello(payload: Uint8Array, now_ms: number, events: LineEvent[]): void {
    const hello = decodeHello(payload);
    // My own HELLO coming back is a line that echoes, not a peer.
    if (hello === undefined || hello.bootId === this.#bootId) {
      this.counters.noise.foreign += 1;
      return;
    }
    const isNew = hello.bootId !== this.#remote?.bootId;
    if (isNew) this.#clear(events);
    this.#remote = hello;
    if (hello.heard === this.#bootId && !this.#up) {
      this.#up = true;
      this.#hello_at_ms = Number.POSITIVE_INFINITY;
      const { bootId, mtu, firmware } = hello;
      events.push({ kind: 'up', bootId, mtu, firmware });
    }
    if (!hello.isUp) this.#wantHello(now_ms);
  }

  #receiveAck(ack: number): void {
    const out = this.#outgoing;
    if (out === undefined || out.tries === 0 || ack !== next(this.#seq)) return;
    this.#seq = ack;
    out.offset += PAYLOAD_SIZE_MAX;
    out.tries = 0;
    out.deadline_ms = 0;
    if (out.offset < out.record.length) return;
    this.#outgoing = undefined;
    this.counters.recordsSent += 1;
  }

  #receiveData(frame: Frame, events: LineEvent[]): void {
    if (next(frame.seq) === this.#expected) {
      this.counters.duplicates += 1;
      this.#ackDue = true;
      return;
    }
    if (frame.seq !== this.#expected) {
      this.counters.outOfOrder += 1;
      return;
    }
    this.#expected = next(this.#expected);
    this.#ackDue = true;
    this.#join(frame, events);
  }

  /** A record that grows past my mtu is dropped whole; its frames are still acknowledged. */
  #join(frame: Frame, events: LineEvent[]): void {
    if (frame.channel !== this.#partsChannel) this.#forgetParts(frame.channel);
    this.#partsSize += frame.payload.length;
    if (this.#partsSize <= this.#config.mtu) this.#parts.push(frame.payload.slice());
    else this.#parts = [];
    if (frame.more) return;
    if (this.#partsSize > this.#config.mtu) {
      this.counters.overlong += 1;
    } else {
      this.counters.recordsReceived += 1;
      events.push({ kind: 'record', channel: frame.channel, record: concat(...this.#parts) });
    }
    this.#forgetParts(frame.channel);
  }

  #forgetParts(channel: Channel): void {
    this.#parts = [];
    this.#partsSize = 0;
    this.#partsChannel = channel;
  }

  #nextFrame(now_ms: number): Uint8Array | undefined {
    if (now_ms >= this.#hello_at_ms) return this.#sendHello(now_ms);
    const out = this.#outgoing;
    if (out !== undefined && now_ms >= out.deadline_ms) return this.#sendData(out, now_ms);
    if (!this.#ackDue) return undefined;
    return this.#encode({ type: 'ack', channel: 'link', more: false, payload: new Uint8Array(0) });
  }

  #sendHello(now_ms: number): Uint8Array {
    this.#hello_last_ms = now_ms;
    this.#hello_at_ms = this.#up
      ? Number.POSITIVE_INFINITY
      : now_ms + this.#withJitter(HELLO_INTERVAL_MS);
    const payload = encodeHello({
      isUp: this.#up,
      bootId: this.#bootId,
      heard: this.#remote?.bootId ?? 0n,
      mtu: this.#config.mtu,
      firmware: this.#config.firmware,
    });
    return encodeFrame({ type: 'hello', channel: 'link', more: false, seq: 0, ack: 0, payload });
  }

  #sendData(out: Outgoing, now_ms: number): Uint8Array {
    const end = out.offset + PAYLOAD_SIZE_MAX;
    const frame = this.#encode({
      type: 'data',
      channel: out.channel,
      more: end < out.record.length,
      payload: out.record.subarray(out.offset, end),
    });
    const frame_ms = Math.ceil((frame.length * 10_000) / this.#config.baud);
    if (out.tries > 0) this.counters.retries += 1;
    out.timeout_ms =
      out.tries === 0 ? TIMEOUT_MIN_MS + 3 * frame_ms : Math.floor((out.timeout_ms * 8) / 5);
    out.tries += 1;
    out.deadline_ms = now_ms + this.#withJitter(out.timeout_ms);
    return frame;
  }

  /** Every DATA and ACK says what has arrived, so an ACK that was due is paid by either. */
  #encode(frame: Omit<Frame, 'seq' | 'ack'>): Uint8Array {
    this.#ackDue = false;
    return encodeFrame({ ...frame, seq: this.#seq, ack: this.#expected });
  }

  #isGivenUp(out: Outgoing, now_ms: number): boolean {
    return out.tries === TRIES_MAX && now_ms >= out.deadline_ms;
  }

  /** The cable was pulled: begins anew, as after five tries. */
  restart(now_ms: number): readonly LineEvent[] {
    const events: LineEvent[] = [];
    this.#giveUp(now_ms, events);
    return events;
  }

  /** A new boot id, so that the other side forgets the sequence numbers as this side does. */
  #giveUp(now_ms: number, events: LineEvent[]): void {
    this.#bootId = BigInt.asUintN(64, this.#bootId + 1n) || 1n;
    this.#clear(events);
    this.#wantHello(now_ms);
  }

  #clear(events: LineEvent[]): void {
    if (this.#up) {
      this.counters.downs += 1;
      events.push({ kind: 'down' });
    }
    this.#up = false;
    this.#seq = 0;
    this.#expected = 0;
    this.#outgoing = undefined;
    this.#ackDue = false;
    this.#forgetParts('link');
  }

  #wantHello(now_ms: number): void {
    const soonest_ms = Math.max(now_ms, this.#hello_last_ms + HELLO_GAP_MS);
    this.#hello_at_ms = Math.min(this.#hello_at_ms, soonest_ms);
  }

  /** Up to a quarter more, so that two sides do not keep meeting. Xorshift: no secret is here. */
  #withJitter(delay_ms: number): number {
    let x = this.#jitter;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#jitter = x;
    return delay_ms + Math.floor((delay_ms * (x & 0xff)) / 1024);
  }
}

function encodeHello(hello: Hello): Uint8Array {
  const fixed = new Uint8Array(HELLO_SIZE_MIN);
  const view = new DataView(fixed.buffer);
  view.setUint8(0, hello.isUp ? IS_UP : 0);
  view.setBigUint64(1, hello.bootId);
  view.setBigUint64(9, hello.heard);
  view.setUint16(17, hello.mtu);
  return concat(fixed, new TextEncoder().encode(hello.firmware).subarray(0, FIRMWARE_SIZE_MAX));
}

function decodeHello(payload: Uint8Array): Hello | undefined {
  if (payload.length < HELLO_SIZE_MIN) return undefined;
  if (payload.length > HELLO_SIZE_MIN + FIRMWARE_SIZE_MAX) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const bootId = view.getBigUint64(1);
  const mtu = view.getUint16(17);
  if (view.getUint8(0) > IS_UP || bootId === 0n || mtu < MTU_MIN) return undefined;
  const firmware = new TextDecoder().decode(payload.subarray(HELLO_SIZE_MIN));
  return { isUp: view.getUint8(0) === IS_UP, bootId, heard: view.getBigUint64(9), mtu, firmware };
}

function next(seq: number): number {
  return (seq + 1) & 0xff;
}
