/** A wire with a listener on it: passes every byte on, and keeps a copy for the test to search. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class WireTap {
  /** Where peers call, whatever the port of who is behind it. */
  readonly address: string;
  /** Where the wire leads at present. */
  target = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #heard: Buffer[] = [];

  readonly #keeps: boolean;

  private constructor(server: Server, keeps: boolean) {
    this.#server = server;
    this.#keeps = keeps;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket: Socket) => this.#join(socket));
  }

  /** @param keeps false for a test that needs only an address that outlives its peer. */
  static async open(keeps = true): Promise<WireTap> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireTap(server, keeps);
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
    from.pipe(to);
  }
}
