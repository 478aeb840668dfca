/** `sotto covers`: pictures that brought a message, as they were before. */
import { z } from 'zod';
import { defineCommand, usageError } from './command.ts';
import { printable, refuseExisting } from './io.ts';
import { localTime } from './local-time.ts';
import { writeStream } from './outputs.ts';
import { OPENING, withPeer } from './passing-peer.ts';
import { metered } from './progress.ts';

const coversSchema = z.object({
  covers: z.array(
    z.object({
      id: z.number(),
      from: z.string(),
      message: z.string(),
      at: z.string(),
      width: z.number(),
      height: z.number(),
      depth: z.number(),
      sha256: z.string(),
      psnr_dB: z.number().nullable(),
      size: z.number(),
      content: z.string(),
    }),
  ),
});
/** How they would come. */
const NONE = 'No covers. One comes back with each message that came in a picture.';

type Cover = z.output<typeof coversSchema>['covers'][number];

export const covers = defineCommand({
  name: 'covers',
  summary: 'List covers that came back, or write one',
  usage: ['', 'NUMBER -o FILE'],
  details: `Each picture that brought a message was turned back into its cover: every sample and every chunk.
The SHA-256 of the samples travelled inside, authenticated, and was checked. The newest 100 of each
contact are kept, and at most 256 MiB.`,
  examples: ['sotto covers', 'sotto covers 3 -o scan.png'],
  positionalsMax: 1,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'the picture to write' },
    ...OPENING,
  },
  run: async ({ values: { output, ...values }, positionals: [number], io }) => {
    if ((number === undefined) !== (output === undefined)) {
      throw usageError('covers', 'Give both, NUMBER and -o FILE');
    }
    if (number !== undefined && !/^\d{1,15}$/.test(number)) {
      throw usageError('covers', 'NUMBER is what the list shows first');
    }
    if (output !== undefined) refuseExisting(output);
    return await withPeer(values, io, async ({ peer }) => {
      if (output === undefined) {
        const list = await peer.get('/covers', coversSchema);
        if (list.covers.length === 0) io.say(NONE);
        return { data: list.covers, text: list.covers.map(line).join('\n') };
      }
      const png = metered(await peer.download('GET', `/covers/${number}`), 'writing');
      await writeStream(png, output);
      return { data: { file: output }, text: output };
    });
  },
});

function line({ id, from, at, width, height, depth, psnr_dB, sha256 }: Cover): string {
  const likeness = psnr_dB === null ? 'unchanged' : `${psnr_dB.toFixed(2)} dB`;
  return `${id}  ${localTime(at)}  ${printable(from)}  ${width} × ${height}, ${depth} bit, ${likeness}, SHA-256 ${sha256}`;
}
