/** `sotto reveal`: the file out of its pictures, and the pictures as they were. */
import { AuthenticationError } from '../crypto/index.ts';
import { type Revealed, StegoPool } from '../stego/index.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import { PART_HEADER_SIZE } from './hide.ts';
import * as pictures from './pictures.ts';
import { sharing } from './progress.ts';

interface Part {
  readonly message: string;
  readonly number: number;
  readonly count: number;
  readonly content: Uint8Array;
  readonly revealed: Revealed;
}

export const reveal = defineCommand({
  name: 'reveal',
  summary: 'Take a file out of a PNG, and give the PNG back',
  usage: ['STEGO.png -o FILE', 'STEGO-1.png STEGO-2.png -o FILE'],
  details: `Needs no peer. Either the file that was hidden comes out, and the cover bit for bit, or nothing
is written. With one picture, --restore names the cover's file. -o - writes to stdout.`,
  examples: ['sotto reveal innocent.png -o report.pdf --passphrase-file words.txt'],
  positionalsMax: 255,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'what was hidden' },
    restore: { type: 'string', takes: 'FILE', about: 'write the cover too' },
    ...pictures.PASSPHRASE_OPTIONS,
    force: { type: 'boolean', about: 'replace files that are there' },
  },
  run: async ({ values, positionals: files, io }) => {
    const { output, restore, force = false } = values;
    if (files.length === 0) throw usageError('reveal', 'Which picture?');
    if (output === undefined) throw usageError('reveal', 'Where to? Give -o FILE.');
    if (restore !== undefined && files.length > 1) {
      throw usageError('reveal', '--restore takes one picture at a time.');
    }
    const named = output === '-' ? [] : [output];
    pictures.checkOutputs(restore === undefined ? named : [...named, restore], { force });
    const parts = await revealAll(files, await pictures.readPassphrase(values, io));
    const content = joined(parts);
    const outputs = named.map((file): pictures.Output => ({ file, bytes: content }));
    const [first] = parts;
    if (restore !== undefined && first !== undefined) {
      outputs.push({ file: restore, bytes: first.revealed.coverPng });
    }
    pictures.writeTogether(outputs, { force });
    if (output === '-') process.stdout.write(content);
    const sha256 = parts.map(({ revealed }) => revealed.coverSha256);
    const data = { file: output, size: content.length, coverSha256: sha256 };
    const proof = `cover restored and proved, SHA-256 of its samples ${sha256.join(', ')}`;
    const text = `${output}: ${content.length} bytes; ${proof}`;
    if (output === '-') io.say(text);
    return output === '-' ? {} : { data, text };
  },
});

async function revealAll(files: readonly string[], passphrase: Uint8Array): Promise<Part[]> {
  const pool = new StegoPool();
  const parts: Part[] = [];
  try {
    for (const file of files) {
      parts.push(await pictures.explaining(file, () => revealOne(file, passphrase, pool)));
    }
    return parts.sort((a, b) => a.number - b.number);
  } finally {
    passphrase.fill(0);
    await pool.close();
  }
}

async function revealOne(file: string, passphrase: Uint8Array, pool: StegoPool): Promise<Part> {
  const png = pictures.readWhole(file);
  const keys = await pictures.PictureKeys.of(passphrase, png, pool);
  const revealed = await sharing(`looking into ${file}`, (onProgress) =>
    pool.reveal(png, keys.imageKey, { onProgress }),
  );
  try {
    const plain = keys.open(revealed.payload);
    return {
      message: plain.subarray(0, PART_HEADER_SIZE - 2).toString(),
      number: plain[PART_HEADER_SIZE - 2] ?? 0,
      count: plain[PART_HEADER_SIZE - 1] ?? 0,
      content: plain.subarray(PART_HEADER_SIZE),
      revealed,
    };
  } catch (cause) {
    if (!(cause instanceof AuthenticationError)) throw cause;
    throw new CommandError(EXIT.noMessage, `${file}: what is hidden there is not a file.`, {
      cause,
    });
  }
}

/** @throws {CommandError} unless all parts of one message are there. */
function joined(parts: readonly Part[]): Uint8Array {
  const [first] = parts;
  const whole =
    first?.count === parts.length &&
    parts.every(({ message, number }, i) => message === first.message && number === i + 1);
  if (!whole) {
    const have = parts.map(({ number }) => number).join(', ');
    const words = `This is not one whole message: have part ${have} of ${first?.count ?? 0}.`;
    throw new CommandError(EXIT.noMessage, words, { code: 'parts_missing' });
  }
  return Buffer.concat(parts.map(({ content }) => content));
}
