/** `/show`: this peer as JSON. A stranger sees the keys, an operator everything but secrets. */
import type { Route } from './route.ts';

export const show: Route = (ctx, messenger) => {
  if (!ctx.state.caller.operator) {
    ctx.body = messenger.showSelf();
    return;
  }
  const shown = messenger.show();
  const contacts = shown.contacts.map(({ comparison, ...contact }) => ({
    ...contact,
    ...(comparison && { code: comparison.code, key_check: comparison.keyCheck }),
  }));
  ctx.body = { ...shown, contacts };
};
