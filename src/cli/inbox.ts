/** `sotto inbox`: opens what has arrived. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { PeerClient } from './client.ts';
import { defineCommand, usageError } from './command.ts';
import { EXIT } from './errors.ts';
import { type Saved, saveContent } from './inbox-files.ts';
import { type Io, interruption, prepareFolder, printableEntry } from './io.ts';
import { localTime } from './local-time.ts';
import { OPENING, withPeer } from './passing-peer.ts';

const FOLLOW_MS = 1000;

const messageSchema = z.object({
  id: z.string(),
  from: z.string(),
  verified: z.boolean(),
  at: z.string(),
  type: z.string(),
  text: z.string().optional(),
  name: z.string().optional(),
  size: z.number().optional(),
  content: z.string().optional(),
  cover: z.string().optional(),
});
const openedSchema = z.object({ count: z.number(), messages: z.array(messageSchema) });
type Message = z.output<typeof messageSchema>;

const talkSchema = z.object({
  messages: z.array(
    z.object({
      ...messageSchema.omit({ from: true, type: true }).shape,
      with: z.string(),
      direction: z.enum(['in', 'out']),
      state: z.string(),
      kind: z.string(),
      cut: z.boolean().optional(),
      verified: z.boolean().optional(),
    }),
  ),
  before: z.string().nullable(),
});
const LAST_MAX = 10_000;

export const inbox = defineCommand({
  name: 'inbox',
  summary: 'Open what has arrived',
  usage: ['[--from NAME] [--save DIR] [--follow]', '--last N [--from NAME] [--save DIR]'],
  details: `Shows each message once, oldest first. With --json one line of JSON for each message; in the
plain form control characters of others are replaced, and further lines of one message marked by |. Files, and covers of messages that came in a
picture, are only named unless --save is given. --last shows again what was opened before.`,
  examples: [
    'sotto inbox',
    'sotto inbox --from bob --save downloads',
    'sotto inbox --follow --json',
    'sotto inbox --last 20 --save downloads',
  ],
  positionalsMax: 0,
  options: {
    from: { type: 'string', takes: 'NAME', about: 'of this contact only' },
    save: { type: 'string', takes: 'DIR', about: 'write files there' },
    follow: { type: 'boolean', about: 'go on until Ctrl-C' },
    last: { type: 'string', takes: 'N', about: 'instead, the newest N that were opened before' },
    ...OPENING,
  },
  run: async ({ values, io }) => {
    const { from, save, follow = false, json = false } = values;
    const last = readLast(values.last, follow);
    if (save !== undefined) prepareFolder(save);
    let unsaved = 0;
    await withPeer(values, io, async ({ peer }) => {
      const show = async (message: Message) => {
        const kept = save === undefined ? message : await saveContent(peer, message, save);
        if ('not_saved' in kept) unsaved += 1;
        io.print(json ? JSON.stringify(kept) : line(kept));
      };
      if (last === undefined) await open(peer, from, follow, show, io);
      else await showAgain(peer, from, last, show, io);
    });
    if (unsaved === 0) return {};
    const again = `\`sotto inbox --last N --save DIR\` writes it elsewhere`;
    io.say(`${unsaved} not saved. Nothing is lost: ${again}.`);
    return { exitCode: EXIT.failed };
  },
});

function readLast(text: string | undefined, follow: boolean): number | undefined {
  if (text === undefined) return undefined;
  if (follow) throw usageError('inbox', 'Either --last or --follow');
  const last = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (last === 0 || last > LAST_MAX) {
    throw usageError('inbox', `--last takes a number from 1 to ${LAST_MAX}, not ${text}`);
  }
  return last;
}

type Show = (message: Message) => Promise<void>;

async function open(
  peer: PeerClient,
  from: string | undefined,
  follow: boolean,
  show: Show,
  io: Io,
): Promise<void> {
  const request = from === undefined ? {} : { from };
  const { signal } = follow ? { signal: interruption(io) } : new AbortController();
  let count = 0;
  let opened = 0;
  do {
    const { messages } = await peer.post('/decrypt_msg', request, openedSchema);
    for (const message of messages) await show(message);
    opened = messages.length;
    count += opened;
    // Ctrl-C ends here only: what the peer has marked as opened was shown.
    if (follow && opened === 0)
      await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
    // One call opens only so many.
  } while (!signal.aborted && (opened > 0 || follow));
  if (count === 0) io.say('Nothing new.');
}

/** Oldest first, as they came. */
async function showAgain(
  peer: PeerClient,
  from: string | undefined,
  last: number,
  show: Show,
  io: Io,
): Promise<void> {
  const found: Message[] = [];
  const query = new URLSearchParams({ limit: '200', ...(from !== undefined && { with: from }) });
  for (let more = true; more && found.length < last; ) {
    const { messages, before } = await peer.get(`/messages?${query}`, talkSchema);
    for (const { with: sender, direction, state, kind, cut, ...rest } of messages) {
      if (direction !== 'in' || state !== 'opened') continue;
      const whole =
        cut === true && rest.content !== undefined ? await text(peer, rest.content) : {};
      found.push({ ...rest, verified: rest.verified ?? false, from: sender, type: kind, ...whole });
    }
    more = before !== null;
    if (before !== null) query.set('before', before);
  }
  for (const message of found.slice(0, last).reverse()) await show(message);
  if (found.length === 0) io.say('Nothing was opened before.');
}

/** A long text is cut in the list, and whole behind it. */
async function text(peer: PeerClient, content: string) {
  const chunks: Buffer[] = [];
  for await (const chunk of await peer.download('GET', content)) chunks.push(chunk);
  return { text: Buffer.concat(chunks).toString(), content: undefined };
}

function line({
  saved,
  saved_cover: savedCover,
  not_saved: notSaved,
  ...message
}: Message & Saved) {
  const { from, verified, at, text, type, name, size, cover } = message;
  const sender = `${printableEntry(from)}${verified ? '' : ' (not verified)'}`;
  const where =
    notSaved === undefined ? saved && `, saved as ${saved}` : `, not saved: ${notSaved}`;
  const file = `[file ${printableEntry(name ?? '')}, ${size} bytes${where ?? ''}]`;
  const shown = text !== undefined ? printableEntry(text) : type === 'file' ? file : `[${type}]`;
  const kept = savedCover ?? cover?.replace(/^\/covers\/(\d+)$/, '`sotto covers $1 -o FILE`');
  const came = cover === undefined ? '' : ` [in a picture; its cover: ${kept}]`;
  return `${localTime(at)}  ${sender}: ${shown}${came}`;
}
