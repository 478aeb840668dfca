/**
 * What a person can do next, as data: a peer says which step, and each front says it in its own
 * words, as a route or as a command. docs/ERRORS.md has both. Adding a kind breaks whoever does not
 * word it.
 */
import { z } from 'zod';

/** A contact's name. */
const to = z.string();

export const NextStepSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('pair_first') }),
  z.object({ do: z.literal('list_contacts') }),
  z.object({ do: z.literal('name_contact') }),
  z.object({ do: z.literal('give_other_address') }),
  /** On both sides, or only here. `again`: anew, although the keys are known. */
  z.object({ do: z.literal('meet'), to: to.optional(), again: z.literal(true).optional() }),
  z.object({ do: z.literal('meet_here'), to }),
  /** It is the contact's turn. `again`: else it would only renew the keys that it knows. */
  z.object({ do: z.literal('await_contact'), to, again: z.literal(true).optional() }),
  z.object({ do: z.literal('start_contact'), to }),
  z.object({ do: z.literal('compare'), to: to.optional(), code: z.string().optional() }),
  /** Before anything may be sent. */
  z.object({ do: z.literal('compare_first') }),
  z.object({ do: z.literal('compare_present_code') }),
  z.object({ do: z.literal('see_address') }),
  z.object({ do: z.literal('ask_contact') }),
  z.object({ do: z.literal('forget_contact'), to }),
  z.object({ do: z.literal('list_messages') }),
  z.object({ do: z.literal('open_messages') }),
  z.object({ do: z.literal('list_covers') }),
  z.object({ do: z.literal('measure_cover') }),
  z.object({ do: z.literal('take_other_cover') }),
  z.object({ do: z.literal('carry_by_hand'), to: to.optional() }),
  z.object({ do: z.literal('give_passphrase') }),
]);

export type NextStep = z.output<typeof NextStepSchema>;

/** How one front says each kind: a clause without capital and full stop. */
export type StepWords = {
  readonly [Kind in NextStep['do']]: (step: Extract<NextStep, { do: Kind }>) => string;
};

/** What happened, and what to do about it; either may be all that there is to say. */
export interface Advice {
  readonly reason?: string;
  readonly next?: NextStep;
}

/** `reason: next`, in the words of one front. */
export function inWords({ reason, next }: Advice, words: StepWords): string {
  const told = next && (words[next.do] as (step: NextStep) => string)(next);
  return [reason, told].filter((part) => part !== undefined).join(': ');
}
