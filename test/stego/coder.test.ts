/**
 * Goal: the coder loses nothing, every table can be undone, prices are found and told, and profile integer makes the same
 * stego images everywhere.
 * Method: a twin in integers without bounds, an oracle in plain code that is written from the page
 * alone, tables of random histograms, and shared vectors.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { BINS, LEVELS } from '../../src/stego/context.ts';
import { bestEasing } from '../../src/stego/ending.ts';
import { capacity, embed, extract, PROFILE_NAMES } from '../../src/stego/engine.ts';
import { StegoError } from '../../src/stego/errors.ts';
import { EASINGS } from '../../src/stego/header.ts';
import {
  FROM_ABOVE,
  FROM_BELOW,
  MOVE_DOWN,
  MOVE_UP,
  Model,
  ROW,
  TABLE_SIZE,
} from '../../src/stego/model.ts';
import type { Picture } from '../../src/stego/picture.ts';
import { decodePrice, encodePrice, findPrice, PRICE_MAX, ratioOf } from '../../src/stego/price.ts';
import type { ProfileName } from '../../src/stego/profile.ts';
import { Rans, STATE_START, WordStack } from '../../src/stego/rans.ts';
import { repeatable, rounds } from '../support/counts.ts';
import { embedSlowly, extractSlowly, lookAt } from './support/oracle.ts';
import { pictureOf, randomOf, recipes } from './support/pictures.ts';
import { Twin } from './support/twin.ts';
import { histogramVectors } from './support/vectors.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => 5 * i + 2);

t.test('the coder agrees with a twin that never forgets a bit', async () => {
  const choice = fc.record({ border: fc.integer({ min: 1, max: 16383 }), back: fc.boolean() });
  const words = fc.array(fc.nat(0xffff), { minLength: 60, maxLength: 80 });
  fc.assert(
    fc.property(words, fc.array(choice, { maxLength: 60 }), (words, choices) => {
      const rans = new Rans(STATE_START, new WordStack(Uint16Array.from(words), () => 0));
      const twin = new Twin(words);
      for (const { border, back } of choices) {
        const low = rans.slot() < border;
        assert.equal(twin.slot() < BigInt(border), low);
        const [start, size] = low ? [0, border] : [border, 16384 - border];
        rans.choose(start, size);
        twin.choose(BigInt(start), BigInt(size));
        if (back) {
          rans.absorb(16384 - size, size);
          twin.absorb(BigInt(16384 - size), BigInt(size));
        }
        assert.equal(BigInt(rans.state), twin.state);
        assert.deepEqual([...rans.stack.words()], twin.words);
      }
    }),
    { numRuns: rounds({ reduced: 200, full: 20000 }) },
  );
});

t.test('choose and absorb undo each other', async () => {
  const borders = fc.array(fc.integer({ min: 1, max: 16382 }), { maxLength: 200 });
  fc.assert(
    fc.property(borders, (borders) => {
      const rans = new Rans(STATE_START, new WordStack(new Uint16Array(0), (i) => i & 0xffff));
      const symbols = borders.map((border) => {
        const low = rans.slot() < border;
        rans.choose(low ? 0 : border, low ? border : 16384 - border);
        return low;
      });
      for (const [i, border] of [...borders.entries()].reverse()) {
        rans.absorb(symbols[i] ? 0 : border, symbols[i] ? border : 16384 - border);
      }
      assert.equal(rans.state, STATE_START);
      assert.equal(rans.stack.size, rans.stack.borrowed, 'padding came back as words');
    }),
  );
});

t.test('whatever a table can do it can undo', async () => {
  const counts = fc.array(fc.nat(2000), { minLength: BINS, maxLength: BINS });
  fc.assert(
    fc.property(counts, fc.nat(2600), fc.nat(LEVELS - 1), (counts, price, level) => {
      const total = counts.reduce((sum, count) => sum + count + 1, 0);
      const prior = Float64Array.from({ length: LEVELS * BINS }, (_, i) => {
        return ((counts[i % BINS] ?? 0) + 1) / total;
      });
      const model = new Model(prior, ratioOf(price));
      const table = new Uint16Array(TABLE_SIZE);
      model.refresh(level);
      model.writeTable(level, table, 0);
      const at = (bin: number, column: number) => table[bin * ROW + column] ?? 0;
      for (let bin = 0; bin < BINS; bin++) {
        assert(at(bin, MOVE_DOWN) + at(bin, MOVE_UP) < 16384);
        assert(at(bin, FROM_BELOW) + at(bin, FROM_ABOVE) < 16384);
        assert.equal(at(bin, MOVE_UP) > 0, at(bin + 1, FROM_BELOW) > 0, `up from ${bin}`);
        assert.equal(at(bin + 1, MOVE_DOWN) > 0, at(bin, FROM_ABOVE) > 0, `down to ${bin}`);
      }
    }),
    { numRuns: rounds({ reduced: 150, full: 5000 }) },
  );
});

t.test('both ways agree with an oracle that is written from docs/STEGO.md', async (t) => {
  const checked = { fast: 0, max: 0, integer: 0 };
  const draws = repeatable({ reduced: 18, full: 600 });
  const seeds = fc.sample(fc.tuple(recipes, fc.nat(12)), draws);
  for (const [index, [drawn, size]] of seeds.entries()) {
    const side = (length: number) => 20 + (length % 16);
    const cover = pictureOf({ ...drawn, width: side(drawn.width), height: side(drawn.height) });
    const payload = Uint8Array.from({ length: size }, (_, i) => Math.imul(i + 3, 91));
    const name = PROFILE_NAMES[index % 3] ?? 'fast';
    const stego = embedded(cover, payload, name);
    if (stego === undefined) continue;
    const told = `${name} ${JSON.stringify(drawn)}, ${size} bytes`;
    assert.deepEqual(extractSlowly(stego, KEY), { payload, cover }, `extract, ${told}`);
    const { start, state, ...choice } = lookAt(stego, KEY);
    assert.equal(choice.profile, name);
    assert.deepEqual(embedSlowly(cover, payload, KEY, choice), stego, `embed, ${told}`);
    checked[name] += 1;
  }
  for (const [name, count] of Object.entries(checked)) {
    t.ok(count >= draws.numRuns / 12, `${name}: ${count} pictures had room`);
  }
});

function embedded(cover: Picture, payload: Uint8Array, name: ProfileName): Picture | undefined {
  try {
    return embed(cover, payload, KEY, name);
  } catch (error) {
    if (error instanceof StegoError && error.failure === 'capacity') return undefined;
    throw error;
  }
}

t.test('fast and max tell each price within a 128th, and in order', async () => {
  for (let price = 0, below = 0; price <= PRICE_MAX; price++) {
    const near = decodePrice(encodePrice(price));
    assert.equal(encodePrice(near), encodePrice(price));
    assert(near >= below && Math.abs(near - price) <= price / 128, `${price} is told as ${near}`);
    below = near;
  }
});

t.test(
  'of the prices tried for the last layers the one counts that holds all with the fewest changes',
  async () => {
    // How far from the middle it lies, and how steeply what is held rises, differs with the picture.
    const layers = fc.record({
      least: fc.integer({ min: 0, max: EASINGS + 3 }),
      growth: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
      beside: fc.constantFrom(-2, 1, 200),
    });
    fc.assert(
      fc.property(layers, ({ least, growth, beside }) => {
        const tried: number[] = [];
        const lucky = least + beside;
        const found = bestEasing((easing) => {
          assert(easing >= 0 && easing < EASINGS && !tried.includes(easing), `${easing}`);
          tried.push(easing);
          if (easing === lucky) return { excess: 0, changes: 1 };
          return { excess: growth * (easing - least), changes: 1000 + easing };
        });
        const best = tried.includes(lucky) ? lucky : Math.min(EASINGS - 1, least);
        assert.equal(found, best, `${tried}`);
        assert(tried.length < 16, `${tried}`);
      }),
      { numRuns: rounds({ reduced: 500, full: 20_000 }) },
    );
  },
);

t.test('prices rise from 1 by squares, and the search finds the last that holds', async (t) => {
  t.equal(ratioOf(0), 1);
  t.equal(ratioOf(1024), 2);
  t.ok(Math.abs(ratioOf(512) - 2 ** 0.25) < 1e-12);
  const bitsAt = (price: number) => 1e6 / (1 + price);
  const found = findPrice(bitsAt, 5000) ?? 0;
  t.ok(bitsAt(found) >= 5000 && bitsAt(found + 2) < 5000, `${found}`);
  t.equal(findPrice(bitsAt, 2e6), undefined);
  t.ok((findPrice(() => 1e6, 1) ?? 0) > 0.99 * PRICE_MAX, 'room for all: the highest price');
});

// Of such pictures the first layer of a plane says nothing about the others.
t.test(
  'a mosaic of colours, and noise in every second row, hold what their capacity says',
  async (t) => {
    const [width, height] = [72, 60];
    const random = randomOf(5);
    const mosaic = (x: number, y: number) => 60 + 70 * (x & 1) + 90 * (y & 1) + 4 * random();
    const noisy = (x: number, y: number) =>
      (x & y & 1 ? 256 : 2) * random() + 100 * (1 - (x & y & 1));
    for (const sample of [mosaic, noisy]) {
      const plane = Uint16Array.from({ length: width * height }, (_, i) =>
        sample(i % width, Math.floor(i / width)),
      );
      const cover = { width, height, depth: 8, colour: 'gray', planes: [plane] } as const;
      for (const name of ['fast', 'max'] as const) {
        const most = capacity(cover, name);
        if (most === 0) continue;
        t.ok(most > 50, `${name}: ${most} bytes`);
        for (const size of [20, most]) {
          const payload = Uint8Array.from({ length: size }, (_, i) => Math.imul(i + 3, 91));
          assert.deepEqual(extract(embed(cover, payload, KEY, name), KEY), { payload, cover });
        }
      }
    }
  },
);

// The same vectors are held against the C of the ESP32.
t.test('profile integer makes the stego images of test/vectors/histogram-shift.json', async (t) => {
  for (const { name, cover, stego, payload, key } of histogramVectors()) {
    t.strictSame(embed(cover, payload, key, 'integer'), stego, `${name}: embed`);
    t.strictSame(extract(stego, key), { payload, cover }, `${name}: extract`);
  }
});
