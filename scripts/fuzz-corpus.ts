/**
 * Writes where the firmware's fuzzers begin, hardware/esp32-peer/test/corpus, from test/vectors:
 * `node scripts/fuzz-corpus.ts`. Inputs of past faults lie there too, under names of their own.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const PER_TARGET = 12;
const SIZE_MAX = 1500;
const CORPUS = new URL('../hardware/esp32-peer/test/corpus/', import.meta.url);

type Row = Readonly<Record<string, unknown>>;

function vectors(file: string, list: string): readonly Row[] {
  const url = new URL(`../test/vectors/${file}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as Record<string, Row[]>)[list] ?? [];
}

const hex = (text: unknown) => Buffer.from(String(text), 'hex');
const text = (line: string) => Buffer.from(line);
const column = (rows: readonly Row[], name: string) => rows.map((row) => hex(row[name]));

const bundled = (packet: Buffer) => {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(packet.length);
  return Buffer.concat([size, packet]);
};

const plaintexts = column(vectors('payloads', 'plaintexts'), 'plaintext');
const packets = column(vectors('packets', 'packets'), 'packet').map(bundled);
const frames = column(vectors('serial_frame', 'frames'), 'line');
const steps = column(vectors('serial_line', 'steps'), 'argument');

/** The first byte says which pattern, and that the message answers ours. */
const handshakes = ['noise_xx', 'noise_xxpsk3', 'noise_kkpsk0', 'noise_k'].flatMap((file, id) =>
  vectors(file, 'vectors').flatMap(({ messages }) =>
    (messages as Row[])
      .slice(0, 2)
      .map(({ ciphertext }, turn) =>
        Buffer.concat([Buffer.of(id | (turn * 0x80)), hex(ciphertext)]),
      ),
  ),
);

const TYPED = [
  ...['pair', 'use 0@http://a:1', 'send_keys', 'send_msg hello', 'send_picture', 'decrypt_msg'],
  ...['show', 'forget everything', 'use 0000-0000@', '', 'send_msg @pi hello', 'forget pi'],
];
const pattern = (size: number, step: number) =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * step) & 255));

const TARGETS: Readonly<Record<string, readonly Buffer[]>> = {
  frame: frames,
  line: [...steps, ...frames],
  packet: [...packets, ...column(vectors('bundle', 'bundles'), 'bundle')],
  payloads: plaintexts,
  introduction: column(vectors('payloads', 'introductions'), 'bytes'),
  handshake: handshakes,
  letter: column(vectors('letter', 'letters'), 'plaintext'),
  pairing_code: vectors('pairing_code', 'codes').map((row) => text(String(row['text']))),
  senml: [3, 7, 31, 97].map((step) => pattern(4 + 64 * 4, step)),
  picture: [1, 5, 60, 255].map((step) => pattern(300, step)),
  store: [0, 1, 13, 199].map((step) => pattern(600, step)),
  start: [0, 1, 13, 199].map((step) => pattern(500, step)),
  session: plaintexts,
  console: TYPED.map(text),
  device: [...packets, ...steps],
};

for (const [target, inputs] of Object.entries(TARGETS)) {
  const folder = new URL(`${target}/`, CORPUS);
  mkdirSync(folder, { recursive: true });
  const usable = inputs.filter(({ length }) => length > 0 && length <= SIZE_MAX);
  const every = Math.max(1, Math.ceil(usable.length / PER_TARGET));
  usable
    .filter((_, index) => index % every === 0)
    .forEach((input, index) => {
      writeFileSync(new URL(`vector-${index}`, folder), input);
    });
}
