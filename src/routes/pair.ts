/** `/pair`: makes a pairing code, PROTOCOL §7. It is a secret until it is used. */
import { needToken } from './need-token.ts';
import type { Route } from './route.ts';

export const pair: Route = (ctx, messenger) => {
  needToken(ctx);
  const { code, expires } = messenger.createPairingCode();
  ctx.body = { code, expires };
};
