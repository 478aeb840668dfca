/** `sotto pair`: makes a pairing code, uses one, or triggers an exchange of keys. */
import { styleText } from 'node:util';
import { z } from 'zod';
import { wantsColor } from '../config.ts';
import { connect, type PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { EXIT } from './errors.ts';
import { type Io, printable } from './io.ts';
import { localTime } from './local-time.ts';
import { advised, inCommands } from './next-step.ts';

const codeSchema = z.object({ code: z.string(), expires: z.string() });
const sendKeysSchema = z
  .object({
    to: z.string(),
    state: z.enum(['established', 'waiting']),
    code: z.string().optional(),
    key_check: z.string().optional(),
    verified: z.boolean(),
    detail: z.string(),
    ...advised,
  })
  .transform((answer) => ({ ...answer, detail: inCommands(answer.detail, answer) }));

const NO_ADDRESS = `The code tells no address, for this peer was not told where others call it. Put @ and
its address behind it, as CODE@http://HOST:PORT, or start it with --address.`;

export const pair = defineCommand({
  name: 'pair',
  summary: 'Pair with another peer, or renew the keys with a contact',
  usage: ['', 'CODE', '--to NAME [--address ORIGIN] [--again]'],
  details: `Without anything, prints a pairing code: it is good for one use and ten minutes, and whoever
uses it is verified at once. Give it to the other person by a way that nobody else reads; on a
terminal it is drawn as a QR code too.
With a CODE from the other side, pairs by it; - reads it from stdin. The contact is called as it
calls itself, unless --to gives it a name.
With --to, exchanges keys as POST /send_keys does; then compare the six digits and \`sotto verify\`.`,
  examples: [
    'sotto pair',
    'sotto pair SOTTO-CODE@http://192.168.1.7:5000',
    'sotto pair --to bob --address http://127.0.0.1:5001',
  ],
  positionalsMax: 1,
  options: {
    to: { type: 'string', takes: 'NAME', about: 'the contact; a new name needs --address' },
    address: { type: 'string', takes: 'ORIGIN', about: 'where it is, as http://HOST:PORT' },
    again: { type: 'boolean', about: 'meet anew although the keys are known' },
    qr: { type: 'boolean', about: 'draw the code also where stderr is no terminal' },
  },
  run: async ({ values, positionals: [given], io }) => {
    const { to, address, again, qr } = values;
    const peer = await connect(values['data-dir'], 'pairing');
    if (given === undefined && to === undefined && address === undefined) {
      return await makeCode(peer, io, qr ?? process.stderr.isTTY === true);
    }
    if (given === '-' && io.stdinIsTerminal) io.say('Type the code; Ctrl-D ends it.');
    const typed = given === '-' ? new TextDecoder().decode(await io.read(1024)).trim() : given;
    if (typed === '') throw usageError('pair', 'There was no code on stdin');
    return await sendKeys(peer, {
      ...(typed !== undefined && { code: typed }),
      ...(to !== undefined && { to }),
      ...(address !== undefined && { address }),
      ...(again !== undefined && { again }),
    });
  },
});

async function makeCode(peer: PeerClient, io: Io, draws: boolean): Promise<Outcome> {
  const { code, expires } = await peer.post('/pair', {}, codeSchema);
  if (draws) io.say(await drawing(code));
  if (!code.includes('@')) io.say(NO_ADDRESS);
  io.say(`Type this on the other side before ${localTime(expires)}:`);
  return { data: { code, expires }, text: `sotto pair ${code}` };
}

/** Its light is the terminal's ink: with colours of its own, or a camera may see it inverted. */
async function drawing(code: string): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr');
  const text = renderUnicodeCompact(code, { ecc: 'M', border: 2 });
  if (process.stderr.isTTY !== true || !wantsColor()) return text;
  const style: Parameters<typeof styleText>[0] = ['whiteBright', 'bgBlack'];
  const lines = text.split('\n').map((line) => styleText(style, line, { validateStream: false }));
  return lines.join('\n');
}

async function sendKeys(peer: PeerClient, request: object): Promise<Outcome> {
  const result = await peer.post('/send_keys', request, sendKeysSchema);
  const { state, code, key_check, verified, detail } = result;
  const lines = [printable(detail)];
  if (code !== undefined && !verified) lines.push(`code ${code}   key check ${key_check}`);
  return {
    data: result,
    text: lines.join('\n'),
    exitCode: state === 'waiting' ? EXIT.waiting : EXIT.done,
  };
}
