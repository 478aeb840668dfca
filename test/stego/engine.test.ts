/**
 * Goal: what is hidden comes back, and so does the cover, sample for sample; or nothing is made.
 * Method: properties over every kind of picture, payloads from empty to more than fits, and keys;
 * published vectors for the keystream; the header's arithmetic against its definition.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { Keystream } from '../../src/stego/chacha20.ts';
import { capacity, embed, extract, PROFILE_NAMES } from '../../src/stego/engine.ts';
import { StegoError } from '../../src/stego/errors.ts';
import { decodeHeader, encodeHeader, HeaderRing, hasPlainFrame } from '../../src/stego/header.ts';
import { carryingPlanes, copyOf, type Picture, psnr_dB } from '../../src/stego/picture.ts';
import { decodePrice, PRICE_CODES, PRICE_MAX } from '../../src/stego/price.ts';
import type { ProfileName } from '../../src/stego/profile.ts';
import { rounds } from '../support/counts.ts';
import { type Kind, pictureOf, randomOf, recipes } from './support/pictures.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const profiles = fc.constantFrom(...PROFILE_NAMES);

function bytesOf(seed: number, size: number): Uint8Array {
  const random = randomOf(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(256 * random()));
}

/** Undefined if the picture cannot hold the payload. */
function embedded(cover: Picture, payload: Uint8Array, name: ProfileName): Picture | undefined {
  try {
    return embed(cover, payload, KEY, name);
  } catch (error) {
    if (error instanceof StegoError && error.failure === 'capacity') return undefined;
    throw error;
  }
}

/** Every sample that may change at all changes by one step; 16-bit samples by at most 2^7. */
function assertSmallSteps(cover: Picture, stego: Picture): void {
  const carrying = carryingPlanes(cover).length;
  cover.planes.forEach((plane, index) => {
    const most = index >= carrying ? 0 : cover.depth === 8 ? 1 : 128;
    const worst = plane.reduce(
      (worst, sample, i) => Math.max(worst, Math.abs(sample - (stego.planes[index]?.[i] ?? -1))),
      0,
    );
    assert(worst <= most, `plane ${index} changed by ${worst}`);
  });
}

t.test('extract gives back payload and cover, or embed refuses', async (t) => {
  let hidden = 0;
  const numRuns = rounds({ reduced: 80, full: 5000 });
  fc.assert(
    fc.property(recipes, fc.nat(120), profiles, (recipe, size, name) => {
      const cover = pictureOf(recipe);
      const before = copyOf(cover);
      const payload = bytesOf(recipe.seed, size);
      const stego = embedded(cover, payload, name);
      assert.deepEqual(cover, before, 'the cover given is left alone');
      if (stego === undefined) return;
      hidden += 1;
      const found = extract(stego, KEY);
      assert.deepEqual(found.payload, payload);
      assert.deepEqual(found.cover, cover);
      assertSmallSteps(cover, stego);
    }),
    { numRuns },
  );
  t.ok(hidden > numRuns / 8, `${hidden} of ${numRuns} pictures had room`);
});

t.test('payloads up to capacity, and one beyond', async (t) => {
  for (const kind of ['photograph', 'gradient', 'saturated', 'text'] as const) {
    const recipe = { width: 70, height: 64, depth: 8, colour: 'gray', kind, seed: 5 } as const;
    const cover = pictureOf(recipe);
    let [fits, fails] = [0, 2000];
    while (fails - fits > 1) {
      const size = (fits + fails) >> 1;
      const payload = bytesOf(size, size);
      const stego = embedded(cover, payload, 'fast');
      if (stego === undefined) fails = size;
      else {
        fits = size;
        const found = extract(stego, KEY);
        t.strictSame(found, { payload, cover }, `${kind}: ${size} bytes`);
      }
    }
    t.ok(fits > 20, `${kind} holds ${fits} bytes`);
  }
});

// Where the first layer takes all, the last stops before it began; 66 × 66 divides it evenly.
t.test('a message may end in the first layer', async (t) => {
  const recipe = {
    width: 66,
    height: 66,
    depth: 8,
    colour: 'gray',
    kind: 'flat',
    seed: 0,
  } as const;
  const cover = pictureOf(recipe);
  for (let size = 0; size < 12; size++) {
    const payload = bytesOf(size, size);
    t.strictSame(extract(embed(cover, payload, KEY, 'fast'), KEY), { payload, cover });
  }
});

