/** `/send_keys`: pair, or renew, with a contact. 202 says whose turn it is. */
import { z } from 'zod';
import { Flag, NewName, readFields } from './fields.ts';
import { inRoutes } from './next-step.ts';
import type { Route } from './route.ts';

export const SendKeysFields = z.strictObject({
  to: NewName.exactOptional(),
  address: z.string().min(1).max(255).exactOptional(),
  again: Flag.exactOptional(),
  code: z.string().min(1).max(512).exactOptional(),
});

export const sendKeys: Route = async (ctx, messenger) => {
  const request = await readFields(ctx, SendKeysFields);
  const { to, state, comparison, verified, advice } = await messenger.sendKeys(request);
  ctx.status = state === 'established' ? 200 : 202;
  ctx.body = {
    to,
    state,
    ...(comparison && { code: comparison.code, key_check: comparison.keyCheck }),
    verified,
    detail: inRoutes(advice),
    ...(advice.next && advice),
  };
};
