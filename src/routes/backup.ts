/** `/backup`: everything that this peer is, as one file. Whoever has it may be this peer. */
import type { Readable } from 'node:stream';
import { needToken } from './need-token.ts';
import type { Route } from './route.ts';

export function backup(pack: () => Promise<Readable>): Route {
  return async (ctx) => {
    needToken(ctx);
    ctx.body = await pack();
    ctx.type = 'application/x-tar';
    ctx.attachment('sotto-backup.tar');
  };
}
