/** `sotto hide`: a file into one picture, or into several in order. */
import { extname } from 'node:path';
import { concat } from '../bytes.ts';
import { findDataFolder } from '../config.ts';
import { openssl, systemRandomBytes } from '../crypto/index.ts';
import { type Hidden, type Look, type ProfileChoice, StegoPool } from '../stego/index.ts';
import { UsedCovers } from '../used-covers.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';
import { checkOutputs, type Output, writeTogether } from './outputs.ts';
import { PASSPHRASE_OPTIONS, readPassphrase } from './passphrases.ts';
import * as pictures from './pictures.ts';
import { sharing } from './progress.ts';
import { PART_HEADER_SIZE, profileOf, roomIn } from './room.ts';

const COVERS_MAX = 255;
/** More than 255 pictures of the largest kind hold. */
const FILE_SIZE_MAX = 2 ** 28;

export const hide = defineCommand({
  name: 'hide',
  summary: 'Hide a file in a PNG, which can be had back',
  usage: ['COVER.png FILE -o OUT.png', 'COVER1.png COVER2.png FILE -o OUT.png'],
  details: `Needs no peer. Several covers share one file; OUT-1.png, OUT-2.png … are written, and all are
needed. It hides what is said, not for sure that something is: whoever has the cover sees the
difference, and a trained program may; above 0.02 bits a sample you are warned. Any re-encoding, a
JPEG, a smaller copy, a messenger's upload of OUT.png, destroys message and cover.

Never use a cover twice: two pictures made of one, compared, show both. Used covers are noted in the
data folder, as those of the peer there are, and refused, unless forced; so are pictures that were
made of one. FILE - reads stdin, -o - writes to stdout.`,
  examples: [
    'sotto hide scan.png report.pdf -o innocent.png --passphrase-file words.txt',
    'sotto hide a.png b.png film.mp4 -o share.png --profile fast --passphrase-file words.txt',
    'sotto hide scan.png report.pdf -o innocent.png --report what-changed.png',
  ],
  positionalsMax: COVERS_MAX + 1,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'the picture to write' },
    ...PASSPHRASE_OPTIONS,
    profile: { type: 'string', takes: 'NAME', about: 'fast, max, integer; else auto, by size' },
    report: {
      type: 'string',
      takes: 'FILE',
      about: 'draw for a person what changed; one picture a cover',
    },
    force: { type: 'boolean', about: 'use a cover again, and replace OUT.png' },
  },
  run: async ({ values, positionals, io }) => {
    const [names, file] = [positionals.slice(0, -1), positionals.at(-1)];
    const { output, report, force = false } = values;
    if (file === undefined || names.length === 0) throw usageError('hide', 'Give COVER and FILE.');
    if (output === undefined) throw usageError('hide', 'Where to? Give -o OUT.png.');
    const profile = profileOf('hide', values.profile);
    const places = outputsOf(output, report, names.length);
    checkOutputs(filesOf(places), { force });
    if (file === '-' && values['passphrase-fd'] === '0') {
      throw usageError('hide', 'FILE and passphrase cannot both come from stdin.');
    }
    const content = await readContent(file, io);
    const usedCovers = new UsedCovers(findDataFolder(values['data-dir']));
    const pool = new StegoPool();
    try {
      const covers = await lookAtAll(names, pool);
      if (!force) refuseUsed(covers, usedCovers);
      const passphrase = await readPassphrase(values, io, { twice: true });
      const options = { profile, drawReport: report !== undefined };
      const hidden = await hideIn(covers, content, passphrase, options, pool);
      const marks = marksOf(covers, hidden);
      const seal = () => {
        const claimed = usedCovers.claim(marks, { forced: force });
        if (claimed === undefined) throw coverUsed('A cover');
      };
      writeTogether(toWrite(places, hidden), { force, seal });
      return outcomeOf(places, hidden, values.json === true, io);
    } finally {
      await pool.close();
    }
  },
});

interface Place {
  /** `-` is stdout. */
  readonly file: string;
  readonly report: string | undefined;
}

function outputsOf(output: string, report: string | undefined, count: number): Place[] {
  if (count === 1) return [{ file: output, report }];
  if (output === '-') throw usageError('hide', '-o - takes one cover.');
  return Array.from({ length: count }, (_, i) => ({
    file: numbered(output, i + 1),
    report: report && numbered(report, i + 1),
  }));
}

function filesOf(places: readonly Place[]): string[] {
  return places
    .flatMap(({ file, report }) => [file, report])
    .filter((name) => name !== undefined && name !== '-') as string[];
}

/** `back.png` as `back-1.png`. */
export function numbered(file: string, number: number): string {
  const extension = extname(file);
  return `${file.slice(0, file.length - extension.length)}-${number}${extension}`;
}

async function readContent(file: string, io: Io): Promise<Uint8Array> {
  if (file !== '-') return pictures.readWhole(file, FILE_SIZE_MAX);
  const content = await io.read(FILE_SIZE_MAX);
  if (content.length <= FILE_SIZE_MAX) return content;
  throw usageError('hide', `stdin has more than ${FILE_SIZE_MAX} bytes.`);
}

interface Cover extends Look {
  readonly name: string;
  readonly png: Uint8Array;
  readonly fileSha256: string;
}

async function lookAtAll(names: readonly string[], pool: StegoPool): Promise<Cover[]> {
  const covers: Cover[] = [];
  for (const name of names) {
    const png = pictures.readWhole(name);
    const look = await pictures.explaining(name, () => pool.look(png));
    covers.push({ name, png, fileSha256: sha256(png), ...look });
  }
  return covers;
}

