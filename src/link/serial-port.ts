/**
 * A serial line where there is no `stty` to set it up: macOS, Windows. The native part of
 * serialport opens, reads and writes it. test/hardware runs it on Linux as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BindingPortInterface } from '@serialport/bindings-cpp';
import {
  bytesAWindow,
  type OpenSerial,
  PENDING_SIZE_MAX,
  type SerialEvents,
  type SerialPort,
  WINDOW_MS,
} from './serial-tty.ts';

const READ_SIZE = 4096;
/**
 * From Node 26.4 on the binding's events do not wake the promises that wait for them: whatever
 * else wakes the loop does.
 */
const WAKE_MS = 10;
/** The library takes the end of a line that was hung up for silence; a line that is there drains. */
const PROBE_MS = 1_000;

/** @throws if there is no such line, or it may not be opened. */
export const openPort: OpenSerial = async (path, baud, events) => {
  // Only who has such a line needs the native part.
  const { autoDetect } = await import('@serialport/bindings-cpp');
  const wake = setInterval(() => {}, WAKE_MS);
  try {
    // Hanging up resets most boards; what else could be said to the modem is left alone.
    const binding = await autoDetect().open({ path, baudRate: baud, hupcl: false });
    return new Port(binding, baud, events, wake);
  } catch (cause) {
    clearInterval(wake);
    throw cause;
  }
};

class Port implements SerialPort {
  readonly #binding: BindingPortInterface;
  readonly #events: SerialEvents;
  readonly #wake: NodeJS.Timeout;
  readonly #probe: NodeJS.Timeout;
  #pending: Uint8Array[] = [];
  #pendingSize = 0;
  #isWriting = false;
  #isProbing = false;
  #isClosed = false;

  constructor(
    binding: BindingPortInterface,
    baud: number,
    events: SerialEvents,
    wake: NodeJS.Timeout,
  ) {
    this.#binding = binding;
    this.#events = events;
    this.#wake = wake;
    this.#probe = setInterval(() => void this.#probeLine(), PROBE_MS);
    this.#readAll(bytesAWindow(baud)).catch(() => this.#gone());
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed || this.#pendingSize + bytes.length > PENDING_SIZE_MAX) return;
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
    if (!this.#isWriting) this.#writeAll().catch(() => this.#gone());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#probe);
    this.#binding
      .close()
      .catch(() => {}) // It may be gone already.
      .finally(() => clearInterval(this.#wake));
  }

  #gone(): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.onGone();
  }

  async #probeLine(): Promise<void> {
    if (this.#isWriting || this.#isProbing) return;
    this.#isProbing = true;
    await this.#binding.drain().catch(() => this.#gone());
    this.#isProbing = false;
  }

  /** Reads no more than `room` bytes a window. */
  async #readAll(room: number): Promise<void> {
    const buffer = Buffer.alloc(READ_SIZE);
    for (let left = room; !this.#isClosed; ) {
      const { bytesRead } = await this.#binding.read(buffer, 0, Math.min(left, READ_SIZE));
      if (this.#isClosed) return;
      if (bytesRead > 0) this.#events.onBytes(Uint8Array.from(buffer.subarray(0, bytesRead)));
      left -= bytesRead;
      if (left > 0) continue;
      await sleep(WINDOW_MS);
      left = room;
    }
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#pending.length > 0 && !this.#isClosed) {
      const bytes = Buffer.concat(this.#pending);
      this.#pending = [];
      await this.#binding.write(bytes);
      this.#pendingSize -= bytes.length;
    }
    this.#isWriting = false;
  }
}
