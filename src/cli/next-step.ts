/** What a person can do next, for who types commands. The same for who calls routes: src/routes/. */
import { z } from 'zod';
import { inWords, NextStepSchema, type StepWords } from '../next-step.ts';

const COMMANDS: StepWords = {
  pair_first: () => '`sotto pair --to NAME --address http://HOST:PORT`, or by a code: `sotto pair`',
  list_contacts: () => '`sotto contacts` lists them; a new one needs --address',
  name_contact: () => 'say to whom with --to',
  give_other_address: () => 'give the address of the other one, which its page tells',
  meet: ({ to, again }) =>
    `run \`sotto pair ${whom(to)}${again === true ? ' --again' : ''}\`, and the same there with the name of this peer, then try again`,
  meet_here: ({ to }) => `run \`sotto pair ${whom(to)}\` again`,
  await_contact: ({ to, again }) =>
    `keys are sent: now ${to} has to run \`sotto pair --to NAME${again === true ? ' --again' : ''}\` on its side`,
  start_contact: ({ to }) =>
    `start ${to}, or correct its address by --address, then run \`sotto pair ${whom(to)}\` again`,
  compare: ({ to, code }) =>
    `compare the code${to === undefined ? '' : ` with ${to}`}, then \`sotto verify ${code ?? 'CODE'} ${whom(to)}\``,
  compare_first: () =>
    'compare the six digits on both sides, `sotto verify CODE`, then send again; or start with --trust tofu',
  compare_present_code: () => 'compare the code that `sotto contacts` shows now',
  see_address: () =>
    'see that it runs and that its address in `sotto contacts` is right, then try again',
  ask_contact: () =>
    '`sotto contacts` there tells why; often both sides have to run `sotto pair --to NAME` once more',
  forget_contact: ({ to }) =>
    `if that is right, \`sotto contacts ${option('--forget', to)}\`, and pair anew`,
  list_messages: () => '`sotto inbox --last 20` lists the newest',
  open_messages: () => 'nothing is lost: `sotto inbox` shows it if nobody has opened it yet',
  list_covers: () => '`sotto covers` lists them',
  measure_cover: () => 'take a larger picture; `sotto capacity` measures one',
  take_other_cover: () => 'two pictures made of one cover betray both: take another, or --force',
  carry_by_hand: ({ to }) => {
    const byHand = 'write the picture to a file with --letter, and carry it by hand';
    return to === undefined ? byHand : `${byHand}, or \`sotto pair ${whom(to)}\` if it was updated`;
  },
  give_passphrase: () =>
    'give the present one by --passphrase-file, or none if a key file opens the data; nothing was changed',
};

/** Of what a peer says, as it is on the wire; a step that only newer peers know is none. */
export const advised = {
  reason: z.string().optional(),
  next: NextStepSchema.optional().catch(undefined),
};

/** @param told what the peer has said in its own words, for what has no step in it */
export function inCommands(told: string, { reason, next }: z.output<z.ZodObject<typeof advised>>) {
  if (next === undefined) return told;
  return inWords({ next, ...(reason !== undefined && { reason }) }, COMMANDS);
}

const whom = (to: string | undefined) => (to === undefined ? '--to NAME' : option('--to', to));

/** What begins like an option is only a value with = before it. */
function option(name: string, value: string): string {
  return `${name}${value.startsWith('-') ? '=' : ' '}${quoted(value)}`;
}

/** Others choose names, and people paste what they are shown into a shell. */
function quoted(word: string): string {
  if (/^[\w.@:+,%-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
