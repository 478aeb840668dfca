/**
 * What stands in a picture's samples. Only a tag at the very end says whether it was made with the
 * key: until then header and layers are whatever a contact, or who knows a passphrase, has put there.
 */
import assert from 'node:assert/strict';
import { embed, extract } from '../src/stego/engine.ts';
import { StegoError } from '../src/stego/errors.ts';
import { HeaderRing } from '../src/stego/header.ts';
import { phantom } from '../src/stego/phantom.ts';
import { copyOf, type Picture } from '../src/stego/picture.ts';
import type { Target } from './fuzzer.ts';

const KEY = new Uint8Array(32).fill(5);
const SIZE = 40;
const HEADER_SIZE = 8;
const PAYLOAD = new Uint8Array(24).fill(0x5a);

/** By each profile, in both depths, in one plane and in several. */
function made(): readonly Picture[] {
  return ([8, 16] as const).flatMap((depth) => {
    const gray = phantom({ size: SIZE, depth, seed: 1 });
    const others = [2, 3].flatMap((seed) => phantom({ size: SIZE, depth, seed }).planes);
    const rgb: Picture = { ...gray, colour: 'rgb', planes: [...gray.planes, ...others] };
    return [gray, rgb].flatMap((cover) =>
      (['integer', 'fast', 'max'] as const).flatMap((name) => {
        try {
          return [embed(copyOf(cover), PAYLOAD, KEY, name)];
        } catch (error) {
          if (error instanceof StegoError) return [];
          throw error;
        }
      }),
    );
  });
}

let pictures: readonly Picture[] | undefined;

/** Which picture; what is changed of its header's bits; then of each sample, with a step between. */
export const inPictures: Target = {
  name: 'pictures',
  watched:
    /\/src\/stego\/(engine|header|layer|coded|coder|rans|shifted|shift-layer|shift-model|body|scan|field|message)\.ts$/,
  seeds: () => {
    pictures ??= made();
    return [...pictures.keys()].map((at) => Uint8Array.of(at, ...new Uint8Array(HEADER_SIZE), 1));
  },
  run(bytes) {
    pictures ??= made();
    const [which = 0] = bytes;
    const original = pictures[which % pictures.length];
    assert.ok(original);
    const picture = copyOf(original);
    const step = 1 + (bytes[1 + HEADER_SIZE] ?? 0);
    const samples = picture.planes.length * SIZE * SIZE;
    for (const [at, byte] of bytes.subarray(2 + HEADER_SIZE).entries()) {
      const place = (at * step) % samples;
      const plane = picture.planes[Math.floor(place / (SIZE * SIZE))];
      const index = place % (SIZE * SIZE);
      if (plane !== undefined) plane[index] = (plane[index] ?? 0) ^ byte;
    }
    const ring = new HeaderRing(picture, KEY);
    ring.write(
      ring.read().map((byte, at) => byte ^ ((bytes[1 + at] ?? 0) & (at === 7 ? 0x7f : 0xff))),
    );
    try {
      const { payload, cover } = extract(picture, KEY);
      assert.ok(payload.length < samples, 'more than a picture holds');
      const max = 2 ** cover.depth - 1;
      for (const plane of cover.planes)
        assert.ok(
          plane.every((sample) => sample <= max),
          'a sample',
        );
    } catch (error) {
      if (!(error instanceof StegoError)) throw error;
    }
  },
};
