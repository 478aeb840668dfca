/**
 * `/send_msg`: takes a message to be delivered, or with `carrier=file` answers it at once as a
 * letter, for a person to carry; with `carrier=image` either in a picture.
 */
import type { Messenger, SendMessageRequest } from '../messenger/index.ts';
import { type OutgoingMessage, readMessage, readTyped } from './message-body.ts';
import { answerPicture, pictureReport } from './pictures.ts';
import type { Route, RouteContext } from './route.ts';

export const sendMsg: Route = async (ctx, messenger) => {
  const message = await readMessage(ctx);
  await send(ctx, messenger, message);
};

/** The older programs' habit: the address bar sends, too. */
export const sendTyped: Route = async (ctx, messenger) => {
  const message = await readTyped(ctx, `Hello from ${messenger.showSelf().name}.`);
  await send(ctx, messenger, message);
};

async function send(
  ctx: RouteContext,
  messenger: Messenger,
  message: OutgoingMessage,
): Promise<void> {
  const { to, wait, content } = message;
  const request: SendMessageRequest = { ...(to !== undefined && { to }), content };
  const patience = wait > 0 && { wait_ms: wait * 1_000 };
  if (message.carrier === 'image') {
    await sendPicture(ctx, messenger, message, { ...request, ...patience });
    return;
  }
  if (message.carrier === 'session') {
    const sent = await messenger.sendMessage({ ...request, ...patience });
    ctx.status = 202;
    // Without this koa looks it up for each answer, which takes longer than writing it.
    ctx.set('Content-Type', 'application/json; charset=utf-8');
    ctx.body = sent;
    return;
  }
  const { to: contact, id, letter } = await messenger.writeLetter(request);
  ctx.attachment(`to-${contact}-${id}.sotto`);
  ctx.type = 'application/octet-stream';
  ctx.set('Sotto-Message-Id', id);
  ctx.body = Buffer.from(letter);
}

async function sendPicture(
  ctx: RouteContext,
  messenger: Messenger,
  {
    cover,
    cover_name,
    answer,
    force,
    profile,
  }: Extract<OutgoingMessage, { readonly carrier: 'image' }>,
  request: SendMessageRequest,
): Promise<void> {
  const wanted = answer ?? (/\bimage\/png\b/.test(ctx.get('accept')) ? 'file' : 'id');
  const sent = await messenger.sendPicture({
    ...request,
    carry: wanted === 'file',
    ...(cover !== undefined && { cover }),
    ...(cover_name !== undefined && { coverName: cover_name }),
    ...(force !== undefined && { force }),
    ...(profile !== undefined && { profile }),
  });
  if (wanted === 'file') {
    answerPicture(ctx, sent);
    return;
  }
  const { picture, png: _, ...rest } = sent;
  ctx.body = { ...rest, picture: pictureReport(picture) };
  ctx.status = 202;
}
