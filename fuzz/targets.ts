/** Every decoder that reads what a stranger, a contact, a line or a file brings. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { ConfigError, explainConfig, loadConfig } from '../src/config.ts';
import { openssl } from '../src/crypto/index.ts';
import { FrameReader } from '../src/link/serial-frame.ts';
import { SerialLine } from '../src/link/serial-line.ts';
import {
  decodeAnswer,
  decodeBundle,
  decodeClosing,
  decodeFileHead,
  decodeIntroduction,
  decodeNotice,
  decodeOpening,
  decodePack,
  decodePacket,
  decodePairingCode,
  decodePayloads,
  decodePlaintext,
  decodeText,
  encodeBundle,
  encodePairingCode,
  encodePlaintext,
  isAddress,
  PairingCodeError,
  type PairingSecret,
  RemoteProtocolError,
} from '../src/protocol/index.ts';
import { readForm } from '../src/routes/multipart.ts';
import { Problem } from '../src/routes/problem.ts';
import type { RouteContext } from '../src/routes/route.ts';
import { decodePng, encodePng, phantom, StegoError } from '../src/stego/coder.ts';
import { contact } from './contact.ts';
import type { Target } from './fuzzer.ts';
import { letters } from './letters.ts';
import { answers, backups, requests } from './outside.ts';
import { inPictures } from './pictures.ts';
import { vectors } from './vectors.ts';

const PROTOCOL =
  /\/src\/protocol\/(packet|payload|plaintext|fields|content|introduction|bundle|public-key|address)\.ts$/;
const SAMPLES_MAX = 64 * 1024;

/** Runs `decode`; what it throws must be of a class that it declares. */
function declared<T>(decode: () => T, refusal: new (...args: never[]) => Error): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
}

const protocol = <T>(decode: () => T) => declared(decode, RemoteProtocolError);

const packets: Target = {
  name: 'packets',
  watched: PROTOCOL,
  seeds: () => vectors('packets', 'bundle', 'handshakes_sotto', 'transport'),
  run(bytes) {
    protocol(() => decodePacket(bytes));
    const bundle = protocol(() => decodeBundle(bytes));
    if (bundle !== undefined) assert.deepEqual(encodeBundle(bundle), bytes, 'one bundle, one form');
  },
};

const payloads: Target = {
  name: 'payloads',
  watched: PROTOCOL,
  seeds: () => vectors('payloads', 'acks'),
  run(bytes) {
    const size = (Math.floor(bytes.length / 16) + 1) * 16;
    const padded = new Uint8Array(size);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const read = protocol(() => decodePlaintext(padded));
    if (read !== undefined) assert.deepEqual(encodePlaintext(read), padded, 'one form');
    protocol(() => decodePlaintext(bytes));
    protocol(() => decodePayloads(bytes));
    for (const decode of [decodeIntroduction, decodeOpening, decodeAnswer, decodeClosing]) {
      protocol(() => decode(bytes));
    }
  },
};

const contents: Target = {
  name: 'contents',
  watched: /\/src\/protocol\/(content|senml|cbor|fields)\.ts$/,
  seeds: () => vectors('payloads', 'senml'),
  run(bytes) {
    for (const decode of [decodeText, decodeFileHead, decodeNotice, decodePack]) {
      protocol(() => decode(bytes));
    }
  },
};

const png: Target = {
  name: 'png',
  watched: /\/src\/stego\/png[^/]*\.ts$/,
  seeds: () =>
    [8, 16].flatMap((depth) => {
      const picture = phantom({ size: 9, depth: depth as 8 | 16, seed: 1 });
      const file = encodePng(picture, { before: [], after: [] });
      return [Uint8Array.of(0, ...file), Uint8Array.of(1, ...file)];
    }),
  run(bytes) {
    const [mode = 0] = bytes;
    // With right checksums, so that what lies behind them is reached.
    const file = mode % 2 === 0 ? bytes.subarray(1) : withChecksums(bytes.subarray(1));
    const read = declared(() => decodePng(file, SAMPLES_MAX), StegoError);
    if (read === undefined) return;
    const again = decodePng(encodePng(read.picture, read), SAMPLES_MAX);
    assert.deepEqual(again.picture, read.picture, 'what was read is written');
  },
};

