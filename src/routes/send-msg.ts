/**
 * `/send_msg`: takes a message to be delivered, or with `carrier=file` answers it at once as a
 * letter, for a person to carry.
 */
import type { Messenger, SendMessageRequest } from '../messenger/index.ts';
import { type OutgoingMessage, readMessage, readTyped } from './message-body.ts';
import type { Route, RouteContext } from './route.ts';

export const sendMsg: Route = async (ctx, messenger) => {
  const message = await readMessage(ctx);
  await send(ctx, messenger, message);
};

/** The older programs' habit: the address bar sends, too. */
export const sendTyped: Route = async (ctx, messenger) => {
  const message = await readTyped(ctx, `Hello from ${messenger.show().name}.`);
  await send(ctx, messenger, message);
};

async function send(
  ctx: RouteContext,
  messenger: Messenger,
  { to, carrier, wait, content }: OutgoingMessage,
): Promise<void> {
  const request: SendMessageRequest = { ...(to !== undefined && { to }), content };
  if (carrier === 'session') {
    const patience = wait > 0 && { wait_ms: wait * 1_000 };
    ctx.body = await messenger.sendMessage({ ...request, ...patience });
    ctx.status = 202;
    return;
  }
  const { to: contact, id, letter } = await messenger.writeLetter(request);
  ctx.attachment(`to-${contact}-${id}.sotto`);
  ctx.type = 'application/octet-stream';
  ctx.set('Sotto-Message-Id', id);
  ctx.body = Buffer.from(letter);
}
