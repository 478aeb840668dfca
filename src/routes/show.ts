/** `/show`: this peer as JSON. A stranger sees the keys, an operator everything but secrets. */
import { inRoutes } from './next-step.ts';
import type { Route } from './route.ts';

export const show: Route = (ctx, messenger) => {
  if (!ctx.state.caller.operator) {
    ctx.body = messenger.showSelf();
    return;
  }
  const shown = messenger.show();
  const contacts = shown.contacts.map(({ comparison, advice, ...contact }) => ({
    ...contact,
    advice: inRoutes(advice),
    ...(advice.next && advice),
    ...(comparison && { code: comparison.code, key_check: comparison.keyCheck }),
  }));
  ctx.body = { ...shown, contacts };
};
