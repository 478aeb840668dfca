/** `sotto verify`: says that people have compared the code, and what they found. */
import { z } from 'zod';
import { connect } from './client.ts';
import { defineCommand, usageError } from './command.ts';
import { printable } from './io.ts';

const verifiedSchema = z.object({ to: z.string(), verified: z.boolean() });

export const verify = defineCommand({
  name: 'verify',
  summary: 'Say that the six digits are the same on both sides, or differ',
  usage: ['CODE [--to NAME] [--differs]'],
  details: `Read the six digits to each other by voice or in person. If they differ, somebody sits between
the two peers: --differs deletes the keys.`,
  examples: ['sotto verify 402917', 'sotto verify 402917 --to bob --differs'],
  positionalsMax: 1,
  options: {
    to: { type: 'string', takes: 'NAME', about: 'the contact; may be left out with one' },
    differs: { type: 'boolean', about: 'the other side shows other digits' },
  },
  run: async ({ values, positionals: [code] }) => {
    if (code === undefined) throw usageError('verify', 'Which six digits?');
    const { to, differs } = values;
    const request = { code, ...(to !== undefined && { to }), ...(differs === true && { differs }) };
    const peer = await connect(values['data-dir'], 'comparing');
    const result = await peer.post('/verify', request, verifiedSchema);
    const name = printable(result.to);
    const kept = `${name} is verified: it is who you compared with.`;
    const dropped = `The keys with ${name} are deleted. Pair again over another network.`;
    return { data: result, text: result.verified ? kept : dropped };
  },
});
