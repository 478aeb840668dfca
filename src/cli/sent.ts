/** What a peer answers about a message that it has taken, and how a person is told. */
import { z } from 'zod';
import type { Outcome } from './command.ts';
import { EXIT } from './errors.ts';
import { printable } from './io.ts';

export const sentSchema = z.object({
  to: z.string(),
  id: z.string(),
  trust: z.enum(['verified', 'tofu']),
  delivered: z.boolean(),
});

export function delivered(sent: z.output<typeof sentSchema>, waited: boolean): Outcome {
  const trust = sent.trust === 'verified' ? '' : ', to a contact that nobody has compared';
  const state = sent.delivered ? 'delivered' : 'queued';
  return {
    data: sent,
    text: `${state} for ${printable(sent.to)}${trust}  ${sent.id}`,
    exitCode: waited && !sent.delivered ? EXIT.waiting : EXIT.done,
  };
}
