/**
 * Goal: every PNG that the specification allows and we promise is read exactly, and every other
 * file is refused with a reason, in bounded time and memory.
 * Method: files built byte by byte are read by our door and by pngjs; what we write, pngjs reads;
 * then one broken file for each rule, and random damage.
 */
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import t, { type Test } from 'tap';
import { concat } from '../../src/bytes.ts';
import { StegoError } from '../../src/stego/errors.ts';
import { CHANNELS, type Colour, type Picture, sampleBytes } from '../../src/stego/picture.ts';
import { decodePng, encodePng } from '../../src/stego/png.ts';
import { rounds } from '../support/counts.ts';
import { randomOf } from './support/pictures.ts';
import * as build from './support/png-files.ts';

const TYPES: Readonly<Record<Colour, number>> = { gray: 0, rgb: 2, 'gray-alpha': 4, rgba: 6 };
const colours = fc.constantFrom<Colour[]>('gray', 'gray-alpha', 'rgb', 'rgba');
const depths = fc.constantFrom<(8 | 16)[]>(8, 16);
// Sizes around 8 meet every way in which a pass of an interlaced picture can be empty.
const sizes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }));

interface Case {
  readonly colour: Colour;
  readonly depth: 8 | 16;
  readonly width: number;
  readonly height: number;
  readonly interlace: number;
  readonly filters: readonly number[];
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  colour: colours,
  depth: depths,
  width: sizes,
  height: sizes,
  interlace: fc.constantFrom(0, 1),
  filters: fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }),
  seed: fc.nat(1e6),
});

function fileOf(c: Case): { readonly file: Uint8Array; readonly pixelSize: number } {
  const head = { ...c, type: TYPES[c.colour] };
  const pixelSize = (CHANNELS[c.colour] * c.depth) / 8;
  const sample = (x: number, y: number, byte: number) =>
    (Math.imul(x * 31 + y * 57 + byte * 7 + c.seed, 2654435761) >>> 20) & 255;
  const rows = build.filteredRows(head, pixelSize, sample, c.filters);
  return { file: build.file(head, rows), pixelSize };
}

/** The samples as pngjs sees them: RGBA, whatever the file was. */
function oracle(file: Uint8Array): readonly number[] {
  return [...PNG.sync.read(Buffer.from(file), { skipRescale: true } as object).data];
}

function asRgba({ colour, depth, planes }: Picture): readonly number[] {
  const alpha = 2 ** depth - 1;
  const pick = { gray: [0, 0, 0], 'gray-alpha': [0, 0, 0, 1], rgb: [0, 1, 2], rgba: [0, 1, 2, 3] };
  const order: readonly number[] = pick[colour];
  return Array.from(planes[0] ?? [], (_, i) =>
    [0, 1, 2, 3].map((c) => planes[order[c] ?? -1]?.[i] ?? alpha),
  ).flat();
}

t.test('every kind of file is read as pngjs reads it', async () => {
  fc.assert(
    fc.property(cases, (c) => {
      const { file } = fileOf(c);
      assert.deepEqual(asRgba(decodePng(file).picture), oracle(file));
    }),
    { numRuns: rounds({ reduced: 100, full: 3000 }) },
  );
});

t.test('what we write is read back, by us and by pngjs', async () => {
  fc.assert(
    fc.property(cases, (c) => {
      const read = decodePng(fileOf(c).file);
      const written = encodePng(read.picture, read);
      assert.deepEqual(decodePng(written).picture, read.picture);
      assert.deepEqual(oracle(written), asRgba(read.picture));
    }),
    { numRuns: rounds({ reduced: 40, full: 1000 }) },
  );
});

t.test('a large file of text is written as small as one that is tried whole', async (t) => {
  const random = randomOf(3);
  const letters = Array.from({ length: 40 * 128 }, () => (random() < 0.5 ? 30 : 230));
  const page = Array.from({ length: 80 * 110 }, () => Math.floor(60 * random()));
  const [width, height] = [560, 640];
  const sizes = (isBlank: (y: number) => boolean) => {
    const plane = new Uint16Array(width * height);
    for (let i = 0; i < plane.length; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const letter = page[(y >> 4) * 110 + (x >> 3)] ?? 0;
      const ink = letters[letter * 128 + (y & 15) * 8 + (x & 7)] ?? 245;
      plane[i] = isBlank(y) ? 245 - (x >> 2) : ink;
    }
    const planes = [plane, plane, plane];
    const picture: Picture = { width, height, depth: 8, colour: 'rgb', planes };
    const written = encodePng(picture, { before: [], after: [] });
    assert.deepEqual(decodePng(written).picture, picture);
    // Rows without a filter, each of one byte more.
    const samples = sampleBytes(picture);
    const rows = new Uint8Array(height * (1 + width * 3));
    for (let y = 0; y < height; y++) {
      rows.set(samples.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1);
    }
    return [written.length, deflateSync(rows, { level: 6 }).length] as const;
  };
  const [written, least] = sizes(() => false);
  t.ok(written < 1.02 * least, `${written} bytes, ${least} by deflate`);
  // Without text, but darker to the right, at its top, its end, and a third from either.
  const [ofParts, leastOfParts] = sizes((y) => y % 187 < 79);
  t.ok(ofParts < 1.02 * leastOfParts, `${ofParts} bytes, ${leastOfParts} by deflate`);
});

