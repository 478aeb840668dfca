/** Decoders behind which more stands than a function: what another peer answers, a contact seals, a page asks, a person restores. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openssl, systemRandomBytes } from '../src/crypto/index.ts';
import { LinkError, StoreError } from '../src/failures.ts';
import { HttpLink } from '../src/link/index.ts';
import { type Link, PeerMessenger } from '../src/messenger/index.ts';
import { createHttpServer, createOperatorApp, serve } from '../src/routes/index.ts';
import { openStore, unpackBackup } from '../src/store/index.ts';
import { systemClock } from '../src/surroundings.ts';
import { silentLog } from '../test/support/http.ts';
import { sideOf } from '../test/support/operator.ts';
import type { Target } from './fuzzer.ts';
import { kept } from './kept.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

async function listening<S extends Server>(server: S): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

// What a peer that is called answers ----------------------------------------------------------

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n\0\u0003abc',
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\u0003abc\r\n0\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 429 Too Many Requests\r\nRetry-After: Wed, 21 Oct 2065 07:28:00 GMT\r\n\r\nwait',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n',
];

const called = kept(
  async () => {
    const state: { answer: Uint8Array } = { answer: new Uint8Array() };
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(state.answer));
    });
    const address = `http://127.0.0.1:${await listening(server)}`;
    return { state, server, address, link: new HttpLink() };
  },
  async ({ server, link }) => {
    server.close();
    await link.close(0);
  },
);

export const answers: Target = {
  name: 'answers',
  watched: /\/src\/link\/http-[a-z]+\.ts$/,
  seeds: () => ANSWERS.map((text) => new Uint8Array(Buffer.from(text, 'latin1'))),
  close: called.close,
  async run(bytes) {
    const { state, address, link } = await called.get();
    state.answer = bytes;
    try {
      const reply = await link.exchange(address, Uint8Array.of(0, 1, 7));
      assert.ok(reply.length <= bytes.length, 'more than was answered');
    } catch (cause) {
      if (!(cause instanceof LinkError)) throw cause;
      const { retryAfter_ms = 0 } = cause;
      assert.ok(retryAfter_ms >= 0 && retryAfter_ms <= 3_600_000, `patience: ${retryAfter_ms}`);
    }
  },
};

// What the operator's side is asked ------------------------------------------------------------

/** Line and headers, an empty line, and the body; its length, and whose host it is, are added. */
const REQUESTS = [
  'GET /show\n\n',
  'POST /send_keys\nContent-Type: application/json\n\n{"to": "bob", "address": "http://127.0.0.1:9"}',
  'POST /send_msg\nContent-Type: application/json\n\n{"to": "bob", "text": "hello", "carrier": "link"}',
  'POST /send_msg?to=bob&name=x.bin\nContent-Type: image/gif\n\nGIF89a',
  'GET /send_msg?text=hello&to=bob\nSec-Fetch-Site: none\nSec-Fetch-Mode: navigate\n\n',
  'POST /decrypt_msg?from=bob\n\n',
  'POST /verify\nContent-Type: application/json\n\n{"to": "bob", "code": "123456"}',
  'GET /sensor?name=temp&from=2020-01-01&to=2030-01-01&every=3600&limit=10\nAccept: text/csv\n\n',
  'GET /sensor?rows=true\nAccept: application/senml+json\n\n',
  'GET /messages?with=bob&limit=3&before=7\n\n',
  'GET /messages/1\nRange: bytes=0-5\n\n',
  'POST /messages/1/open\n\n',
  'DELETE /contacts/bob\n\n',
  'POST /pair\n\n',
  'POST /receive\nContent-Type: application/octet-stream\n\n\0\u0005hello',
  'POST /session\nContent-Type: application/json\nCookie: sotto_5000=x; a=b\n\n{"token": "x"}',
  'GET /pictures/covers/a.png\nIf-None-Match: "x"\nAuthorization: Bearer x\n\n',
  'GET /web/..%2fpage.js\n\n',
  'GET /covers/1\n\n',
  'POST /send_msg\nContent-Type: multipart/form-data; boundary=B\n\n--B\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--B--\r\n',
  'POST /identity\nContent-Type: application/json\n\n{"passphrase": "correct horse"}',
  'OPTIONS /openapi.json\nOrigin: http://127.0.0.1:5000\n\n',
];
const ANSWER_MS = 30_000;
/** Reaches nobody: an address may be anything. */
const NOWHERE: Link = {
  exchange: async () => {
    throw new LinkError('unreachable', 'nobody is called here');
  },
};

