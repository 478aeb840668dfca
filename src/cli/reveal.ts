/** `sotto reveal`: the file out of its pictures, and the pictures as they were. */
import { findDataFolder } from '../config.ts';
import { AuthenticationError } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import { type Revealed, StegoPool } from '../stego/index.ts';
import { UsedCovers } from '../used-covers.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';
import { checkOutputs, type Output, writeTogether } from './outputs.ts';
import { PASSPHRASE_OPTIONS, readPassphrase } from './passphrases.ts';
import * as pictures from './pictures.ts';
import { numbered } from './places.ts';
import { sharing } from './progress.ts';
import { PART_HEADER_SIZE } from './room.ts';

interface Part {
  readonly file: string;
  readonly message: string;
  readonly number: number;
  readonly count: number;
  readonly content: Uint8Array;
  readonly revealed: Revealed;
  /** Of the picture's samples, as it came. */
  readonly stegoSha256: string;
}

export const reveal = defineCommand({
  name: 'reveal',
  summary: 'Take a file out of a PNG, and give the PNG back',
  usage: ['STEGO.png -o FILE', 'STEGO-1.png STEGO-2.png -o FILE'],
  details: `Needs no peer. Either the file that was hidden comes out, and the samples of each cover bit for bit,
or nothing is written. Chunks that only their own program may copy (a signature, a C2PA manifest) do
not come back; \`sotto hide\` named them when it left them out. Several pictures may come in any
order; their covers are written as COVER-1.png, COVER-2.png …. -o - writes the file to stdout. The
cover that came back counts as used, and the picture that it came in: an answer hidden in either
would be a second picture of one cover.`,
  examples: [
    'sotto reveal innocent.png -o report.pdf --passphrase-file words.txt',
    'sotto reveal innocent.png -o report.pdf --restore scan.png',
  ],
  positionalsMax: 255,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'what was hidden' },
    restore: { type: 'string', takes: 'FILE', about: 'write the cover too' },
    ...PASSPHRASE_OPTIONS,
    force: { type: 'boolean', about: 'replace files that are there' },
  },
  run: async ({ values, positionals: files, io }) => {
    const { output, restore, force = false } = values;
    if (files.length === 0) throw usageError('reveal', 'Which picture?');
    if (output === undefined) throw usageError('reveal', 'Where to? Give -o FILE.');
    const restored =
      restore === undefined || files.length === 1
        ? [restore]
        : files.map((_, i) => numbered(restore, i + 1));
    const named = [
      ...(output === '-' ? [] : [output]),
      ...restored.filter((name) => name !== undefined),
    ];
    checkOutputs(named, { force });
    const parts = await revealAll(files, await readPassphrase(values, io));
    const content = joined(parts);
    const outputs: Output[] = output === '-' ? [] : [{ file: output, bytes: content }];
    for (const [i, { revealed }] of parts.entries()) {
      const file = restored[i];
      if (file !== undefined) outputs.push({ file, bytes: revealed.coverPng });
    }
    writeTogether(outputs, { force });
    if (output === '-') process.stdout.write(content);
    const coverSha256 = parts.map(({ revealed }) => revealed.coverSha256);
    const stegoSha256 = parts.map((part) => part.stegoSha256);
    noteCovers([...coverSha256, ...stegoSha256], values['data-dir'], io);
    const data = { file: output, size: content.length, coverSha256 };
    const proof = `cover restored and proved, SHA-256 of its samples ${coverSha256.join(', ')}`;
    const text = `${output}: ${content.length} bytes; ${proof}`;
    if (output !== '-') return { data, text };
    io.say(values.json === true ? JSON.stringify(data) : text);
    return {};
  },
});

/** Whether it can be noted or not, what was hidden has come out. */
function noteCovers(sha256s: readonly string[], dataDir: string | undefined, io: Io): void {
  try {
    new UsedCovers(findDataFolder(dataDir)).claim(sha256s, { forced: true });
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    io.say(`The cover is not noted as used: ${cause.message}. Do not hide anything in it.`);
  }
}

async function revealAll(files: readonly string[], passphrase: Uint8Array): Promise<Part[]> {
  const pool = new StegoPool();
  const parts: Part[] = [];
  try {
    for (const file of files) parts.push(await revealOne(file, passphrase, pool));
    return parts.sort((a, b) => a.number - b.number);
  } finally {
    passphrase.fill(0);
    await pool.close();
  }
}

async function revealOne(file: string, passphrase: Uint8Array, pool: StegoPool): Promise<Part> {
  const png = pictures.readWhole(file);
  const { keys, revealed, stegoSha256 } = await explainingAbsence(file, async () => {
    // It looks at the picture as it is, so what it calls the cover is the stego image here.
    const { unchanging, coverSha256: stegoSha256 } = await pool.look(png);
    const keys = await pictures.PictureKeys.of(passphrase, unchanging);
    const revealed = await sharing(`looking into ${file}`, (onProgress) =>
      pool.reveal(png, keys.imageKey, { onProgress }),
    );
    return { keys, revealed, stegoSha256 };
  });
  try {
    const plain = keys.open(revealed.payload);
    return {
      file,
      message: plain.subarray(0, PART_HEADER_SIZE - 2).toString(),
      number: plain[PART_HEADER_SIZE - 2] ?? 0,
      count: plain[PART_HEADER_SIZE - 1] ?? 0,
      content: plain.subarray(PART_HEADER_SIZE),
      revealed,
      stegoSha256,
    };
  } catch (cause) {
    if (!(cause instanceof AuthenticationError)) throw cause;
    throw new CommandError(EXIT.noMessage, `${file}: what is hidden there is not a file.`, {
      cause,
    });
  }
}

/** @throws {CommandError} with what else it could be, where nothing is found. */
async function explainingAbsence<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await pictures.explaining(file, work);
  } catch (cause) {
    if (!(cause instanceof CommandError) || cause.code !== 'no_message') throw cause;
    const words = `${cause.message} What a peer has made is for \`sotto receive\`.`;
    throw new CommandError(cause.exitCode, words, { cause, code: cause.code });
  }
}

/** @throws {CommandError} unless all parts of one message are there. */
function joined(parts: readonly Part[]): Uint8Array {
  const [first] = parts;
  const wrong = first === undefined ? 'nothing is there' : whatIsWrong(parts, first);
  if (wrong === undefined) return Buffer.concat(parts.map(({ content }) => content));
  const words = `This is not one whole message: ${wrong}.`;
  throw new CommandError(EXIT.noMessage, words, { code: 'parts_missing' });
}

function whatIsWrong(parts: readonly Part[], first: Part): string | undefined {
  const foreign = parts.find(({ message }) => message !== first.message);
  if (foreign !== undefined) return `${foreign.file} belongs to another one than ${first.file}`;
  const twin = parts.find(({ number }, i) => number === parts[i - 1]?.number);
  if (twin !== undefined) return `part ${twin.number} is there twice, also as ${twin.file}`;
  const there = new Set(parts.map(({ number }) => number));
  const numbers = Array.from({ length: first.count }, (_, i) => i + 1);
  const missing = numbers.filter((number) => !there.has(number));
  if (missing.length > 0)
    return `of ${first.count} parts ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
  return parts.length === first.count ? undefined : 'it has parts that it should not have';
}
