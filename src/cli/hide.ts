/** `sotto hide`: a file into one picture, or into several in order. */
import { findDataFolder } from '../config.ts';
import { type Hidden, StegoPool } from '../stego/index.ts';
import { UsedCovers } from '../used-covers.ts';
import { claim, lookAtAll, refuseUsed } from './chosen-covers.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { hideIn } from './hide-in-covers.ts';
import type { Io } from './io.ts';
import { checkOutputs, writeOut, writeTogether } from './outputs.ts';
import { PASSPHRASE_OPTIONS, readPassphrase } from './passphrases.ts';
import { readWhole } from './pictures.ts';
import { filesOf, type Place, placesOf, toWrite } from './places.ts';
import { profileOf } from './room.ts';

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
JPEG, a smaller copy, a messenger's upload of OUT.png, destroys message and cover. A frame of one
colour is bad, black all around as in many scans: what changes in it is seen, and all such pictures
of one size get one key of your passphrase. You are warned; cut it off, or take another.

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
    profile: { type: 'string', takes: 'NAME', about: 'fast, max, integer; else auto, by forecast' },
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
    const places = placesOf(output, report, names.length);
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
      let claimed: readonly string[] = [];
      const seal = () => {
        claimed = claim(covers, hidden, usedCovers, force);
      };
      writeTogether(toWrite(places, hidden), { force, seal });
      if (output === '-') writeOut(hidden[0]?.png, () => usedCovers.release(claimed));
      return outcomeOf(places, hidden, values.json === true, io);
    } finally {
      await pool.close();
    }
  },
});

async function readContent(file: string, io: Io): Promise<Uint8Array> {
  if (file !== '-') return readWhole(file, FILE_SIZE_MAX);
  const content = await io.read(FILE_SIZE_MAX);
  if (content.length <= FILE_SIZE_MAX) return content;
  throw usageError('hide', `stdin has more than ${FILE_SIZE_MAX} bytes.`);
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
  return {};
}

function describe(data: { readonly file: string | undefined } & Hidden['report']): string {
  const { file, psnr_dB, changedSamples, largestStep, bitsPerSample, profile } = data;
  const by = largestStep > 1 ? `up to ${largestStep} steps` : 'a step';
  const rate = bitsPerSample.toFixed(4);
  return `${file}: ${psnr_dB.toFixed(2)} dB, ${changedSamples} samples changed by ${by}, ${rate} bits a sample, profile ${profile}`;
}