t.test('a short message leaves every second sample alone, a longer one does not', async (t) => {
  const recipe = {
    ...({ width: 90, height: 80, depth: 8, colour: 'rgb', kind: 'photograph', seed: 8 } as const),
  };
  const cover = pictureOf(recipe);
  for (const [size, oneLayer] of [
    [16, true],
    [300, false],
  ] as const) {
    const payload = bytesOf(size, size);
    const stego = embed(cover, payload, KEY, 'fast');
    t.equal(decodeHeader(new HeaderRing(stego, KEY).read())?.oneLayer, oneLayer);
    t.strictSame(extract(stego, KEY), { payload, cover });
    const changed = cover.planes.flatMap((plane, c) =>
      Array.from(plane.keys()).filter((i) => plane[i] !== stego.planes[c]?.[i]),
    );
    const inside = changed
      .map((i) => [i % 90, Math.floor(i / 90)] as const)
      .filter(([x, y]) => x > 0 && x < 89 && y > 0 && y < 79);
    const even = inside.filter(([x, y]) => (x + y) % 2 === 0).length;
    t.ok(oneLayer ? even === 0 : even > 100, `${even} samples of the first layers changed`);
  }
});

t.test(
  'a short message in max leaves three samples of four alone, where that is cheap',
  async (t) => {
    const recipe = {
      width: 90,
      height: 80,
      depth: 8,
      colour: 'rgb',
      kind: 'flat',
      seed: 8,
    } as const;
    const cover = pictureOf(recipe);
    const payload = bytesOf(16, 16);
    const stego = embed(cover, payload, KEY, 'max');
    t.equal(decodeHeader(new HeaderRing(stego, KEY).read())?.oneLayer, true);
    t.strictSame(extract(stego, KEY), { payload, cover });
    const layers = cover.planes.flatMap((plane, c) =>
      Array.from(plane.keys())
        .filter((i) => plane[i] !== stego.planes[c]?.[i])
        .map((i) => [i % 90, Math.floor(i / 90)] as const)
        .filter(([x, y]) => x > 0 && x < 89 && y > 0 && y < 79)
        .map(([x, y]) => `${x % 2} ${y % 2}`),
    );
    t.strictSame([...new Set(layers)], ['0 1'], `${layers.length} samples changed`);
  },
);

// In small pictures layers differ in size, and one alone may not hold what it promised.
t.test('a small picture holds what its capacity says', async () => {
  for (const name of PROFILE_NAMES) {
    for (const kind of ['flat', 'text', 'gradient'] as const) {
      for (const [width, height] of [
        [5, 20],
        [11, 80],
        [19, 18],
      ] as const) {
        const cover = pictureOf({ width, height, depth: 8, colour: 'rgb', kind, seed: width });
        const size = capacity(cover, name);
        if (size === 0) continue;
        const payload = bytesOf(height, size);
        assert.deepEqual(extract(embed(cover, payload, KEY, name), KEY), { payload, cover });
      }
    }
  }
});

t.test('other keys read the same kind of noise from a stego image as from its cover', async (t) => {
  const cover = pictureOf({
    ...({ width: 90, height: 80, depth: 8, colour: 'gray', kind: 'photograph', seed: 3 } as const),
  });
  const stego = embed(cover, bytesOf(5, 60), KEY, 'fast');
  const numKeys = rounds({ reduced: 600, full: 20_000 });
  const [ofCover, ofStego] = [cover, stego].map((picture) => {
    let [headers, bits] = [0, 0];
    for (let i = 0; i < numKeys; i++) {
      const read = new HeaderRing(copyOf(picture), bytesOf(1000 + i, 32)).read();
      if (decodeHeader(read) !== undefined) headers += 1;
      for (const byte of read) for (let b = 0; b < 8; b++) bits += (byte >> b) & 1;
    }
    return [headers / numKeys, bits / numKeys / 63] as const;
  }) as [readonly [number, number], readonly [number, number]];
  for (const [label, [headers, bits]] of [
    ['cover', ofCover],
    ['stego image', ofStego],
  ] as const) {
    // Three profiles of four, three zero bits.
    t.ok(Math.abs(headers - 3 / 32) < 0.05, `${label}: ${headers} of the keys find a header`);
    t.ok(Math.abs(bits - 0.5) < 0.02, `${label}: ${bits} of the bits are set`);
  }
});

