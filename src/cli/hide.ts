/** `sotto hide`: a file into one picture, or into several in order. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { concat } from '../bytes.ts';
import { findDataFolder } from '../config.ts';
import { systemRandomBytes } from '../crypto/index.ts';
import { type Hidden, measureCapacity, type ProfileChoice, StegoPool } from '../stego/index.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import * as pictures from './pictures.ts';
import { sharing } from './progress.ts';

/** In front of each part: 8 random bytes that name the message, its number, and how many. */
export const PART_HEADER_SIZE = 10;
const COVERS_MAX = 255;
const PROFILES: readonly string[] = ['auto', 'fast', 'max', 'integer'] satisfies ProfileChoice[];

export const hide = defineCommand({
  name: 'hide',
  summary: 'Hide a file in a PNG, which can be had back',
  usage: ['COVER.png FILE -o OUT.png', 'COVER1.png COVER2.png FILE -o OUT.png'],
  details: `Needs no peer. Several covers share one file; OUT-1.png, OUT-2.png … are written, and all are
needed. It hides what is said, not for sure that something is: whoever has the cover sees the
difference, and a trained program may. Never use a cover twice; a JPEG, a smaller copy or a
messenger's upload of OUT.png holds nothing any more. FILE - reads stdin.`,
  examples: [
    'sotto hide scan.png report.pdf -o innocent.png --passphrase-file words.txt',
    'sotto hide a.png b.png film.mp4 -o share.png --profile fast --passphrase-file words.txt',
  ],
  positionalsMax: COVERS_MAX + 1,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'the picture to write' },
    ...pictures.PASSPHRASE_OPTIONS,
    profile: { type: 'string', takes: 'NAME', about: 'fast, max, integer; else auto, by size' },
    report: {
      type: 'string',
      takes: 'FILE',
      about: 'draw what changed, for a person, with one cover',
    },
    force: { type: 'boolean', about: 'use a cover again, and replace OUT.png' },
  },
  run: async ({ values, positionals, io }) => {
    const [covers, file] = [positionals.slice(0, -1), positionals.at(-1)];
    const { output, report, profile, force = false } = values;
    if (file === undefined || covers.length === 0) throw usageError('hide', 'Give COVER and FILE.');
    if (output === undefined) throw usageError('hide', 'Where to? Give -o OUT.png.');
    const options = { profile: profileOf('hide', profile), drawReport: report !== undefined };
    if (report !== undefined && covers.length > 1) {
      throw usageError('hide', '--report takes one cover at a time.');
    }
    const ledger = new Ledger(values['data-dir']);
    const content = file === '-' ? await io.read(2 ** 26) : pictures.readWhole(file);
    const names = covers.map((_, i) => (covers.length === 1 ? output : numbered(output, i + 1)));
    pictures.checkOutputs(report === undefined ? names : [...names, report], { force });
    const hidden = await hideIn(
      covers.map((name) => ({ name, png: pictures.readWhole(name) })),
      content,
      await pictures.readPassphrase(values, io),
      options,
    );
    const drawing = hidden[0]?.reportPng;
    const outputs = hidden.map(({ png }, i) => ({ file: names[i] ?? output, bytes: png }));
    if (report !== undefined && drawing !== undefined)
      outputs.push({ file: report, bytes: drawing });
    const seal = () => {
      const reports = hidden.map(({ report }) => report);
      ledger.use(reports, covers, force);
    };
    pictures.writeTogether(outputs, { force, seal });
    for (const warning of new Set(hidden.flatMap(({ report }) => report.warnings))) io.say(warning);
    const data = hidden.map(({ report }, i) => ({ file: names[i], ...report }));
    return { data, text: data.map(describe).join('\n') };
  },
});

/** @throws {CommandError} `usage` */
export function profileOf(command: string, name = 'auto'): ProfileChoice {
  if (PROFILES.includes(name)) return name as ProfileChoice;
  throw usageError(command, `There is no profile ${name}.`);
}

interface Cover {
  readonly name: string;
  readonly png: Uint8Array;
}

