/**
 * Goal: a PNG goes in and a PNG comes out; payload and cover are proved, or nothing is returned;
 * and none of it holds up the event loop.
 * Method: round trips through files, then files that were changed, re-encoded or cut; the promise
 * of `capacity` against `hide`; the same through worker threads.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import t from 'tap';
import { concat } from '../../src/bytes.ts';
import { eligible } from '../../src/stego/choice.ts';
import {
  decodePng,
  encodePng,
  hide,
  measureCapacity,
  type Picture,
  reveal,
  revealWithAny,
  StegoError,
} from '../../src/stego/coder.ts';
import { HeaderRing } from '../../src/stego/header.ts';
import { StegoPool } from '../../src/stego/index.ts';
import { lookAtDecoded } from '../../src/stego/message.ts';
import { repeatable, rounds } from '../support/counts.ts';
import { pictureOf, type Recipe, randomOf, recipes } from './support/pictures.ts';
import * as build from './support/png-files.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const text = new TextEncoder().encode('meet me under the bridge');
const none = { before: [], after: [] };
const photograph: Recipe = {
  ...{ width: 96, height: 80, depth: 8, colour: 'gray', kind: 'photograph', seed: 4 },
};
const cover = encodePng(pictureOf(photograph), {
  before: [{ type: 'iCCP', data: Uint8Array.of(1, 2) }],
  after: [{ type: 'tEXt', data: text }],
});

t.test('payload and cover come back, chunks and all', async (t) => {
  const { png, report } = await hide(cover, text, KEY);
  const revealed = await reveal(png, KEY);
  t.strictSame(revealed.payload, text);
  t.strictSame(decodePng(revealed.coverPng), decodePng(cover));
  t.equal(revealed.coverSha256, report.coverSha256);
  t.ok(report.psnr_dB > 50 && report.changedSamples > 0);
  t.strictSame(decodePng(png).before, decodePng(cover).before);
  t.strictSame(decodePng(png).after, decodePng(cover).after);
});

t.test('so do those of an interlaced file, every chunk in its place', async (t) => {
  const head = { width: 61, height: 53, depth: 16, type: 6, interlace: 1 };
  // Slow waves, three bits of noise, and alpha from nothing to all.
  const level = (x: number, y: number) => 9000 + 90 * x + 70 * y + (Math.imul(x * 31 + y, 97) & 7);
  const sample = (x: number, y: number, byte: number) => {
    const value = byte < 6 ? level(x, y) : (x * 1100) & 0xffff;
    return byte % 2 === 0 ? value >> 8 : value & 255;
  };
  const start = concat(build.SIGNATURE, build.header(head));
  const named = (types: string) =>
    types.split(' ').map((type) => build.chunk(type, new TextEncoder().encode(`of ${type}`)));
  const before = named(
    'cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs sPLT eXIf pCAL sCAL sTER saFe',
  );
  const after = named('tIME iTXt tEXt zTXt also');
  const file = build.file(head, build.filteredRows(head, 8, sample, [0, 1, 2, 3, 4]));
  const ends = [file.subarray(start.length, -12), ...after, file.subarray(-12)];
  const odd = concat(start, ...before, ...ends);
  for (const profile of ['fast', 'max', 'integer'] as const) {
    const { png, report } = await hide(odd, text, KEY, { profile });
    t.strictSame(report.droppedChunks, []);
    t.ok([before, after].every((chunks) => Buffer.from(png).includes(Buffer.concat(chunks))));
    const { payload, coverPng } = await reveal(png, KEY);
    t.strictSame(payload, text, profile);
    t.strictSame(decodePng(coverPng), decodePng(odd), profile);
    t.strictSame(decodePng(png).picture.planes[3], decodePng(odd).picture.planes[3], 'alpha');
  }
});

t.test('a cover is told by the SHA-256 of its samples, large as it may be', async (t) => {
  for (const [colour, depth] of [['gray', 8] as const, ['rgba', 16] as const]) {
    const large = pictureOf({ ...photograph, width: 331, height: 401, colour, depth });
    const samples = Buffer.alloc(331 * 401 * large.planes.length * (depth / 8));
    let at = 0;
    for (let i = 0; i < 331 * 401; i++) {
      for (const plane of large.planes) at = samples.writeUIntBE(plane[i] ?? 0, at, depth / 8);
    }
    const expected = createHash('sha256').update(samples).digest('hex');
    const { coverSha256 } = await lookAtDecoded(decodePng(encodePng(large, none)));
    t.equal(coverSha256, expected, `${colour}, ${depth} bit`);
  }
});

t.test('an empty payload is a payload', async (t) => {
  const { png } = await hide(cover, new Uint8Array(0), KEY);
  t.equal((await reveal(png, KEY)).payload.length, 0);
});

t.test('what is said of the picture is true', async (t) => {
  const few = await hide(
    encodePng(pictureOf({ ...photograph, width: 200, height: 200 }), none),
    text,
    KEY,
  );
  t.strictSame(few.report.warnings, []);
  const { report } = await hide(cover, text, KEY);
  t.match(report.warnings, [/0\.042 bits a sample/]);
  const unsafe = encodePng(pictureOf(photograph), none);
  const odd = build.chunk('abCD');
  const spliced = Buffer.concat([unsafe.subarray(0, 33), odd, unsafe.subarray(33)]);
  t.strictSame((await hide(spliced, text, KEY)).report.droppedChunks, ['abCD']);
  // A warning travels in a header of HTTP, too.
  const names = Array.from({ length: 26 }, (_, i) => `ab${String.fromCharCode(65 + i)}D`);
  const all = names.flatMap((name) => [build.chunk(name), build.chunk(name)]);
  const full = Buffer.concat([unsafe.subarray(0, 33), ...all, unsafe.subarray(33)]);
  const told = (await hide(full, text, KEY)).report;
  t.strictSame(told.droppedChunks, names);
  t.match(told.warnings.at(-1), /abAD, .*, abPD and 10 more$/);
});

t.test('of a picture with much noise in 16 bits likeness and steps are told', async (t) => {
  const noisy = encodePng(pictureOf({ ...photograph, depth: 16, width: 120, height: 110 }), none);
  const forecast = (await measureCapacity(noisy, text.length, { profile: 'fast' })).psnr_dB ?? 0;
  const { png, report } = await hide(noisy, text, KEY, { profile: 'fast' });
  t.ok(Math.abs(forecast - report.psnr_dB) < 1.5, `${forecast} was told for ${report.psnr_dB}`);
  const [before, after] = [noisy, png].map((file) => decodePng(file).picture.planes[0]);
  const steps = Array.from(before ?? [], (sample, i) => Math.abs(sample - (after?.[i] ?? 0)));
  t.equal(report.largestStep, Math.max(...steps));
  t.ok(report.largestStep > 1, `${report.largestStep}`);
  t.equal((await hide(cover, text, KEY)).report.largestStep, 1);
});

t.test('a frame of one colour is told before and after', async (t) => {
  const { width, height, planes, ...shape } = pictureOf({ ...photograph, width: 200, height: 200 });
  const black = planes.map((plane) => plane.map((v, i) => (i % 200 === 199 || i < 200 ? 0 : v)));
  for (const [edge, told] of [
    [199, false],
    [0, true],
  ] as const) {
    // Without its left and lower edge black there is texture enough.
    const framed = black.map((plane) =>
      plane.map((v, i) => (edge === 0 && (i % 200 === 0 || i >= 39_800) ? 0 : v)),
    );
    const file = encodePng({ width, height, planes: framed, ...shape }, none);
    const expected = told ? [/frame is of one colour/] : [];
    t.match((await hide(file, text, KEY)).report.warnings, expected);
    t.equal((await hide(file, text, KEY)).report.warnings.length, expected.length);
    t.match((await measureCapacity(file, undefined)).warnings, expected);
    t.equal((await measureCapacity(file, undefined)).warnings.length, expected.length);
  }
});

t.test('another key, the cover itself, and a re-encoded picture hold nothing', async (t) => {
  const { png } = await hide(cover, text, KEY);
  const other = KEY.map((byte) => byte ^ 1);
  await t.rejects(reveal(png, other), { name: 'StegoError', failure: 'no_message' });
  await t.rejects(reveal(cover, KEY), { name: 'StegoError', failure: 'no_message' });
  const { picture } = decodePng(png);
  const halved: Picture = { ...picture, planes: picture.planes.map((p) => p.map((v) => v & ~1)) };
  await t.rejects(reveal(encodePng(halved, none), KEY), {
    name: 'StegoError',
    failure: 'no_message',
  });
  await t.rejects(reveal(png.subarray(0, 900), KEY), { name: 'StegoError', failure: 'malformed' });
  // The same samples, written by another program, are the same message.
  const again = PNG.sync.write(PNG.sync.read(Buffer.from(png)), { colorType: 0 });
  t.strictSame((await reveal(again, KEY)).payload, text);
});

t.test('any changed samples end in a refusal or in the true payload and cover', async () => {
  const { picture } = decodePng((await hide(cover, text, KEY)).png);
  const change = fc.tuple(fc.nat(96 * 80 - 1), fc.integer({ min: 1, max: 255 }));
  // On the ring, where no header bit lies, only the tag tells one changed lowest bit.
  const examples = Array.from({ length: 24 }, (_, at): [[number, number][]] => [[[at, 1]]]);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const plane = (picture.planes[0] as Uint16Array).slice();
      for (const [at, mask] of changes) plane[at] = (plane[at] ?? 0) ^ mask;
      const damaged = encodePng({ ...picture, planes: [plane] }, none);
      try {
        const { payload, coverPng } = await reveal(damaged, KEY);
        assert.deepEqual(payload, text);
        assert.deepEqual(decodePng(coverPng).picture, decodePng(cover).picture);
      } catch (error) {
        assert(error instanceof StegoError, String(error));
        assert(['no_message', 'damaged'].includes(error.failure));
      }
    }),
    { numRuns: rounds({ reduced: 60, full: 3000 }), examples },
  );
});

t.test('of many keys the one that fits is found', async (t) => {
  const { png, report } = await hide(cover, text, KEY);
  const others = [1, 2, 3].map((i) => new Uint8Array(32).fill(i));
  const revealed = await revealWithAny(png, [...others, KEY, ...others]);
  t.match(revealed, { keyIndex: 3, payload: text, coverSha256: report.coverSha256 });
  t.equal(revealed.psnr_dB, report.psnr_dB);
  await t.rejects(revealWithAny(png, others), { name: 'StegoError', failure: 'no_message' });
  await t.rejects(revealWithAny(png, []), { name: 'StegoError', failure: 'no_message' });
});

t.test('capacity keeps its promise, and not one byte more is taken', async (t) => {
  let withRoom = 0;
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const file = encodePng(pictureOf(recipe), none);
      const { bytes } = await measureCapacity(file, undefined, { profile: 'fast' });
      if (bytes === 0) return;
      withRoom += 1;
      const payload = Uint8Array.from({ length: bytes }, (_, i) => Math.imul(i, 167) >> 3);
      const { png } = await hide(file, payload, KEY, { profile: 'fast' });
      assert.deepEqual((await reveal(png, KEY)).payload, payload);
      const more = Uint8Array.from([...payload, recipe.seed]);
      const refused = { name: 'StegoError', failure: 'capacity' };
      await assert.rejects(hide(file, more, KEY, { profile: 'fast' }), refused);
    }),
    { ...repeatable({ reduced: 25, full: 1000 }), examples: [[{ ...photograph, kind: 'flat' }]] },
  );
  t.ok(withRoom > 5, `${withRoom} pictures had room`);
  for (const profile of ['max', 'integer'] as const) {
    const { bytes } = await measureCapacity(cover, undefined, { profile });
    t.ok((await hide(cover, new Uint8Array(bytes), KEY, { profile })).png, profile);
    const refused = { name: 'StegoError', failure: 'capacity' };
    await t.rejects(hide(cover, new Uint8Array(bytes + 1), KEY, { profile }), refused);
  }
  const { bytes, pixelsNeeded } = await measureCapacity(cover, 100_000, { profile: 'fast' });
  t.ok((pixelsNeeded ?? 0) > (96 * 80 * 100_000) / (bytes + 16));
  const forecast = (await measureCapacity(cover, text.length, { profile: 'fast' })).psnr_dB ?? 0;
  const { report } = await hide(cover, text, KEY, { profile: 'fast' });
  t.ok(Math.abs(forecast - report.psnr_dB) < 1, `${forecast} was forecast for ${report.psnr_dB}`);
  await t.rejects(hide(cover, new Uint8Array(5000), KEY), {
    name: 'StegoError',
    failure: 'capacity',
  });
});

t.test('exactly full, with every profile, in pictures of black, white and noise', async (t) => {
  const kinds = ['flat', 'saturated', 'text', 'gradient', 'noise'] as const;
  let full = 0;
  for (const [index, kind] of kinds.entries()) {
    const colour = (['gray', 'rgba'] as const)[index % 2] ?? 'gray';
    const drawn = pictureOf({ ...photograph, width: 52, height: 48, kind, colour });
    for (const ends of [false, true]) {
      // Every sample at black or white, or as drawn.
      const planes = drawn.planes.map((p) => (ends ? p.map((v) => (v < 128 ? 0 : 255)) : p));
      const file = encodePng({ ...drawn, planes }, none);
      for (const profile of ['fast', 'max', 'integer'] as const) {
        const { bytes } = await measureCapacity(file, undefined, { profile });
        const payload = Uint8Array.from({ length: bytes }, (_, i) => Math.imul(i, 91) >> 3);
        if (bytes === 0) continue;
        const revealed = await reveal((await hide(file, payload, KEY, { profile })).png, KEY);
        assert.deepEqual(revealed.payload, payload, `${kind}, ${profile}`);
        assert.deepEqual(decodePng(revealed.coverPng).picture, { ...drawn, planes });
        full += 1;
      }
    }
  }
  t.ok(full > 15, `${full} pictures were full`);
});

t.test(
  'of its own accord it takes the profile that leaves the picture more like itself',
  async (t) => {
    for (const [kind, size, expected] of [
      ['flat', 600, 'fast'],
      ['text', 600, 'max'],
    ] as const) {
      const drawn = pictureOf({ ...photograph, width: 128, height: 128, kind });
      const file = encodePng(drawn, none);
      const payload = Uint8Array.from({ length: size }, (_, i) => Math.imul(i, 2654435761) >>> 11);
      const { report, png } = await hide(file, payload, KEY);
      t.equal(report.profile, expected, kind);
      const both = await Promise.all(
        (['fast', 'max'] as const).map((profile) => hide(file, payload, KEY, { profile })),
      );
      const best = Math.max(...both.map(({ report: { psnr_dB } }) => psnr_dB));
      t.equal(report.psnr_dB, best, `${kind}: ${report.psnr_dB} of ${best} dB`);
      const { profile, psnr_dB = 0 } = await measureCapacity(file, size);
      t.equal(profile, expected);
      t.ok(Math.abs(psnr_dB - best) < 0.5, `${kind}: ${psnr_dB} dB were forecast for ${best}`);
      t.strictSame((await reveal(png, KEY)).payload, payload);
    }
  },
);

t.test(
  'what only the other profile holds goes there, and no more than one of them holds',
  async (t) => {
    const drawing = encodePng(pictureOf({ ...photograph, kind: 'text', height: 96 }), none);
    const rooms = (['fast', 'max', 'auto'] as const).map((profile) =>
      measureCapacity(drawing, undefined, { profile }),
    );
    const [fast, max, auto] = (await Promise.all(rooms)).map(({ bytes }) => bytes) as [
      number,
      number,
      number,
    ];
    t.ok(max > fast, `${max} bytes and ${fast}`);
    t.match([auto, (await measureCapacity(drawing, auto)).profile], [max, 'max']);
    const { report, png } = await hide(drawing, new Uint8Array(auto), KEY);
    t.equal(report.profile, 'max');
    t.equal((await reveal(png, KEY)).payload.length, auto);
    const refused = { name: 'StegoError', failure: 'capacity' };
    await t.rejects(hide(drawing, new Uint8Array(auto + 1), KEY), refused);
  },
);

t.test('a large picture is done by the quick profile, whatever it looks like', async (t) => {
  const large = pictureOf({ ...photograph, width: 800, height: 700, kind: 'text' });
  t.equal((await hide(encodePng(large, none), text, KEY)).report.profile, 'fast');
  const of = (depth: 8 | 16) => eligible('auto', { ...large, width: 257, height: 256, depth });
  t.strictSame([of(8), of(16)], [['fast', 'max'], ['fast']], 'of 16 bits eight shifts are tried');
});

t.test('whoever waits hears how far it is, also through a thread', async (t) => {
  const pool = new StegoPool();
  t.teardown(() => pool.close());
  const large = encodePng(pictureOf({ ...photograph, width: 300, height: 300 }), none);
  for (const profile of ['auto', 'fast', 'max', 'integer'] as const) {
    const [hiding, revealing]: [number[], number[]] = [[], []];
    const { png } = await hide(large, text, KEY, { profile, onProgress: (s) => hiding.push(s) });
    await reveal(png, KEY, { onProgress: (s) => revealing.push(s) });
    for (const shares of [hiding, revealing]) {
      const rises = shares.every((share, i) => share > (shares[i - 1] ?? 0) && share <= 1);
      t.ok(rises && shares.length > 20 && shares.length <= 256, `${profile}: ${shares.length}`);
      t.ok((shares.at(-1) ?? 0) > 0.5, `${profile}: ended at ${shares.at(-1)}`);
    }
  }
  const seen: number[] = [];
  await pool.hide(large, text, KEY, { profile: 'max', onProgress: (share) => seen.push(share) });
  t.ok(new Set(seen).size > 2, `${seen.length} looks`);
});

t.test('worker threads do the same, and the event loop goes on', async (t) => {
  const pool = new StegoPool();
  t.teardown(() => pool.close());
  const threads: Worker[] = [];
  const keep = (thread: Worker) => void threads.push(thread);
  process.on('worker', keep);
  t.teardown(() => process.off('worker', keep));
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  const { png } = await pool.hide(cover, text, KEY);
  clearInterval(turning);
  t.ok(turns > 5, `${turns} turns of the event loop`);
  t.strictSame((await pool.reveal(png, KEY)).payload, text);
  t.strictSame(await pool.capacity(cover, 20), await measureCapacity(cover, 20));
  await t.rejects(pool.reveal(cover, KEY), { name: 'StegoError', failure: 'no_message' });
  const stopped = pool.hide(cover, text, KEY, { signal: AbortSignal.abort() });
  await t.rejects(stopped, { name: 'AbortError' });
  t.strictSame((await pool.reveal(png, KEY)).payload, text, 'the pool still works');
  for (const thread of threads) thread.emit('error', new Error('out of memory'));
  t.strictSame((await pool.reveal(png, KEY)).payload, text, 'also after an idle thread has died');
});

t.test('a pool that is closed while it opens leaves no thread behind', async (t) => {
  let threads = 0;
  const count = () => {
    threads += 1;
  };
  process.on('worker', count);
  t.teardown(() => process.off('worker', count));
  const pool = new StegoPool();
  const refused = t.rejects(pool.hide(cover, text, KEY), { message: 'the pool is closed' });
  await pool.close();
  await refused;
  await t.rejects(pool.hide(cover, text, KEY), { message: 'the pool is closed' });
  t.equal(threads, 0);
});

t.test(
  'a picture that is nearly all ring is gone through once, however many keys are tried',
  async (t) => {
    const random = randomOf(5);
    const samples = Uint16Array.from({ length: 3 * 2_000 }, () => 1 + Math.floor(250 * random()));
    let reads = 0;
    const plane = new Proxy(samples, {
      get: (target, name) => {
        reads += 1;
        return Reflect.get(target, name, target);
      },
    });
    const narrow: Picture = { width: 3, height: 2_000, depth: 8, colour: 'gray', planes: [plane] };
    const readsOf = (work: () => unknown) => {
      reads = 0;
      work();
      return reads;
    };
    const first = readsOf(() => new HeaderRing(narrow, KEY).read());
    t.ok(first < 6 * samples.length, `${first} reads for the first`);
    for (let seed = 0; seed < 5; seed++) {
      const more = readsOf(() => new HeaderRing(narrow, new Uint8Array(32).fill(seed)).read());
      t.ok(more <= 9 * 127, `${more} reads for each other: its blocks`);
    }
  },
);
