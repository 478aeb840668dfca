/** `sotto cover`: a picture that belongs to nobody, to try things with. */
import { systemRandomBytes } from '../crypto/index.ts';
import { loadCoder } from '../stego/index.ts';
import { defineCommand, usageError } from './command.ts';
import { writeTogether } from './outputs.ts';
import { sharing } from './progress.ts';

export const cover = defineCommand({
  name: 'cover',
  summary: 'Make a cover: a phantom of a head, with noise',
  usage: ['-o COVER.png'],
  details: `Needs no peer. The Shepp–Logan phantom with a sensor's noise, another each time. Good for trying;
to hide in earnest take a picture of your own that nobody else has.`,
  examples: ['sotto cover -o cover.png --pixels 1024 --depth 16'],
  positionalsMax: 0,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'the picture to write' },
    pixels: { type: 'string', takes: 'NUMBER', about: 'width and height; else 512' },
    depth: { type: 'string', takes: 'BITS', about: '8 or 16; else 8' },
    force: { type: 'boolean', about: 'replace a file that is there' },
  },
  run: async ({ values: { output, pixels = '512', depth = '8', force = false } }) => {
    if (output === undefined) throw usageError('cover', 'Where to? Give -o COVER.png.');
    const size = Number(pixels);
    if (!(Number.isInteger(size) && size >= 16 && size <= 8192)) {
      throw usageError('cover', '--pixels takes 16 to 8192.');
    }
    if (depth !== '8' && depth !== '16') throw usageError('cover', '--depth takes 8 or 16.');
    const { encodePng, phantom } = await loadCoder();
    const seed = new DataView(systemRandomBytes(4).slice().buffer).getUint32(0);
    const form = { size, depth: depth === '8' ? 8 : 16, seed } as const;
    const png = await sharing(`drawing ${output}`, async (onProgress) =>
      encodePng(phantom({ ...form, onProgress }), { before: [], after: [] }),
    );
    writeTogether([{ file: output, bytes: png }], { force });
    const text = `${output}: ${size} × ${size} pixels, ${depth} bits`;
    return { data: { file: output, width: size, height: size, depth: Number(depth) }, text };
  },
});
