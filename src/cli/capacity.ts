/** `sotto capacity`: what a picture can hold, before anything is hidden. */
import { findDataFolder } from '../config.ts';
import { StegoPool, SUSPICIOUS_BITS_A_SAMPLE } from '../stego/index.ts';
import { UsedCovers } from '../used-covers.ts';
import { defineCommand, usageError } from './command.ts';
import { EXIT } from './errors.ts';
import { readWhole } from './pictures.ts';
import { bitsPerSample, profileOf, quietBytes, type Room, roomIn } from './room.ts';

export const capacity = defineCommand({
  name: 'capacity',
  summary: 'Tell what a PNG can hold, and how it would look',
  usage: ['COVER.png', 'COVER.png --size BYTES', 'COVER1.png COVER2.png [--size BYTES]'],
  details: `Needs no peer. The bytes are exact: \`sotto hide\` takes a file of so many, whatever is in it, and
refuses one of one byte more. A forecast of the likeness in decibels goes with them: for --size, or
for what stays below 0.02 bits a sample. What does not fit ends with exit code 6, and with the
number of pixels that would be needed. Of several covers it tells what they hold together.`,
  examples: ['sotto capacity scan.png', 'sotto capacity scan.png --size 20000 --json'],
  positionalsMax: 255,
  options: {
    size: { type: 'string', takes: 'BYTES', about: 'of the file that is to be hidden' },
    profile: { type: 'string', takes: 'NAME', about: 'fast, max, integer; else auto, by forecast' },
  },
  run: async ({ values, positionals: files }) => {
    if (files.length === 0) throw usageError('capacity', 'Which picture?');
    const size = values.size === undefined ? undefined : sizeOf(values.size);
    const profile = profileOf('capacity', values.profile);
    const usedCovers = new UsedCovers(findDataFolder(values['data-dir']));
    const pool = new StegoPool();
    const rooms: CoverRoom[] = [];
    try {
      for (const file of files) {
        const forecastFor = files.length > 1 ? undefined : (size ?? 'quiet');
        const room = await roomIn(file, readWhole(file), forecastFor, profile, pool);
        rooms.push({ file, ...room, used: usedCovers.has(room.coverSha256) });
      }
    } finally {
      await pool.close();
    }
    return rooms.length === 1 ? ofOne(rooms[0] as CoverRoom, size) : ofAll(rooms, size);
  },
});

interface CoverRoom extends Room {
  readonly file: string;
  readonly used: boolean;
}

function sizeOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError('capacity', '--size takes a number of bytes.');
}

function ofOne(room: CoverRoom, size: number | undefined) {
  const fits = size === undefined || (size <= room.bytes && !room.holdsNothing);
  const quiet = quietBytes(room);
  const rate = fits && size !== undefined ? bitsPerSample(size, room) : undefined;
  const lines = [summaryOf(room), ...room.warnings];
  const likeness = room.psnr_dB === undefined ? '' : `, about ${room.psnr_dB.toFixed(1)} dB`;
  if (size === undefined || !fits || (rate ?? 0) > SUSPICIOUS_BITS_A_SAMPLE) {
    lines.push(quietOf(quiet, size === undefined ? likeness : ''));
  }
  if (rate !== undefined) lines.push(`${size} bytes: ${rate.toFixed(4)} bits a sample${likeness}`);
  if (!fits) lines.push(whatWouldDo(size ?? 0, room));
  const data = { ...room, quietBytes: quiet, ...(rate !== undefined && { bitsPerSample: rate }) };
  return { data, text: lines.join('\n'), exitCode: fits ? EXIT.done : EXIT.noRoom };
}

function quietOf(bytes: number, likeness: string): string {
  const rate = `${SUSPICIOUS_BITS_A_SAMPLE} bits a sample`;
  if (bytes === 0) return `nothing stays below ${rate} in it`;
  return `up to ${bytes} bytes stay below ${rate}${likeness}`;
}

function summaryOf({ file, bytes, holdsNothing, profile, used }: CoverRoom): string {
  const before = used ? '; it was used before, two pictures of one cover betray both' : '';
  const held = holdsNothing ? 'nothing fits' : `${bytes} bytes fit and not one more`;
  return `${file}: ${held} (profile ${profile})${before}`;
}

function whatWouldDo(size: number, { pixelsNeeded, holdsNothing }: CoverRoom): string {
  if (pixelsNeeded === undefined) {
    return holdsNothing ? 'it is too small or too noisy: take another' : `${size} bytes do not fit`;
  }
  const side = Math.ceil(Math.sqrt(pixelsNeeded));
  return `${size} bytes need a picture like this of some ${side} × ${side} pixels`;
}

function ofAll(rooms: readonly CoverRoom[], size: number | undefined) {
  // One that is given twice, under whatever name, is used once.
  const once = new Map(rooms.map((room) => [room.coverSha256, room]));
  const bytes = [...once.values()].reduce((sum, room) => sum + room.bytes, 0);
  const empty = rooms.find(({ holdsNothing }) => holdsNothing);
  const fits =
    size === undefined || (size <= bytes && empty === undefined && once.size === rooms.length);
  const told = rooms.flatMap((room) => [summaryOf(room), ...room.warnings]);
  const lines = [...told, `together: ${bytes} bytes fit and not one more`];
  if (empty !== undefined) lines.push(`${empty.file} holds nothing: leave it out`);
  else if (once.size < rooms.length) lines.push('one of them is given twice: leave it out');
  else if (!fits) lines.push(`${size} bytes do not fit: add covers`);
  const data = { bytes, covers: rooms };
  return { data, text: lines.join('\n'), exitCode: fits ? EXIT.done : EXIT.noRoom };
}
