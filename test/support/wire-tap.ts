/** A wire with a listener on it: passes every byte on, and keeps a copy for the test to search. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export class WireTap {
  /** Where peers call, whatever the port of who is behind it. */
  readonly address: string;
  /** Where the wire leads at present. */
  target = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #heard: Buffer[] = [];

  readonly #keeps: boolean;
  readonly #chunk_ms: number;

  private constructor(server: Server, keeps: boolean, chunk_ms: number) {
    this.#server = server;
    this.#keeps = keeps;
    this.#chunk_ms = chunk_ms;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket: Socket) => this.#join(socket));
  }

  /**
   * @param keeps false for a test that needs only an address that outlives its peer.
   * @param chunk_ms how long it takes to pass 64 KiB on, so that little happens unseen by the test.
   */
  static async open(keeps = true, chunk_ms = 0): Promise<WireTap> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireTap(server, keeps, chunk_ms);
  }

  /** Everything that has passed so far, in both directions. */
  heard(): Buffer {
    return Buffer.concat(this.#heard);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(caller: Socket): void {
    const called = connect(this.target, '127.0.0.1');
    this.#pass(caller, called);
    this.#pass(called, caller);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    if (this.#keeps) from.on('data', (chunk: Buffer) => this.#heard.push(chunk));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#chunk_ms === 0) from.pipe(to);
    else from.pipe(slow(this.#chunk_ms)).pipe(to);
  }
}

function slow(chunk_ms: number): Transform {
  return new Transform({
    transform: (chunk, _encoding, done) => void setTimeout(done, chunk_ms, null, chunk),
  });
}