t.test('pictures of odd shapes are written whole, however they are tried', async () => {
  for (const [width, height] of [
    [1, 600_000],
    [600_000, 1],
    [5000, 107],
    [200_000, 3],
  ] as const) {
    const plane = Uint16Array.from({ length: width * height }, (_, i) => (i * i) & 0x1ff);
    const picture: Picture = { width, height, depth: 16, colour: 'gray', planes: [plane] };
    const read = decodePng(encodePng(picture, { before: [], after: [] })).picture;
    assert.deepEqual(read, picture);
  }
});

/** Views that reading a file makes. What zlib returns is a Buffer, which has a way of its own. */
function viewsMade(file: Uint8Array): number {
  let count = 0;
  const restored = [Object.getPrototypeOf(Uint8Array.prototype), Buffer.prototype].map((arrays) => {
    const { subarray } = arrays;
    arrays.subarray = function (this: Uint8Array, ...range: []) {
      count += 1;
      return subarray.apply(this, range);
    };
    return () => {
      arrays.subarray = subarray;
    };
  });
  try {
    decodePng(file);
  } finally {
    for (const restore of restored) restore();
  }
  return count;
}

t.test('a column costs no more than a row: nothing is made for each row', async (t) => {
  for (const interlace of [0, 1]) {
    for (const filter of [0, 1, 2, 3, 4]) {
      const views = [
        { width: 9_000, height: 1 },
        { width: 1, height: 9_000 },
      ].map((shape) => {
        const head = { ...shape, depth: 8, type: 0, interlace };
        return viewsMade(
          build.file(
            head,
            build.filteredRows(head, 1, (x, y) => x ^ y, [filter]),
          ),
        );
      });
      t.equal(views[1], views[0], `filter ${filter}, interlace ${interlace}`);
      t.ok((views[0] ?? 0) > 0, 'they are counted');
    }
  }
});

const gray: build.Header = { width: 3, height: 2, depth: 8, type: 0 };
const rows = Uint8Array.of(0, 1, 2, 3, 0, 4, 5, 6);
const sound = build.file(gray, rows);
const image = build.chunk('IDAT', deflateSync(rows));
const end = build.chunk('IEND');
const text = build.chunk('tEXt', new TextEncoder().encode('Author\0somebody'));

t.test('samples as bytes are what PNG filters', async (t) => {
  const wide = { ...gray, depth: 16, width: 1, height: 1, type: 4 };
  const { picture } = decodePng(build.file(wide, Uint8Array.of(0, 1, 2, 3, 4)));
  t.strictSame(picture.planes, [Uint16Array.of(0x0102), Uint16Array.of(0x0304)]);
  t.strictSame(sampleBytes(picture), Uint8Array.of(1, 2, 3, 4));
});

t.test('chunks are kept in place, and unknown ones only if safe to copy', async (t) => {
  const before = ['gAMA', 'iCCP', 'pHYs', 'eXIf', 'teSt'].map((type) => build.chunk(type, rows));
  const after = ['tIME', 'iTXt'].map((type) => build.chunk(type, rows));
  const unsafe = build.chunk('teST', rows);
  const start = concat(build.SIGNATURE, build.header(gray));
  const read = decodePng(concat(start, ...before, unsafe, image, ...after, text, end));
  t.strictSame(read.dropped, ['teST']);
  const written = encodePng(read.picture, read);
  t.strictSame(written.subarray(33, 33 + concat(...before).length), concat(...before));
  const tail = concat(...after, text, end);
  t.strictSame(written.subarray(written.length - tail.length), tail);
});

/** Refused for `failure`, and the reason is said. */
function refuses(t: Test, file: Uint8Array, failure: string, why: RegExp): void {
  t.throws(() => decodePng(file), { failure, message: why }, String(why));
}

