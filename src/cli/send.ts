/**
 * `sotto send`: a text, a file or stdin, to be delivered or as a letter to carry by hand; bare or in
 * a picture.
 */
import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { type Io, openFile, refuseExisting } from './io.ts';
import { writeStream } from './outputs.ts';
import { OPENING, type Reached, withPeer } from './passing-peer.ts';
import { during, metered } from './progress.ts';
import { sendPicture } from './send-picture.ts';
import { delivered, PASSING_WAIT_S, sentSchema, tellWhereItWaits } from './sent.ts';

const TEXT_SIZE_MAX = 1024 * 1024;
const NOTHING = 'There was nothing to send';

export const send = defineCommand({
  name: 'send',
  summary: 'Send a text or a file',
  usage: [
    '[--to NAME] TEXT',
    '[--to NAME] < TEXT',
    '[--to NAME] --file FILE',
    '… --letter FILE',
    '… --cover COVER.png',
  ],
  details: `The message is kept and delivered as soon as the contact can be reached; exit code 0 means that
it is stored here, not that it has arrived (see --wait). Where no peer runs, it is tried for a few
seconds, and again once \`sotto up\` runs. Text on the command line stays in the
history of the shell; from stdin it does not. A letter has no forward secrecy, and what goes in a
picture is one. The contact has the cover back bit for bit. A picture hides what is said, not for
sure that something is: whoever has the cover sees the difference, a trained program may. Each cover
is used once, and any re-encoding destroys what is inside.`,
  examples: [
    'sotto send "see you at nine"',
    'sotto send --to bob --file photo.jpg --wait 30',
    'echo "the code is 7" | sotto send --to bob --letter note.sotto',
    'sotto send --to bob --cover beach.png "the code is 7"',
    'sotto send --cover beach.png --letter out.png --file plan.pdf',
  ],
  positionalsMax: 1,
  options: {
    to: { type: 'string', takes: 'NAME', about: 'the contact; may be left out with one' },
    file: { type: 'string', takes: 'FILE', about: 'send this file' },
    letter: { type: 'string', takes: 'FILE', about: 'write a letter there, to carry by hand' },
    cover: { type: 'string', takes: 'PNG', about: 'hide it in this picture, a copy is sent' },
    picture: { type: 'boolean', about: 'the same, in the next of the covers folder' },
    force: { type: 'boolean', about: 'use a cover that was used before' },
    wait: { type: 'string', takes: 'SECONDS', about: 'until it has arrived, at most 60' },
    ...OPENING,
  },
  run: async ({ values, positionals: [text], io }) => {
    const { to, file, letter, wait } = values;
    if (file !== undefined && text !== undefined) throw usageError('send', 'Text or file?');
    if (text === '') throw usageError('send', NOTHING);
    if (values.cover !== undefined || values.picture === true) {
      return await sendPicture(
        values,
        file === undefined ? (text ?? (await readText(io))) : '',
        io,
      );
    }
    if (values.force === true) throw usageError('send', '--force goes with --cover.');
    if (letter !== undefined) refuseExisting(letter);
    const query = {
      ...(to !== undefined && { to }),
      ...(letter !== undefined && { carrier: 'file' }),
      ...(file !== undefined && { name: basename(file) }),
    };
    const body = file === undefined ? { text: text ?? (await readText(io)) } : openFile(file);
    return await withPeer(values, io, (reached) =>
      letter === undefined
        ? deliver(reached, query, body, wait, io)
        : writeLetter(reached.peer, query, body, letter),
    );
  },
});

type Query = Readonly<Record<string, string>>;
const pathOf = (query: Query) => `/send_msg?${new URLSearchParams(query)}`;

async function readText(io: Io): Promise<string> {
  if (io.stdinIsTerminal) io.say('Type the message; Ctrl-D ends it.');
  const bytes = await io.read(TEXT_SIZE_MAX);
  if (bytes.length > TEXT_SIZE_MAX) throw usageError('send', 'Text this long goes by --file');
  if (!isUtf8(bytes))
    throw usageError('send', 'That is no text; --file /dev/stdin sends it as it is');
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, '');
  if (text === '') throw usageError('send', NOTHING);
  return text;
}

async function deliver(
  { peer, isPassing }: Reached,
  query: Query,
  body: object | Readable,
  wait: string | undefined,
  io: Io,
): Promise<Outcome> {
  const patience = wait ?? (isPassing ? PASSING_WAIT_S : undefined);
  const path = pathOf({ ...query, ...(patience !== undefined && { wait: patience }) });
  const posted = peer.post(path, body, sentSchema);
  const sent = await (patience === undefined ? posted : during('waiting for the contact', posted));
  tellWhereItWaits(sent, isPassing, wait, io);
  return delivered(sent, wait !== undefined);
}

async function writeLetter(
  peer: PeerClient,
  query: Query,
  body: object | Readable,
  file: string,
): Promise<Outcome> {
  const letter = metered(await peer.download('POST', pathOf(query), body), 'writing');
  await writeStream(letter, file);
  return { data: { letter: file }, text: `${file} holds the letter.` };
}
