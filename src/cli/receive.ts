/** `sotto receive`: takes a letter, bare or in a picture, that somebody has carried here. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { type Io, openFile, printable, refuseExisting } from './io.ts';
import { writeStream } from './outputs.ts';
import { OPENING, withPeer } from './passing-peer.ts';
import { during } from './progress.ts';

const receivedSchema = z.object({
  from: z.string(),
  messages: z.number(),
  cover: z
    .object({
      id: z.number(),
      sha256: z.string(),
      psnr_dB: z.number().nullable(),
      content: z.string(),
    })
    .optional(),
});

export const receive = defineCommand({
  name: 'receive',
  summary: 'Take a letter from a file or a picture',
  usage: ['FILE', 'PICTURE.png [--restore COVER.png]'],
  details: `\`sotto inbox\` opens what was in it. Taking the same letter twice changes nothing. Of a picture
the cover comes back bit for bit, proved by the SHA-256 of its samples; the peer keeps it, see
\`sotto covers\`.`,
  examples: ['sotto receive note.sotto', 'sotto receive beach.png --restore beach-before.png'],
  positionalsMax: 1,
  options: {
    restore: { type: 'string', takes: 'FILE', about: 'write the cover of a picture there' },
    ...OPENING,
  },
  run: async ({ values: { restore, ...values }, positionals: [file], io }) => {
    if (file === undefined) throw usageError('receive', 'Which file?');
    if (restore !== undefined) refuseExisting(restore);
    const content = openFile(file);
    return await withPeer(values, io, ({ peer }) => take(peer, content, restore, io));
  },
});

async function take(
  peer: PeerClient,
  content: Readable,
  restore: string | undefined,
  io: Io,
): Promise<Outcome> {
  const received = await during('looking', peer.post('/receive', content, receivedSchema));
  const { from, messages, cover } = received;
  const text = `${messages} new from ${printable(from)}`;
  if (cover === undefined) {
    if (restore !== undefined) io.say('A bare letter has no cover to restore.');
    return { data: received, text };
  }
  if (restore !== undefined) {
    const png = await peer.download('GET', cover.content);
    await writeStream(png, restore);
  }
  const place = restore ?? `\`sotto covers ${cover.id}\``;
  const proof = `cover restored and proved, SHA-256 of its samples ${cover.sha256}: ${place}`;
  return { data: { ...received, restored: restore }, text: `${text}\n${proof}` };
}
