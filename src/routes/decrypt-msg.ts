/**
 * `/decrypt_msg`: opens what has arrived, on the peer's own terminal. Only a caller who showed
 * the token, not merely sits on the same machine, gets the content in the reply as well.
 */
import { z } from 'zod';
import type { OpenedMessage } from '../messenger/index.ts';
import { Name, readFields } from './fields.ts';
import type { Route } from './route.ts';

export const DecryptFields = z.strictObject({ from: Name.exactOptional() });

export const decryptMsg: Route = async (ctx, messenger) => {
  const opened = messenger.decryptMessages(await readFields(ctx, DecryptFields));
  const ids = opened.map(({ id }) => id);
  const { authenticated } = ctx.state.caller;
  ctx.body = { count: ids.length, ids, ...(authenticated && { messages: opened.map(openedJson) }) };
};

export function openedJson({
  row,
  id,
  from,
  verified,
  carrier,
  at,
  cover,
  content,
}: OpenedMessage): object {
  const download = content.type === 'file' && { content: `/messages/${row}` };
  const restored = cover !== undefined && { cover: `/covers/${cover}` };
  return { id, from, verified, carrier, at, ...contentJson(content), ...download, ...restored };
}

export function contentJson(content: OpenedMessage['content']): object {
  if (content.type !== 'file') return content;
  const { type, name, mediaType, size } = content;
  return { type, name, media_type: mediaType, size };
}
