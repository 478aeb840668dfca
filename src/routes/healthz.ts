/** `/healthz`: alive, for whoever asks; says nothing else. */
import type { Middleware } from 'koa';

export const healthz: Middleware = (ctx) => {
  ctx.body = { status: 'ok' };
};
