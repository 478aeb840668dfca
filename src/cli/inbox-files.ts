/** What `sotto inbox --save` writes: files, and covers of messages that came in a picture. */
import { existsSync } from 'node:fs';
import { join, parse } from 'node:path';
import type { Readable } from 'node:stream';
import { reasonOf } from '../reasons.ts';
import type { PeerClient } from './client.ts';
import { CommandError } from './errors.ts';
import { writeStream } from './outputs.ts';
import { metered } from './progress.ts';

/** So many files of one name, and the next is not saved. */
const NAMES_MAX = 1000;

interface Savable {
  readonly id: string;
  readonly name?: string | undefined;
  readonly size?: number | undefined;
  readonly content?: string | undefined;
  readonly cover?: string | undefined;
}

export interface Saved {
  readonly saved?: string | undefined;
  readonly saved_cover?: string | undefined;
  /** Half a sentence: why a file is not there. The peer has it still. */
  readonly not_saved?: string;
}

/** Never throws for a file that cannot be written: the next message was opened as well. */
export async function saveContent<M extends Savable>(
  peer: PeerClient,
  message: M,
  folder: string,
): Promise<M & Saved> {
  try {
    const saved = await saveFile(peer, message, folder);
    return { ...message, saved, saved_cover: await saveCover(peer, message, folder) };
  } catch (cause) {
    const own = cause instanceof CommandError ? cause.message.replace(/\.$/, '') : undefined;
    return { ...message, not_saved: own ?? reasonOf(cause) };
  }
}

async function saveCover(peer: PeerClient, { cover, id }: Savable, folder: string) {
  if (cover === undefined) return undefined;
  return await write(await peer.download('GET', cover), folder, `${id.slice(-8)}-cover`, '.png');
}

/** The name is a stranger's: only its harmless characters are used, and nothing is replaced. */
async function saveFile(peer: PeerClient, message: Savable, folder: string) {
  const { content, name, id, size } = message;
  if (content === undefined) return undefined;
  const harmless = (name ?? 'file').replace(/[^\p{L}\p{N}._ -]/gu, '_').replace(/^\.+/, '_');
  const bytes = metered(await peer.download('GET', content), harmless, size);
  const { name: stem, ext } = parse(`${id.slice(-8)}-${harmless.slice(0, 100)}`);
  return await write(bytes, folder, stem, ext);
}

/** Under this name or the next that is free: ids of two contacts may end alike. */
async function write(bytes: Readable, folder: string, stem: string, ext: string): Promise<string> {
  const nth = (number: number) => join(folder, `${stem}${number === 1 ? '' : `-${number}`}${ext}`);
  let number = 1;
  while (existsSync(nth(number)) && number < NAMES_MAX) number += 1;
  await writeStream(bytes, nth(number));
  return nth(number);
}