async function hideIn(
  covers: readonly Cover[],
  content: Uint8Array,
  passphrase: Uint8Array,
  options: { readonly profile: ProfileChoice; readonly drawReport: boolean },
): Promise<Hidden[]> {
  const pool = new StegoPool();
  const hidden: Hidden[] = [];
  try {
    const sizes = await share(covers, content.length, options.profile, pool);
    const message = systemRandomBytes(PART_HEADER_SIZE - 2);
    let offset = 0;
    for (const [i, { name, png }] of covers.entries()) {
      const part = content.subarray(offset, offset + (sizes[i] ?? 0));
      offset += part.length;
      hidden.push(
        await pictures.explaining(name, async () => {
          const keys = await pictures.PictureKeys.of(passphrase, png, pool);
          const header = Uint8Array.of(i + 1, covers.length);
          const payload = keys.seal(concat(message, header, part));
          return sharing(`hiding in ${name}`, (onProgress) =>
            pool.hide(png, payload, keys.imageKey, { ...options, onProgress }),
          );
        }),
      );
    }
    return hidden;
  } finally {
    passphrase.fill(0);
    await pool.close();
  }
}

/** Bytes for each cover, by what it can hold, so that all are as little changed. */
async function share(
  covers: readonly Cover[],
  size: number,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<number[]> {
  if (covers.length === 1) return [size];
  const rooms: number[] = [];
  for (const { name, png } of covers) {
    const work = () => pool.capacity(png, undefined, { profile });
    const { bytes } = await pictures.explaining(name, work);
    rooms.push(Math.max(0, bytes - PART_HEADER_SIZE - pictures.SEAL_SIZE));
  }
  const room = rooms.reduce((sum, each) => sum + each, 0);
  if (room < size) {
    throw new CommandError(EXIT.noRoom, `The pictures hold ${room} bytes; the file has ${size}.`);
  }
  let left = size;
  return rooms.map((each) => {
    const part = Math.min(left, each, Math.ceil((size * each) / room));
    left -= part;
    return part;
  });
}

/** The SHA-256 of every cover used from this data folder, a line each. */
class Ledger {
  readonly #folder: string;
  readonly #file: string;

  constructor(dataDir: string | undefined) {
    this.#folder = findDataFolder(dataDir);
    this.#file = join(this.#folder, 'covers-used');
  }

  /** Notes all of one command, before their pictures are seen. @throws {CommandError} `cover_used` */
  use(reports: readonly Hidden['report'][], names: readonly string[], force: boolean): void {
    const known = existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n') : [];
    const hashes = reports.map(({ coverSha256 }) => coverSha256);
    const again = hashes.findIndex((hash, i) => known.includes(hash) || hashes.indexOf(hash) < i);
    if (again >= 0 && !force) {
      const words = `${names[again] ?? 'the cover'} was used before: two stego images of one cover betray both. Take another, or --force.`;
      throw new CommandError(EXIT.noRoom, words, { code: 'cover_used' });
    }
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const lines = hashes.map((hash) => `${hash}\n`).join('');
    appendFileSync(this.#file, lines, { mode: 0o600, flush: true });
  }
}

function numbered(file: string, number: number): string {
  const extension = extname(file);
  return `${file.slice(0, file.length - extension.length)}-${number}${extension}`;
}

function describe(data: { readonly file: string | undefined } & Hidden['report']): string {
  const { file, psnr_dB, changedSamples, bitsPerSample, profile } = data;
  const rate = bitsPerSample.toFixed(4);
  return `${file}: ${psnr_dB.toFixed(2)} dB, ${changedSamples} samples changed by a step, ${rate} bits a sample, profile ${profile}`;
}

/** For a forecast without hiding; see capacity.ts. */
export async function roomIn(png: Uint8Array, size: number | undefined, profile: ProfileChoice) {
  const overhead = PART_HEADER_SIZE + pictures.SEAL_SIZE;
  const payloadSize = size === undefined ? undefined : size + overhead;
  const measured = await measureCapacity(png, payloadSize, { profile });
  return { ...measured, bytes: Math.max(0, measured.bytes - overhead) };
}
