/** An address that outlives its peer, and loses answers to pictures as it is told. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';

export class PictureWire {
  readonly address: string;
  /** Port of the peer behind it; 0: nobody is there. */
  target = 0;
  /** The answer to a picture is lost, though the peer had it. */
  cutsAnswers = false;
  /** SHA-256 of each picture that has passed, in order. */
  readonly pictures: string[] = [];
  readonly #heard: Buffer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, response) => {
      this.#pass(incoming, response).catch(() => response.destroy());
    });
  }

  static async open(): Promise<PictureWire> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PictureWire(server);
  }

  /** Every body that has passed so far, in both directions. */
  heard(): Buffer {
    return Buffer.concat(this.#heard);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const type = incoming.headers['content-type'] ?? '';
    const isPicture = type === 'image/png';
    const answer = await request(`http://127.0.0.1:${this.target}${incoming.url}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    this.#heard.push(body, bytes);
    if (isPicture) this.pictures.push(createHash('sha256').update(body).digest('hex'));
    if (isPicture && this.cutsAnswers) {
      response.destroy();
      return;
    }
    const headers = { 'content-type': String(answer.headers['content-type']) };
    response.writeHead(answer.statusCode, headers).end(bytes);
  }
}
