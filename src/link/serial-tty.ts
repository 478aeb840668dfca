/**
 * A serial line of this machine as bytes. On Linux `stty` sets it up and a non-blocking
 * `tty.ReadStream` reads it: that notices when the device is unplugged, and cannot hang the loop.
 * DTR and RTS are left alone; on most boards they reset the chip. Elsewhere: serial-port.ts.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';
import { promisify } from 'node:util';

/** What the kernel has no room for waits here, and what finds no room here either is lost. */
export const PENDING_SIZE_MAX = 8 * 1024;
const RETRY_MS = 5;
/**
 * So many times what the line's rate allows is read, a pseudo terminal or USB being quicker than it
 * says. What babbles faster waits in the kernel: it gets a small part of this process, not all.
 */
const RATE_FACTOR = 16;
export const WINDOW_MS = 100;

/** What may be read of a line in a window. */
export const bytesAWindow = (baud: number) =>
  Math.ceil((((baud / 10) * WINDOW_MS) / 1_000) * RATE_FACTOR);

export interface SerialPort {
  write(bytes: Uint8Array): void;
  close(): void;
}

export interface SerialEvents {
  readonly onBytes: (bytes: Uint8Array) => void;
  /** The device is gone, or the line failed; called once, not after `close`. */
  readonly onGone: () => void;
}

export type OpenSerial = (path: string, baud: number, events: SerialEvents) => Promise<SerialPort>;

/** @throws if there is no such device, it is no serial line, or may not be opened. */
export const openTty: OpenSerial = async (path, baud, events) => {
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
  // Before stty, whose words for what may go wrong here depend on its language.
  const file = openSync(path, flags);
  try {
    if (!isatty(file)) throw new Error('it is no serial line');
    const settings = ['-F', path, String(baud), 'raw', '-echo', 'clocal', '-crtscts', '-hupcl'];
    await promisify(execFile)('stty', settings, { timeout: 5_000 }).catch((cause: unknown) => {
      throw new Error(`it cannot be set to ${baud} bits a second by stty`, { cause });
    });
  } catch (cause) {
    closeSync(file);
    throw cause;
  }
  return new Tty(file, bytesAWindow(baud), events);
};

class Tty implements SerialPort {
  readonly #writer: number;
  readonly #reader: ReadStream;
  #pending: Uint8Array = new Uint8Array(0);
  #retry: NodeJS.Timeout | undefined;
  #window: NodeJS.Timeout | undefined;
  /** Bytes in this window. */
  #read = 0;
  #isClosed = false;

  constructor(file: number, room: number, events: SerialEvents) {
    this.#writer = file;
    this.#reader = new ReadStream(file);
    const gone = () => {
      if (this.#isClosed) return;
      this.close();
      events.onGone();
    };
    this.#reader.on('data', (bytes: Uint8Array) => {
      this.#restrain(bytes.length, room);
      events.onBytes(bytes);
    });
    this.#reader.on('end', gone).on('error', gone).on('close', gone);
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed || this.#pending.length + bytes.length > PENDING_SIZE_MAX) return;
    this.#pending = Buffer.concat([this.#pending, bytes]);
    this.#flush();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#window);
    // The stream owns the descriptor and closes it.
    this.#reader.destroy();
  }

  /** Reads no more than `room` bytes a window. */
  #restrain(size: number, room: number): void {
    this.#window ??= setTimeout(() => {
      this.#window = undefined;
      this.#read = 0;
      if (!this.#isClosed) this.#reader.resume();
    }, WINDOW_MS);
    this.#read += size;
    if (this.#read >= room) this.#reader.pause();
  }

  #flush(): void {
    if (this.#isClosed || this.#pending.length === 0) return;
    try {
      const written = writeSync(this.#writer, this.#pending);
      this.#pending = this.#pending.subarray(written);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EAGAIN') {
        this.#reader.destroy(cause as Error);
        return;
      }
    }
    clearTimeout(this.#retry);
    if (this.#pending.length > 0) this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
  }
}