// The start of the last layer has ten bits: sizes that divide evenly once went one beyond them.
t.test('wherever the last layer ends, its start fits the header', async () => {
  const shapes = fc.record({
    width: fc.integer({ min: 20, max: 140 }),
    height: fc.integer({ min: 20, max: 140 }),
    kind: fc.constantFrom<Kind>('flat', 'gradient', 'photograph'),
    seed: fc.nat(1e6),
  });
  fc.assert(
    fc.property(shapes, fc.nat(60), profiles, (shape, size, name) => {
      const cover = pictureOf({ ...shape, depth: 8, colour: 'gray' });
      const payload = bytesOf(shape.seed, size);
      const stego = embedded(cover, payload, name);
      if (stego === undefined) return;
      const found = extract(stego, KEY);
      assert.deepEqual(found.payload, payload);
      assert.deepEqual(found.cover, cover);
    }),
    { numRuns: rounds({ reduced: 15, full: 20_000 }) },
  );
});

t.test('one price over all colours beats three gray pictures', async (t) => {
  const shape = { width: 120, height: 110, depth: 8, kind: 'photograph', seed: 6 } as const;
  const cover = pictureOf({ ...shape, colour: 'rgb' });
  // A quiet, a middling and a loud colour, as sensors have them.
  const random = randomOf(11);
  const planes = cover.planes.map((plane, c) =>
    plane.map((sample) => Math.min(250, Math.max(5, sample + (random() - 0.5) * 6 * c))),
  );
  const loud = { ...cover, planes };
  const together = embed(loud, bytesOf(1, 150), KEY, 'fast');
  const apart = planes.map(
    (plane) =>
      embed({ ...loud, colour: 'gray', planes: [plane] }, bytesOf(1, 50), KEY, 'fast').planes[0],
  ) as Uint16Array[];
  const [one, three] = [psnr_dB(loud, together), psnr_dB(loud, { ...loud, planes: apart })];
  t.ok(one > three, `${one.toFixed(2)} dB together, ${three.toFixed(2)} dB apart`);
});

t.test('without the key nothing is found, in stego image and cover alike', async () => {
  const numRuns = rounds({ reduced: 40, full: 2000 });
  fc.assert(
    fc.property(recipes, fc.uint8Array({ minLength: 32, maxLength: 32 }), (recipe, other) => {
      const cover = pictureOf(recipe);
      const stego = embedded(cover, bytesOf(3, 20), 'fast');
      for (const picture of [cover, stego ?? cover]) {
        assert.throws(() => extract(picture, other), { failure: 'no_message' });
      }
    }),
    { numRuns },
  );
});

// On the ring lies the coder's state, which may hold bits of the payload as they are: only the tag
// judges those, in message.test.ts.
t.test('any changed sample inside ends in a refusal or in the truth', async () => {
  const recipe = { width: 48, height: 48, depth: 8, colour: 'gray', kind: 'photograph', seed: 2 };
  const cover = pictureOf(recipe as Parameters<typeof pictureOf>[0]);
  const payload = bytesOf(4, 40);
  const stego = embed(cover, payload, KEY, 'fast');
  let accepted = 0;
  const numRuns = rounds({ reduced: 200, full: 5000 });
  fc.assert(
    fc.property(fc.nat(45), fc.nat(45), fc.integer({ min: -3, max: 3 }), (x, y, by) => {
      const damaged = copyOf(stego);
      const at = (1 + y) * 48 + 1 + x;
      const plane = damaged.planes[0] as Uint16Array;
      plane[at] = Math.min(255, Math.max(0, (plane[at] ?? 0) + by));
      try {
        const found = extract(damaged, KEY);
        if (Buffer.compare(found.payload, payload) !== 0) accepted += 1;
      } catch (error) {
        assert(error instanceof StegoError);
      }
    }),
    { numRuns },
  );
  // The coder's own check has 16 bits; the payload's authentication sees to the rest.
  t.ok(accepted <= 1 + numRuns / 1000, `${accepted} wrong payloads passed the coder`);
});

t.test('ChaCha20 agrees with RFC 8439 §2.3.2', async (t) => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const stream = new Keystream(key, '\0\0\0\x09\0\0\0J');
  const expected =
    '10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e' +
    'd2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e';
  t.equal(Buffer.from(stream.bytes(64, 64)).toString('hex'), expected);
  t.equal(stream.wordAt(33), 0xe4e7, 'words are little-endian');
});