function withChecksums(file: Uint8Array): Uint8Array {
  const fixed = Uint8Array.from(file);
  const view = new DataView(fixed.buffer);
  for (let at = 8; at + 12 <= fixed.length; ) {
    const size = view.getUint32(at);
    const end = at + 8 + size;
    if (end + 4 > fixed.length) break;
    view.setUint32(end, crc32(fixed.subarray(at + 4, end)));
    at = end + 4;
  }
  return fixed;
}

const serial: Target = {
  name: 'serial',
  watched: /\/src\/link\/serial-(frame|line)\.ts$/,
  seeds: () => vectors('serial_frame', 'serial_line'),
  run(bytes) {
    new FrameReader().read(bytes);
    const line = new SerialLine({ bootId: 7n, mtu: 4_096, firmware: 'fuzz', baud: 115_200 }, 0);
    let now = 0;
    for (let at = 0; at < bytes.length; at += 97) {
      line.receive(bytes.subarray(at, at + 97), now);
      line.poll(now);
      now += 40;
    }
  },
};

const SECRET = new Uint8Array(16).fill(9) as PairingSecret;

const codes: Target = {
  name: 'codes',
  watched: /\/src\/protocol\/(pairing-code|address)\.ts$/,
  seeds: () => {
    const code = encodePairingCode(openssl, { secret: SECRET, address: undefined });
    const texts = [code, `${code}@http://127.0.0.1:5000`, `${code}@http://[::1]:5000`];
    return texts.map((text) => new TextEncoder().encode(text));
  },
  run(bytes) {
    const text = new TextDecoder().decode(bytes);
    const code = declared(() => decodePairingCode(openssl, text), PairingCodeError);
    if (code !== undefined)
      assert.deepEqual(decodePairingCode(openssl, encodePairingCode(openssl, code)), code);
    isAddress(text);
  },
};

const folder = mkdtempSync(join(tmpdir(), 'sotto-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const configuration: Target = {
  name: 'configuration',
  watched: /\/src\/config[^/]*\.ts$/,
  seeds: () =>
    [
      '{"name": "alice", "port": 5000, "data-dir": "/tmp/x", "trust": "tofu", "demo": true}',
      '{"contact": ["bob=http://127.0.0.1:5001"], "log-level": "warn", "crypto": "noble"}',
      '{"address": "http://127.0.0.1:5000",\n "no such thing": [null, 1e9, {"a": "\\u0000"}]}',
    ].map((text) => new TextEncoder().encode(text)),
  run(bytes) {
    const file = join(folder, 'config');
    writeFileSync(file, bytes);
    declared(() => loadConfig(['--config', file], {}), ConfigError);
    declared(() => explainConfig(['--config', file]), ConfigError);
  },
};

const forms: Target = {
  name: 'forms',
  watched: /\/src\/routes\/(multipart|body)\.ts$|\/@fastify\/busboy\//,
  seeds: () =>
    [
      '--B\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n--B--\r\n',
      '--B\r\nContent-Disposition: form-data; name="cover"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--B--\r\n',
      "--B\r\nContent-Disposition: form-data; name*=UTF-8''t%C3%A9xt\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--B--",
    ].map((text) => new TextEncoder().encode(text)),
  async run(bytes) {
    const half = Math.trunc(bytes.length / 2);
    const req = Object.assign(Readable.from([bytes.subarray(0, half), bytes.subarray(half)]), {
      headers: { 'content-type': 'multipart/form-data; boundary=B' },
    });
    const ctx = { req, get: () => req.headers['content-type'] } as unknown as RouteContext;
    try {
      const { fields, files } = await readForm(ctx, {
        fileSizes: { cover: 512 },
        fieldSizeMax: 256,
      });
      const sizes = Object.values(files).map((file) => file.bytes.length);
      assert.ok(Math.max(0, ...sizes) <= 512, 'a file over its limit');
      assert.ok(
        Object.values(fields).every((value) => value.length <= 256),
        'a field over its limit',
      );
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  },
};

export const TARGETS: readonly Target[] = [
  packets,
  payloads,
  contents,
  png,
  inPictures,
  serial,
  codes,
  configuration,
  forms,
  contact,
  letters,
  answers,
  requests,
  backups,
];
