/** What a peer answers about a message that it has taken, and how a person is told. */
import { z } from 'zod';
import type { Outcome } from './command.ts';
import { EXIT } from './errors.ts';
import { type Io, printable } from './io.ts';

export const sentSchema = z.object({
  to: z.string(),
  id: z.string(),
  trust: z.enum(['verified', 'tofu']),
  delivered: z.boolean(),
});

/** How long a peer that runs for one command only tries to get rid of a message, in seconds. */
export const PASSING_WAIT_S = '5';

/** @param waited how long, if at all */
export function tellWhereItWaits(
  { to, delivered }: z.output<typeof sentSchema>,
  isPassing: boolean,
  waited: string | undefined,
  io: Io,
): void {
  if (delivered) return;
  const who = printable(to);
  if (isPassing) {
    io.say(`No peer runs here, and ${who} did not take it yet: it goes with \`sotto up\`.`);
  } else if (waited !== undefined) {
    io.say(
      `${who} has not taken it in ${waited} s. It goes by itself; \`sotto contacts\` says more.`,
    );
  }
}

export function delivered(sent: z.output<typeof sentSchema>, waited: boolean): Outcome {
  const trust = sent.trust === 'verified' ? '' : ', to a contact that nobody has compared';
  const state = sent.delivered ? 'delivered' : 'queued';
  return {
    data: sent,
    text: `${state} for ${printable(sent.to)}${trust}  ${sent.id}`,
    exitCode: waited && !sent.delivered ? EXIT.waiting : EXIT.done,
  };
}
