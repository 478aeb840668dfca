/** `sotto send`: a text, a file or stdin, to be delivered or as a letter to carry by hand. */
import { createWriteStream, existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { connect, type PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import { type Io, openFile, printable } from './io.ts';

const TEXT_SIZE_MAX = 1024 * 1024;

const sentSchema = z.object({
  to: z.string(),
  id: z.string(),
  trust: z.enum(['verified', 'tofu']),
  delivered: z.boolean(),
});

export const send = defineCommand({
  name: 'send',
  summary: 'Send a text or a file',
  usage: ['[--to NAME] TEXT', '[--to NAME] < TEXT', '[--to NAME] --file FILE', '… --letter FILE'],
  details: `The message is kept and delivered as soon as the contact can be reached; exit code 0 means that
it is stored here, not that it has arrived (see --wait). Text on the command line stays in the
history of the shell; from stdin it does not. A letter has no forward secrecy.`,
  examples: [
    'sotto send "see you at nine"',
    'sotto send --to bob --file photo.jpg --wait 30',
    'echo "the code is 7" | sotto send --to bob --letter note.sotto',
  ],
  positionalsMax: 1,
  options: {
    to: { type: 'string', takes: 'NAME', about: 'the contact; may be left out with one' },
    file: { type: 'string', takes: 'FILE', about: 'send this file' },
    letter: { type: 'string', takes: 'FILE', about: 'write a letter there, to carry by hand' },
    wait: { type: 'string', takes: 'SECONDS', about: 'until it has arrived, at most 60' },
  },
  run: async ({ values, positionals: [text], io }) => {
    const { to, file, letter, wait } = values;
    if (file !== undefined && text !== undefined) throw usageError('send', 'Text or file?');
    const peer = connect(values['data-dir']);
    const query = new URLSearchParams({
      ...(to !== undefined && { to }),
      ...(wait !== undefined && letter === undefined && { wait }),
      ...(letter !== undefined && { carrier: 'file' }),
      ...(file !== undefined && { name: basename(file) }),
    });
    const path = `/send_msg?${query}`;
    const body = file === undefined ? { text: text ?? (await readText(io)) } : openFile(file);
    return letter === undefined
      ? await deliver(peer, path, body, wait !== undefined)
      : await writeLetter(peer, path, body, letter);
  },
});

async function readText(io: Io): Promise<string> {
  if (io.stdinIsTerminal) io.say('Type the message; Ctrl-D ends it.');
  const bytes = await io.read(TEXT_SIZE_MAX);
  if (bytes.length > TEXT_SIZE_MAX) throw usageError('send', 'Text this long goes by --file');
  const text = new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
  if (text === '') throw usageError('send', 'There was nothing to send');
  return text;
}

async function deliver(
  peer: PeerClient,
  path: string,
  body: object | Readable,
  waited: boolean,
): Promise<Outcome> {
  const sent = await peer.post(path, body, sentSchema);
  const trust = sent.trust === 'verified' ? '' : ', to a contact that nobody has compared';
  const state = sent.delivered ? 'delivered' : 'queued';
  return {
    data: sent,
    text: `${state} for ${printable(sent.to)}${trust}  ${sent.id}`,
    exitCode: waited && !sent.delivered ? EXIT.waiting : EXIT.done,
  };
}

async function writeLetter(
  peer: PeerClient,
  path: string,
  body: object | Readable,
  file: string,
): Promise<Outcome> {
  if (existsSync(file)) throw new CommandError(EXIT.usage, `${file} exists; name another file.`);
  const letter = await peer.download('POST', path, body);
  await pipeline(letter, createWriteStream(file, { flags: 'wx' }));
  return { data: { letter: file }, text: `${file} holds the letter.` };
}
