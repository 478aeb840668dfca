/** `sotto receive`: takes a letter that somebody has carried here. */
import { z } from 'zod';
import { connect } from './client.ts';
import { defineCommand, usageError } from './command.ts';
import { openFile, printable } from './io.ts';

const receivedSchema = z.object({ from: z.string(), messages: z.number() });

export const receive = defineCommand({
  name: 'receive',
  summary: 'Take a letter from a file',
  usage: ['FILE'],
  details: '`sotto inbox` opens what was in it. Taking the same letter twice changes nothing.',
  examples: ['sotto receive note.sotto'],
  positionalsMax: 1,
  options: {},
  run: async ({ values, positionals: [file] }) => {
    if (file === undefined) throw usageError('receive', 'Which file?');
    const peer = connect(values['data-dir']);
    const received = await peer.post('/receive', openFile(file), receivedSchema);
    const { from, messages } = received;
    return { data: received, text: `${messages} new from ${printable(from)}` };
  },
});
