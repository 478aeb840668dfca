/** `/show`: this peer as JSON. A stranger sees the keys, an operator everything but secrets. */
import type { Route } from './route.ts';

export const show: Route = (ctx, messenger) => {
  const shown = messenger.show();
  const { name, public_key, combined_key, fingerprint, address } = shown;
  if (!ctx.state.caller.operator) {
    ctx.body = { name, public_key, combined_key, fingerprint, address };
    return;
  }
  const contacts = shown.contacts.map(({ comparison, ...contact }) => ({
    ...contact,
    ...(comparison && { code: comparison.code, key_check: comparison.keyCheck }),
  }));
  ctx.body = { ...shown, contacts };
};
