/** `sotto receive`: takes a letter, bare or in a picture, that somebody has carried here. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { connect } from './client.ts';
import { defineCommand, usageError } from './command.ts';
import { openFile, printable, refuseExisting } from './io.ts';
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
  },
  run: async ({ values: { restore, ...values }, positionals: [file], io }) => {
    if (file === undefined) throw usageError('receive', 'Which file?');
    if (restore !== undefined) refuseExisting(restore);
    const peer = connect(values['data-dir']);
    const taken = peer.post('/receive', openFile(file), receivedSchema);
    const received = await during('looking', taken);
    const { from, messages, cover } = received;
    const text = `${messages} new from ${printable(from)}`;
    if (cover === undefined) {
      if (restore !== undefined) io.say('A bare letter has no cover to restore.');
      return { data: received, text };
    }
    if (restore !== undefined) {
      const png = await peer.download('GET', cover.content);
      await pipeline(png, createWriteStream(restore, { flags: 'wx' }));
    }
    const place = restore ?? `\`sotto covers ${cover.id}\``;
    const proof = `cover restored and proved, SHA-256 of its samples ${cover.sha256}: ${place}`;
    return { data: { ...received, restored: restore }, text: `${text}\n${proof}` };
  },
});
