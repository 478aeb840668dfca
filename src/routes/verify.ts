/** `/verify`: people have compared the code, and it was the same, or differed. */
import { z } from 'zod';
import { Flag, Name, readFields } from './fields.ts';
import type { Route } from './route.ts';

export const VerifyFields = z.strictObject({
  to: Name.exactOptional(),
  code: z
    .string()
    .transform((code) => code.replace(/[\s-]/g, ''))
    .pipe(z.string().regex(/^\d{6}$/, 'must be the six digits')),
  differs: Flag.exactOptional(),
});

export const verify: Route = async (ctx, messenger) => {
  ctx.body = messenger.verify(await readFields(ctx, VerifyFields));
};
