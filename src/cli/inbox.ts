/** `sotto inbox`: opens what has arrived. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { PeerClient } from './client.ts';
import { defineCommand } from './command.ts';
import { type Io, interruption, printable } from './io.ts';
import { writeStream } from './outputs.ts';
import { OPENING, withPeer } from './passing-peer.ts';
import { metered } from './progress.ts';

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

export const inbox = defineCommand({
  name: 'inbox',
  summary: 'Open what has arrived',
  usage: ['[--from NAME] [--save DIR] [--follow]'],
  details: `Shows each message once, oldest first. With --json one line of JSON for each message; in the
plain form control characters of others are replaced. Files, and covers of messages that came in a
picture, are only named unless --save is given.`,
  examples: [
    'sotto inbox',
    'sotto inbox --from bob --save downloads',
    'sotto inbox --follow --json',
  ],
  positionalsMax: 0,
  options: {
    from: { type: 'string', takes: 'NAME', about: 'of this contact only' },
    save: { type: 'string', takes: 'DIR', about: 'write files there' },
    follow: { type: 'boolean', about: 'go on until Ctrl-C' },
    ...OPENING,
  },
  run: async ({ values, io }) => {
    const { from, save, follow, json } = values;
    const request = from === undefined ? {} : { from };
    await withPeer(values, async ({ peer }) => {
      const { signal } = follow === true ? { signal: interruption(io) } : new AbortController();
      let count = 0;
      let opened = 0;
      do {
        const { messages } = await peer.post('/decrypt_msg', request, openedSchema);
        for (const message of messages) {
          const kept = await keep(peer, message, save);
          io.print(json === true ? JSON.stringify(kept) : line(kept));
        }
        opened = messages.length;
        count += opened;
        // Ctrl-C ends here only: what the peer has marked as opened was shown.
        if (follow === true && opened === 0)
          await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
        // One call opens only so many.
      } while (!signal.aborted && (opened > 0 || follow === true));
      sayNothing(count, io);
    });
    return {};
  },
});

interface Kept extends Message {
  readonly saved?: string | undefined;
  readonly saved_cover?: string | undefined;
}

async function keep(peer: PeerClient, message: Message, save: string | undefined): Promise<Kept> {
  if (save === undefined) return message;
  const saved = await saveFile(peer, message, save);
  return { ...message, saved, saved_cover: await saveCover(peer, message, save) };
}

function sayNothing(count: number, io: Io): void {
  if (count === 0) io.say('Nothing new.');
}

function line({ saved, saved_cover: savedCover, ...message }: Kept): string {
  const { from, verified, at, text, type, name, size, cover } = message;
  const sender = `${printable(from)}${verified ? '' : ' (not verified)'}`;
  const file = `[file ${printable(name ?? '')}, ${size} bytes${saved ? `, saved as ${saved}` : ''}]`;
  const shown = text !== undefined ? printable(text) : type === 'file' ? file : `[${type}]`;
  const came = cover === undefined ? '' : ` [in a picture; its cover: ${savedCover ?? cover}]`;
  return `${at}  ${sender}: ${shown}${came}`;
}

async function saveCover(peer: PeerClient, { cover, id }: Message, folder: string) {
  if (cover === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${id.slice(-8)}-cover.png`);
  await writeStream(await peer.download('GET', cover), path);
  return path;
}

/** The name is a stranger's: only its harmless characters are used, and nothing is replaced. */
async function saveFile(peer: PeerClient, { content, name, id, size }: Message, folder: string) {
  if (content === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const harmless = (name ?? 'file').replace(/[^\p{L}\p{N}._ -]/gu, '_').replace(/^\.+/, '_');
  const path = join(folder, `${id.slice(-8)}-${harmless.slice(0, 100)}`);
  const bytes = metered(await peer.download('GET', content), harmless, size);
  await writeStream(bytes, path);
  return path;
}
