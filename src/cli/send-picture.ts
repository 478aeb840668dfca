/** `sotto send --cover`: a message in a picture, to be delivered or to be carried by hand. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Described, PeerClient } from './client.ts';
import { type Outcome, usageError } from './command.ts';
import { type Io, printable, refuseExisting } from './io.ts';
import { writeStream } from './outputs.ts';
import { withPeer } from './passing-peer.ts';
import { readWhole } from './pictures.ts';
import { sharing } from './progress.ts';
import { delivered, PASSING_WAIT_S, sentSchema, tellWhereItWaits } from './sent.ts';

const pictureSchema = sentSchema.extend({
  picture: z.object({
    cover: z.string().optional(),
    profile: z.string(),
    psnr_dB: z.number().nullable(),
    changed_samples: z.number(),
    bits_per_sample: z.number(),
    cover_sha256: z.string(),
    size: z.number(),
    warnings: z.array(z.string()),
  }),
});

export interface PictureValues {
  readonly 'data-dir'?: string;
  readonly 'passphrase-file'?: string;
  readonly to?: string;
  readonly file?: string;
  readonly letter?: string;
  readonly wait?: string;
  readonly cover?: string;
  readonly picture?: boolean;
  readonly force?: boolean;
}

/** @param text what is to be hidden, unless `values` names a file. */
export async function sendPicture(values: PictureValues, text: string, io: Io): Promise<Outcome> {
  const { to, file, letter, wait, cover, picture, force } = values;
  if (cover !== undefined && picture === true) {
    throw usageError('send', '--cover, or --picture for one of the covers folder?');
  }
  if (letter !== undefined) refuseExisting(letter);
  const form = new FormData();
  const fields = { carrier: 'image', to, force: force && 'true', answer: letter && 'file' };
  for (const [name, value] of Object.entries(fields)) if (value) form.set(name, value);
  if (file === undefined) form.set('text', text);
  else form.set('file', blobOf(file), basename(file));
  if (cover !== undefined) form.set('cover', blobOf(cover), basename(cover));
  return await withPeer(values, io, async ({ peer, isPassing }) => {
    if (letter !== undefined) {
      const answer = await hiding(peer, peer.downloadDescribed('POST', '/send_msg', form));
      await writeStream(answer.content, letter);
      return describeLetter(letter, answer, io);
    }
    const patience = wait ?? (isPassing ? PASSING_WAIT_S : undefined);
    if (patience !== undefined) form.set('wait', patience);
    const sent = await hiding(peer, peer.post('/send_msg', form, pictureSchema));
    tellWhereItWaits(sent, isPassing, wait, io);
    for (const warning of sent.picture.warnings) io.say(printable(warning));
    const { data = sent, text: state, exitCode } = delivered(sent, wait !== undefined);
    return { data, text: `${state}\n${figures(sent.picture)}`, ...(exitCode && { exitCode }) };
  });
}

/** The peer tells by its events how far it is: of whatever picture it is making. */
async function hiding<T>(peer: PeerClient, work: Promise<T>): Promise<T> {
  if (process.stderr.isTTY !== true) return await work;
  return await sharing('hiding', async (onProgress) => {
    const events = await peer.download('GET', '/events').catch(() => undefined);
    const told = events && follow(events, onProgress).catch(() => undefined);
    try {
      return await work;
    } finally {
      events?.destroy();
      await told;
    }
  });
}

async function follow(events: Readable, onProgress: (share: number) => void): Promise<void> {
  for await (const chunk of events) {
    for (const [, share] of String(chunk).matchAll(
      /^event: hiding\ndata: \{"share":([\d.e-]+)\}$/gm,
    )) {
      onProgress(Number(share));
    }
  }
}

function describeLetter(letter: string, { headers }: Described, io: Io): Outcome {
  const told = (name: string) => String(headers[`sotto-${name}`] ?? '');
  const warning = told('warning');
  if (warning !== '') io.say(printable(warning));
  const [psnr, rate] = [Number(told('psnr-db')), Number(told('bits-per-sample'))];
  const data = {
    letter,
    id: told('message-id'),
    psnr_dB: Number.isFinite(psnr) ? psnr : null,
    bits_per_sample: rate,
    cover_sha256: told('cover-sha256'),
    warnings: warning === '' ? [] : [warning],
  };
  const figures = `${psnr.toFixed(2)} dB, ${rate.toFixed(4)} bits a sample`;
  return { data, text: `${letter} holds the letter: ${figures}; any re-encoding destroys it.` };
}

function figures(picture: z.output<typeof pictureSchema>['picture']): string {
  const { cover = 'the cover', profile, psnr_dB, changed_samples, bits_per_sample } = picture;
  const likeness = psnr_dB === null ? 'unchanged' : `${psnr_dB.toFixed(2)} dB`;
  const rate = `${bits_per_sample.toFixed(4)} bits a sample`;
  return `in ${printable(cover)}: ${likeness}, ${changed_samples} samples changed, ${rate}, profile ${profile}`;
}

function blobOf(file: string): Blob {
  return new Blob([Uint8Array.from(readWhole(file))]);
}