const operated = kept(
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sotto-fuzz-'));
    const surroundings = { crypto: openssl, log: silentLog };
    const store = await openStore({ folder, key: 'key file', ...surroundings });
    const messenger = new PeerMessenger(
      { name: 'alice', address: undefined, trust: 'tofu', contentSizeMax: 1024 ** 2 },
      {
        ...{ ...surroundings, store, link: NOWHERE, clock: systemClock },
        randomBytes: systemRandomBytes,
        staticKeys: openssl.generateKeyPair(systemRandomBytes),
        terminal: { print: () => undefined, printMessage: () => undefined },
      },
    );
    const server = createHttpServer();
    const app = createOperatorApp(sideOf(messenger));
    serve(server, app.callback(), app);
    return { folder, store, messenger, server, port: await listening(server) };
  },
  async ({ folder, store, messenger, server }) => {
    server.close();
    server.closeAllConnections();
    await messenger.stop();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

export const requests: Target = {
  name: 'requests',
  watched: /\/src\/routes\/[^/]+\.ts$/,
  seeds: () => REQUESTS.map((text) => new Uint8Array(Buffer.from(text, 'latin1'))),
  close: operated.close,
  async run(bytes) {
    const { port } = await operated.get();
    const text = Buffer.from(bytes).toString('latin1');
    const end = text.indexOf('\n\n');
    const [line = '', ...headers] = text.slice(0, Math.max(0, end)).split('\n');
    const body = text.slice(end + 2);
    const own = ['Host: localhost', `Content-Length: ${body.length}`, 'Connection: close'];
    const head = [`${line} HTTP/1.1`, ...headers, ...own].join('\r\n');
    const answer = await said(port, Buffer.from(`${head}\r\n\r\n${body}`, 'latin1'));
    assert.doesNotMatch(answer, /^HTTP\/1\.1 500/m, 'a mistake of ours');
  },
};

/** Events go on for ever: their first words are enough. */
async function said(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.setTimeout(ANSWER_MS, () => socket.destroy());
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    if (/^content-type: text\/event-stream/im.test(answer)) socket.destroy();
  });
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

// What is restored ------------------------------------------------------------------------------

/** What is restored is flushed to the disk; here only to memory, where there is such a place. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export const backups: Target = {
  name: 'backups',
  watched: /\/src\/store\/backup\.ts$|\/tar-stream\/(extract|headers)\.js$/,
  seeds: () => [
    tar(['peer.key', utf8('k'.repeat(32))], ['peer.db', new Uint8Array(700)]),
    tar(['key.json', utf8('{"v": 1}')], ['peer.db', new Uint8Array(100)]),
    tar(['../peer.db', new Uint8Array(1)]),
  ],
  async run(bytes) {
    const folder = mkdtempSync(join(place, 'sotto-fuzz-'));
    try {
      const inner = join(folder, 'data');
      mkdirSync(inner);
      const half = Math.trunc(bytes.length / 2);
      await unpackBackup(Readable.from([bytes.subarray(0, half), bytes.subarray(half)]), inner);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** As POSIX has it: a header of 512 bytes a file, and all padded to 512. */
function tar(...files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const blocks = files.flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`0000600\0${'0000000\0'.repeat(2)}`, 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0`, 124);
    header.write(`${' '.repeat(8)}0`, 148);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, new Uint8Array((512 - (content.length % 512)) % 512)];
  });
  return Uint8Array.from(Buffer.concat([...blocks, new Uint8Array(1_024)]));
}