/** Before any work. @throws {CommandError} `cover_used` */
function refuseUsed(covers: readonly Cover[], usedCovers: UsedCovers): void {
  const seen = new Set<string>();
  for (const { name, coverSha256, fileSha256 } of covers) {
    if (seen.has(coverSha256)) throw coverUsed(`${name} is given twice, or`);
    seen.add(coverSha256);
    if ([coverSha256, fileSha256].some((hash) => usedCovers.has(hash))) throw coverUsed(name);
  }
}

function coverUsed(what: string): CommandError {
  const words = `${what} was used before: two stego images of one cover betray both. Take another, or --force.`;
  return new CommandError(EXIT.noRoom, words, { code: 'cover_used' });
}

/** A picture made of one of ours would show the difference as well. */
function marksOf(covers: readonly Cover[], hidden: readonly Hidden[]): string[] {
  const ofCovers = covers.flatMap(({ coverSha256, fileSha256 }) => [coverSha256, fileSha256]);
  return [...ofCovers, ...hidden.map(({ png }) => sha256(png))];
}

async function hideIn(
  covers: readonly Cover[],
  content: Uint8Array,
  passphrase: Uint8Array,
  options: { readonly profile: ProfileChoice; readonly drawReport: boolean },
  pool: StegoPool,
): Promise<Hidden[]> {
  const hidden: Hidden[] = [];
  try {
    const sizes = await share(covers, content.length, options.profile, pool);
    const message = systemRandomBytes(PART_HEADER_SIZE - 2);
    let offset = 0;
    for (const [i, { name, png, unchanging }] of covers.entries()) {
      const part = content.subarray(offset, offset + (sizes[i] ?? 0));
      offset += part.length;
      const keys = await pictures.PictureKeys.of(passphrase, unchanging);
      const payload = keys.seal(concat(message, Uint8Array.of(i + 1, covers.length), part));
      const work = () =>
        sharing(`hiding in ${name}`, (onProgress) =>
          pool.hide(png, payload, keys.imageKey, { ...options, onProgress }),
        );
      const told = () => refuseSize(name, png, part.length, options.profile, pool);
      hidden.push(await pictures.explaining(name, work, told));
    }
    return hidden;
  } finally {
    passphrase.fill(0);
  }
}

/** @throws {CommandError} `capacity`, with what would do. */
async function refuseSize(
  name: string,
  png: Uint8Array,
  size: number,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<never> {
  const { bytes, pixelsNeeded } = await roomIn(name, png, size, profile, pool);
  const side = Math.ceil(Math.sqrt(pixelsNeeded ?? 0));
  const larger = side === 0 ? 'another picture' : `one like it of some ${side} × ${side} pixels`;
  const words = `${name} holds ${bytes} bytes, the file has ${size}: take ${larger}, several, or a smaller file.`;
  throw new CommandError(EXIT.noRoom, words);
}

/**
 * Bytes for each cover, by what it can hold, so that all are as little changed.
 * @throws {CommandError} `capacity`, with what would do, before anything is hidden.
 */
async function share(
  covers: readonly Cover[],
  size: number,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<number[]> {
  if (covers.length === 1) return [size];
  const rooms: number[] = [];
  for (const { name, png } of covers) {
    rooms.push((await roomIn(name, png, undefined, profile, pool)).bytes);
  }
  const room = rooms.reduce((sum, each) => sum + each, 0);
  if (room < size) {
    const words = `The pictures hold ${room} bytes; the file has ${size}. Add others, or take larger ones.`;
    throw new CommandError(EXIT.noRoom, words);
  }
  let left = size;
  return rooms.map((each) => {
    const part = Math.min(left, each, Math.ceil((size * each) / room));
    left -= part;
    return part;
  });
}

function toWrite(places: readonly Place[], hidden: readonly Hidden[]): Output[] {
  return places.flatMap(({ file, report }, i) => {
    const { png = new Uint8Array(), reportPng } = hidden[i] ?? {};
    const stego = file === '-' ? [] : [{ file, bytes: png }];
    if (report === undefined || reportPng === undefined) return stego;
    return [...stego, { file: report, bytes: reportPng }];
  });
}

function outcomeOf(
  places: readonly Place[],
  hidden: readonly Hidden[],
  json: boolean,
  io: Io,
): Outcome {
  const data = hidden.map(({ report: figures }, i) => {
    const { file, report } = places[i] ?? {};
    return { file, ...(report !== undefined && { report }), ...figures };
  });
  for (const { file, warnings } of data) {
    for (const warning of warnings) io.say(`${file}: ${warning}`);
  }
  const text = data.map(describe).join('\n');
  if (places[0]?.file !== '-') return { data, text };
  io.say(json ? JSON.stringify(data) : text);
  process.stdout.write(hidden[0]?.png ?? '');
  return {};
}

function describe(data: { readonly file: string | undefined } & Hidden['report']): string {
  const { file, psnr_dB, changedSamples, bitsPerSample, profile } = data;
  const rate = bitsPerSample.toFixed(4);
  return `${file}: ${psnr_dB.toFixed(2)} dB, ${changedSamples} samples changed by a step, ${rate} bits a sample, profile ${profile}`;
}

function sha256(bytes: Uint8Array): string {
  return Buffer.from(openssl.hash(bytes)).toString('hex');
}