t.test('a header is at most 63 bits and one changed sample a block', async () => {
  const common = {
    shift: fc.nat(7),
    oneLayer: fc.boolean(),
    state: fc.integer({ min: 0x10000, max: 2 ** 32 - 1 }),
  };
  const coded = fc.record({
    ...common,
    profile: fc.nat(1),
    price: fc.nat(PRICE_CODES - 1).map(decodePrice),
    start: fc.nat(63),
    easing: fc.nat(127),
  });
  const shifted = fc.record({
    ...common,
    profile: fc.constant(2),
    price: fc.nat(PRICE_MAX),
    start: fc.nat(1023),
    easing: fc.constant(0),
  });
  const headers = fc.oneof(coded, shifted);
  fc.assert(
    fc.property(headers, recipes, (header, recipe) => {
      assert.deepEqual(decodeHeader(encodeHeader(header)), { ...header });
      const picture = pictureOf({ ...recipe, width: recipe.width + 30, height: 40 });
      const before = copyOf(picture);
      const ring = new HeaderRing(picture, KEY);
      const original = ring.read();
      ring.write(encodeHeader(header));
      assert.deepEqual(new HeaderRing(picture, KEY).read(), encodeHeader(header));
      ring.write(original);
      assert.deepEqual(picture, before);
    }),
    { numRuns: rounds({ reduced: 50, full: 2000 }) },
  );
});

/** Of three colours, 90 × 80; its outermost samples of one, but for some noise along the top. */
function framed(seed: number, depth: 8 | 16, frame: number, rough: number): Picture {
  const shape = { width: 90, height: 80, depth, colour: 'rgb', kind: 'photograph', seed } as const;
  const picture = pictureOf(shape);
  const random = randomOf(seed);
  for (const plane of picture.planes) {
    for (const [i, sample] of plane.entries()) {
      const [x, y] = [i % 90, Math.floor(i / 90)];
      // With so little noise all profiles find room in 16 bits, too.
      plane[i] = 5000 / 2 ** (16 - depth) + (sample % 4);
      if (x > 0 && y > 0 && x < 89 && y < 79) continue;
      const isRough = y === 0 && x > 20 && x <= 20 + rough;
      plane[i] = isRough ? 90 + Math.floor(20 * random()) : Math.min(frame, 2 ** depth - 1);
    }
  }
  return picture;
}

const frames = fc.constantFrom(0, 100, 0xffff);

t.test('a frame of one colour stays so, if a little of it is rough', async () => {
  const depths = fc.constantFrom(8 as const, 16 as const);
  fc.assert(
    fc.property(fc.nat(1e6), depths, frames, profiles, (seed, depth, frame, name) => {
      const cover = framed(seed, depth, frame, 40);
      assert(!hasPlainFrame(cover));
      const payload = bytesOf(seed, 20);
      const stego = embed(cover, payload, KEY, name);
      assert.deepEqual(extract(stego, KEY), { payload, cover });
      cover.planes.forEach((plane, c) => {
        for (const [i, sample] of plane.entries()) {
          const [x, y] = [i % 90, Math.floor(i / 90)];
          const isFrame = y === 79 || x === 0 || x === 89 || (y === 0 && (x < 20 || x > 61));
          if (isFrame) assert.equal(stego.planes[c]?.[i], sample, `${x}, ${y}`);
        }
      });
    }),
    { numRuns: rounds({ reduced: 12, full: 1000 }) },
  );
});

t.test('a frame of one colour alone carries the header, and is told', async () => {
  fc.assert(
    fc.property(fc.nat(1e6), frames, profiles, (seed, frame, name) => {
      // Of three colours: on both sides of 63 samples.
      for (const rough of [0, 10, 40]) {
        const cover = framed(seed, 8, frame, rough);
        const payload = bytesOf(seed, 20);
        const stego = embed(cover, payload, KEY, name);
        assert.deepEqual(extract(stego, KEY), { payload, cover });
        assert.equal(hasPlainFrame(cover), rough < 40);
        assert.equal(hasPlainFrame(stego), rough < 40);
      }
    }),
    { numRuns: rounds({ reduced: 4, full: 500 }) },
  );
});
