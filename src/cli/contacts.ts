/** `sotto contacts`: who is known and how things stand with each. */
import { z } from 'zod';
import type { PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { type Io, printable } from './io.ts';
import { advised, inCommands } from './next-step.ts';
import { OPENING, withPeer } from './passing-peer.ts';

const shownSchema = z.object({
  contacts: z.array(
    z
      .object({
        name: z.string(),
        address: z.string().optional(),
        verified: z.boolean(),
        state: z.string(),
        advice: z.string(),
        ...advised,
        fingerprint: z.string().optional(),
        queued: z.object({ messages: z.number(), items: z.number(), bytes: z.number() }),
        unopened: z.number(),
        last_error: z.string().optional(),
        /** To be compared, until it is. */
        code: z.string().optional(),
        key_check: z.string().optional(),
      })
      .transform((contact) => ({ ...contact, advice: inCommands(contact.advice, contact) })),
  ),
  waiting: z.array(z.object({ name: z.string(), address: z.string() })),
});
type Contact = z.output<typeof shownSchema>['contacts'][number];

export const contacts = defineCommand({
  name: 'contacts',
  summary: 'List the contacts, or forget one',
  usage: ['[--forget NAME]'],
  details: 'Forgetting deletes keys and what is queued; what the contact has sent stays.',
  examples: ['sotto contacts', 'sotto contacts --json', 'sotto contacts --forget bob'],
  positionalsMax: 0,
  options: {
    forget: { type: 'string', takes: 'NAME', about: 'delete this contact and its keys' },
    ...OPENING,
  },
  run: async ({ values, io }) => {
    if (values.forget === '') throw usageError('contacts', 'Whom?');
    return await withPeer(values, io, ({ peer }) => act(peer, values.forget, io));
  },
});

async function act(peer: PeerClient, forget: string | undefined, io: Io): Promise<Outcome> {
  if (forget !== undefined) {
    await peer.delete(`/contacts/${encodeURIComponent(forget)}`);
    return { data: { forgotten: forget }, text: `${printable(forget)} is forgotten.` };
  }
  const shown = await peer.get('/show', shownSchema);
  for (const { name, address } of shown.waiting) io.say(asking(printable(name), address));
  if (shown.contacts.length + shown.waiting.length === 0)
    io.say('Nobody yet. `sotto pair` makes a first contact.');
  return { data: shown.contacts, text: shown.contacts.map(line).join('\n') };
}

/** Hints only: anybody may call himself anything. */
function asking(name: string, address: string): string {
  const next = `\`sotto pair --to NAME --address ${address}\` if you expect it, then compare`;
  return address === ''
    ? `"${name}", who cannot be called, wants to meet: \`sotto pair\` makes a code for it.`
    : `"${name}" at ${address} wants to meet: ${next}.`;
}

function line(contact: Contact) {
  const { name, address, verified, state, queued, unopened, advice, last_error, code } = contact;
  const facts = [
    printable(name),
    address ?? 'cannot be called',
    state,
    verified ? 'verified' : 'not verified',
    `${queued.messages} queued`,
    `${unopened} unopened`,
    ...(code === undefined || verified ? [] : [`code ${code}   key check ${contact.key_check}`]),
    ...(last_error === undefined ? [] : [printable(last_error)]),
    ...(advice === '' ? [] : [printable(advice)]),
  ];
  return facts.join('  ');
}
