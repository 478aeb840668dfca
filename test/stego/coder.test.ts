/**
 * Goal: the coder loses nothing, every table can be undone, and profile integer makes the same
 * stego images everywhere.
 * Method: a twin in integers without bounds, tables of random histograms, and shared vectors.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { bytesOf, decodeBody } from '../../src/stego/body.ts';
import { fieldsOf, startStep } from '../../src/stego/coded.ts';
import { BINS, LEVELS } from '../../src/stego/context.ts';
import { embed, extract } from '../../src/stego/engine.ts';
import { StegoError } from '../../src/stego/errors.ts';
import { type Field, MARGIN } from '../../src/stego/field.ts';
import { decodeHeader, HeaderRing } from '../../src/stego/header.ts';
import {
  FROM_ABOVE,
  FROM_BELOW,
  MOVE_DOWN,
  MOVE_UP,
  Model,
  ROW,
  TABLE_SIZE,
} from '../../src/stego/model.ts';
import { copyOf, type Picture } from '../../src/stego/picture.ts';
import { ratioOf } from '../../src/stego/price.ts';
import { Rans, STATE_START, WordStack } from '../../src/stego/rans.ts';
import { rounds } from '../support/counts.ts';
import { pictureOf, recipes } from './support/pictures.ts';
import { Twin } from './support/twin.ts';
import { histogramVectors } from './support/vectors.ts';
import { restoreSlowly } from './support/whole-twin.ts';

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

t.test('extraction agrees with a twin that looks at every sample by itself', async (t) => {
  let checked = 0;
  const numRuns = rounds({ reduced: 12, full: 400 });
  fc.assert(
    fc.property(recipes, fc.nat(40), (drawn, size) => {
      const side = (length: number) => 20 + (length % 30);
      const recipe = { ...drawn, width: side(drawn.width), height: side(drawn.height) };
      const cover = pictureOf({ ...recipe, colour: 'gray' });
      const payload = Uint8Array.from({ length: size }, (_, i) => Math.imul(i + 3, 91));
      const stego = embeddedFast(cover, payload);
      if (stego === undefined) return;
      const header = decodeHeader(new HeaderRing(copyOf(stego), KEY).read());
      const [field] = fieldsOf(stego, header?.shift ?? 0);
      const [restored] = fieldsOf(extract(stego, KEY).cover, header?.shift ?? 0);
      assert(header !== undefined && field !== undefined);
      const twin = new Twin([]);
      twin.state = BigInt(header.state);
      const ratio = ratioOf(header.price);
      restoreSlowly(field, 1, ratio, twin, header.start * startStep(field, 1));
      if (!header.oneLayer) restoreSlowly(field, 0, ratio, twin, 0);
      assert.deepEqual(interiorOf(field), interiorOf(restored as Field));
      assert.equal(twin.state, BigInt(STATE_START));
      assert.deepEqual(decodeBody(bytesOf(Uint16Array.from(twin.words)), KEY)?.payload, payload);
      checked += 1;
    }),
    { numRuns, seed: rounds({ reduced: 7, full: Math.floor(Math.random() * 2 ** 31) }) },
  );
  t.ok(checked > numRuns / 6, `${checked} of ${numRuns} pictures had room`);
});

function embeddedFast(cover: Picture, payload: Uint8Array): Picture | undefined {
  try {
    return embed(cover, payload, KEY, 'fast');
  } catch (error) {
    if (error instanceof StegoError && error.failure === 'capacity') return undefined;
    throw error;
  }
}

/** What a layer may change: the ring's lowest bits differ between stego image and cover. */
function interiorOf({ samples, stride, width, height }: Field): number[] {
  return Array.from({ length: (width - 2) * (height - 2) }, (_, i) => {
    const [x, y] = [1 + (i % (width - 2)), 1 + Math.floor(i / (width - 2))];
    return samples[(y + MARGIN) * stride + MARGIN + x] ?? -1;
  });
}

// The same vectors are held against the C of the ESP32.
t.test('profile integer makes the stego images of test/vectors/histogram-shift.json', async (t) => {
  for (const { name, cover, stego, payload, key } of histogramVectors()) {
    t.strictSame(embed(cover, payload, key, 'integer'), stego, `${name}: embed`);
    t.strictSame(extract(stego, key), { payload, cover }, `${name}: extract`);
  }
});
