/** `/messages/:row`: the bytes of a file message, for a caller who showed the token. */
import { Readable } from 'node:stream';
import { needToken } from './need-token.ts';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

export const messageContent: Route = (ctx, messenger) => {
  needToken(ctx);
  const row = /^[1-9]\d{0,14}$/.test(ctx.params['row'] ?? '') ? Number(ctx.params['row']) : 0;
  if (row === 0) throw new Problem('not_found');
  const slices = messenger.fileContent(row)[Symbol.iterator]();
  // The first slice tells whether there is such a message: after it the status has gone out.
  const first = slices.next();
  ctx.attachment(`message-${row}`);
  ctx.type = 'application/octet-stream';
  ctx.body = Readable.from(from(first, slices), { objectMode: false });
};

function* from(
  first: IteratorResult<Uint8Array>,
  slices: Iterator<Uint8Array>,
): Iterable<Uint8Array> {
  for (let slice = first; slice.done !== true; slice = slices.next()) yield slice.value;
}
