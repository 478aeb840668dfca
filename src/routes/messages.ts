/**
 * `/messages`: what was said with a contact, and one message of it: opened, or its bytes. Whoever
 * has not shown the token sees that there is something, not what.
 */
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { ConversationPlace, TalkMessage } from '../messenger/index.ts';
import { contentJson, openedJson } from './decrypt-msg.ts';
import { Name, readFields } from './fields.ts';
import { needToken } from './need-token.ts';
import { numberIn, type Route } from './route.ts';

const LIMIT_MAX = 200;

export const ListFields = z.strictObject({
  with: Name.exactOptional(),
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(50),
  before: z
    .string()
    .regex(/^(\d{1,15})?-(\d{1,15})?$/, 'must be the "before" of an earlier answer')
    .exactOptional(),
});
export const NoFields = z.strictObject({});

export const listMessages: Route = async (ctx, messenger) => {
  const { before, ...query } = await readFields(ctx, ListFields);
  const place = before === undefined ? {} : { before: placeOf(before) };
  const talk = messenger.conversation({ ...query, ...place });
  const { authenticated } = ctx.state.caller;
  ctx.body = {
    messages: talk.messages.map((message) => toJson(message, authenticated)),
    before: talk.before === undefined ? null : textOf(talk.before),
  };
};

export const openMessage: Route = async (ctx, messenger) => {
  await readFields(ctx, NoFields);
  const opened = messenger.openMessage(numberIn(ctx, 'row'));
  const { authenticated } = ctx.state.caller;
  ctx.body = authenticated ? openedJson(opened) : { id: opened.id };
};

export const messageContent: Route = (ctx, messenger) => {
  needToken(ctx);
  const row = numberIn(ctx, 'row');
  const { name, bytes } = messenger.fileContent(row);
  const slices = bytes[Symbol.iterator]();
  // The first slice tells whether it can be read: after it the status has gone out.
  const first = slices.next();
  ctx.attachment(name ?? `message-${row}`);
  ctx.type = 'application/octet-stream';
  ctx.body = Readable.from(from(first, slices), { objectMode: false });
};

function toJson(message: TalkMessage, authenticated: boolean): object {
  const { content, cover, isFile, isCut, with: contact, ...rest } = message;
  const shown = authenticated && content !== undefined && contentJson(content);
  const hasMore = isFile || isCut;
  const bytes = message.direction === 'in' && message.state === 'opened' && hasMore;
  return {
    with: contact,
    ...rest,
    kind: isFile ? 'file' : 'text',
    ...shown,
    ...(isCut && { cut: true }),
    ...(bytes && authenticated && { content: `/messages/${message.row}` }),
    ...(cover !== undefined && authenticated && { cover: `/covers/${cover}` }),
  };
}

function placeOf(text: string): ConversationPlace {
  const [received, sent] = text.split('-').map((row) => (row === '' ? undefined : Number(row)));
  return { received, sent };
}

function textOf({ received, sent }: ConversationPlace): string {
  return `${received ?? ''}-${sent ?? ''}`;
}

function* from(
  first: IteratorResult<Uint8Array>,
  slices: Iterator<Uint8Array>,
): Iterable<Uint8Array> {
  for (let slice = first; slice.done !== true; slice = slices.next()) yield slice.value;
}