t.test('broken files are refused with a reason', async (t) => {
  const start = concat(build.SIGNATURE, build.header(gray));
  const bad = (rows: Uint8Array, head = gray) => build.file(head, rows);
  const flipped = sound.slice();
  flipped[60] = (flipped[60] ?? 0) ^ 1;
  const long = build.chunk('IDAT', concat(deflateSync(rows), Uint8Array.of(0)));
  const broken: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /not a PNG/],
    [sound.subarray(1), /not a PNG/],
    [concat(build.SIGNATURE, image, end), /start with IHDR/],
    [flipped, /CRC/],
    [concat(sound, Uint8Array.of(0)), /1 bytes follow IEND/],
    [sound.subarray(0, -12), /ends within/],
    [concat(start, end), /no IDAT/],
    [concat(start, image, build.chunk('IEND', rows)), /IEND is not empty/],
    [concat(start, build.chunk('PLTE', rows.subarray(0, 3)), image, end), /gray.*no palette/],
    [concat(start, image, text, image, end), /not consecutive/],
    [concat(start, build.chunk('ABCd'), image, end), /critical chunk ABCd/],
    [concat(start, build.chunk('a1cd'), image, end), /proper name/],
    [concat(start, long, end), /follow its image data/],
    [bad(rows.subarray(1)), /too short/],
    [bad(concat(rows, rows)), /does not inflate/],
    [bad(Uint8Array.of(5, 1, 2, 3, 0, 4, 5, 6)), /filter type 5/],
    [bad(rows, { ...gray, width: 0 }), /no pixels/],
    [bad(rows, { ...gray, interlace: 2 }), /interlace/],
    [bad(rows, { ...gray, type: 5 }), /colour type 5/],
    [bad(rows, { ...gray, depth: 4, type: 2 }), /4-bit rgb/],
    [bad(rows, { ...gray, depth: 9 }), /9-bit gray/],
  ];
  for (const [file, why] of broken) refuses(t, file, 'malformed', why);
});

t.test('sound files that cannot carry are refused with a cure', async (t) => {
  const start = concat(build.SIGNATURE, build.header(gray));
  refuses(t, build.file({ ...gray, type: 3 }, rows), 'unsupported', /palette; convert it to RGB/);
  refuses(
    t,
    build.file({ ...gray, depth: 4 }, rows),
    'unsupported',
    /4-bit.*8 bit.*png:bit-depth=8/,
  );
  for (const [type, why] of [
    ['tRNS', /transparent colour.*alpha.*PNG32:/],
    ['acTL', /animated/],
  ] as const) {
    refuses(t, concat(start, build.chunk(type), image, end), 'unsupported', why);
  }
});

t.test('lying dimensions and bombs cost nothing', async (t) => {
  const huge = { ...gray, width: 60000, height: 60000 };
  refuses(t, build.file(huge, rows), 'too_large', /has 60000 × 60000 pixels; the limit/);
  refuses(t, build.file({ ...huge, type: 2 }, rows), 'too_large', /pixels of 3 samples; the limit/);
  const before = process.memoryUsage().rss;
  refuses(t, build.file({ ...gray, width: 8000, height: 8000 }, rows), 'malformed', /too short/);
  const bomb = build.file(gray, new Uint8Array(64 * 1024 * 1024));
  refuses(t, bomb, 'malformed', /does not inflate/);
  t.ok(process.memoryUsage().rss - before < 256 * 1024 * 1024, 'no memory for what is not there');
});

t.test(
  'too many chunks are refused before they fill the memory, some thousand are read',
  async (t) => {
    const repeated = (type: string, count: number) => {
      const one = build.chunk(type);
      const all = new Uint8Array(one.length * count);
      for (let i = 0; i < count; i++) all.set(one, i * one.length);
      return all;
    };
    const start = concat(build.SIGNATURE, build.header(gray));
    for (const type of ['IDAT', 'teXt', 'teXT']) {
      const file = concat(start, repeated(type, 65_536), image, end);
      refuses(t, file, 'too_large', /more than 65536 chunks/);
    }
    const cut = concat(start, repeated('IDAT', 30_000), image, repeated('IDAT', 30_000), end);
    t.strictSame(decodePng(cut).picture, decodePng(sound).picture);
    const many = decodePng(
      concat(start, repeated('teXt', 30_000), repeated('teST', 30_000), image, end),
    );
    t.equal(many.before.length, 30_000);
    t.strictSame(many.dropped, ['teST'], 'each name once');
    t.equal(decodePng(encodePng(many.picture, many)).before.length, 30_000);
  },
);

t.test('any damage is a StegoError or changes nothing that is read', async () => {
  const at = fc.nat(sound.length - 1);
  fc.assert(
    fc.property(at, fc.integer({ min: 1, max: 255 }), fc.boolean(), (offset, mask, cut) => {
      const damaged = cut ? sound.slice(0, offset) : sound.slice();
      if (!cut) damaged[offset] = (damaged[offset] ?? 0) ^ mask;
      assert.throws(() => decodePng(damaged), StegoError);
    }),
    { numRuns: rounds({ reduced: 300, full: 20000 }) },
  );
});
