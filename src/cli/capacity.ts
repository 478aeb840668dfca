/** `sotto capacity`: what a picture can hold, before anything is hidden. */
import { defineCommand, usageError } from './command.ts';
import { profileOf, roomIn } from './hide.ts';
import * as pictures from './pictures.ts';

export const capacity = defineCommand({
  name: 'capacity',
  summary: 'Tell what a PNG can hold, and how it would look',
  usage: ['COVER.png', 'COVER.png --size BYTES'],
  details: `Needs no peer. The bytes are what \`sotto hide\` will take, all of its own deducted. With --size
it forecasts the likeness in decibels, or the number of pixels that would be needed.`,
  examples: ['sotto capacity scan.png --size 20000 --json'],
  positionalsMax: 1,
  options: {
    size: { type: 'string', takes: 'BYTES', about: 'of the file that is to be hidden' },
    profile: { type: 'string', takes: 'NAME', about: 'fast, max, integer; else auto, by size' },
  },
  run: async ({ values, positionals: [file] }) => {
    if (file === undefined) throw usageError('capacity', 'Which picture?');
    const size = values.size === undefined ? undefined : Number(values.size);
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
      throw usageError('capacity', '--size takes a number of bytes.');
    }
    const profile = profileOf('capacity', values.profile);
    const png = pictures.readWhole(file);
    const room = await pictures.explaining(file, () => roomIn(png, size, profile));
    const lines = [`${file}: ${room.bytes} bytes fit (profile ${room.profile})`];
    if (room.psnr_dB !== undefined)
      lines.push(`${size} bytes: about ${room.psnr_dB.toFixed(1)} dB`);
    if (room.pixelsNeeded !== undefined) {
      const side = Math.ceil(Math.sqrt(room.pixelsNeeded));
      lines.push(`${size} bytes need a picture like this of some ${side} × ${side} pixels`);
    }
    return { data: room, text: lines.join('\n') };
  },
});
