/**
 * `/send_msg`: takes a message to be delivered, or with `carrier=file` answers it at once as a
 * letter, for a person to carry.
 */
import type { SendMessageRequest } from '../messenger/index.ts';
import { type OutgoingMessage, readMessage, readTyped } from './message-body.ts';
import type { Route } from './route.ts';

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
  ctx: Parameters<Route>[0],
  messenger: Parameters<Route>[1],
  { to, carrier, wait, content }: OutgoingMessage,
): Promise<void> {
  const request: SendMessageRequest = { ...(to !== undefined && { to }), content };
  if (carrier === 'session') {
    ctx.body = await messenger.sendMessage({
      ...request,
      ...(wait > 0 && { wait_ms: wait * 1_000 }),
    });
    ctx.status = 202;
    return;
  }
  const { to: contact, id, letter } = await messenger.writeLetter(request);
  ctx.attachment(`to-${contact}-${id}.sotto`);
  ctx.type = 'application/octet-stream';
  ctx.set('Sotto-Message-Id', id);
  ctx.body = Buffer.from(letter);
}
