/** `npm start`: alice and bob on this machine, until Ctrl-C, with what to paste to try them. */
import { once } from 'node:events';
import { styleText } from 'node:util';
import { wantsColor } from '../src/config.ts';
import {
  type Listener,
  parsePairOptions,
  type RunningPeer,
  StartError,
  startPair,
  stopPeers,
} from './two-peers.ts';

const COLORS = { alice: 'cyan', bob: 'magenta' } as const;
const colored = process.stdout.isTTY === true && wantsColor();

export async function main(args: readonly string[]): Promise<number> {
  try {
    const peers = await startPair(parsePairOptions(args), print);
    console.log(guide(...peers));
    const failed = await untilTold(peers);
    await stopPeers(peers);
    return failed ? 1 : 0;
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    console.error(cause.message);
    return 1;
  }
}

/** Plaintext and codes stand out, logs step back. */
const print: Listener = (name, stream, line) => {
  const mark = paint(COLORS[name === 'alice' ? 'alice' : 'bob'], `${name.padEnd(5)} │`);
  if (stream === 'out') console.log(`${mark} ${paint('bold', line)}`);
  else console.error(`${mark} ${paint('dim', readable(line))}`);
};

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colored ? styleText(style, text, { validateStream: false }) : text;
}

/** A structured log line as words; anything else as it is. */
function readable(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { level: _level, time: _time, msg, ...fields } = JSON.parse(line);
    const words = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    return [msg, ...words].join(' ');
  } catch {
    return line;
  }
}

function guide(alice: RunningPeer, bob: RunningPeer): string {
  const step = (number: number, command: string, then: string) =>
    `  ${paint('bold', `${number}.`)} ${command}\n     ${paint('dim', then)}`;
  return `
Both peers are running. Paste these, one after the other:

${step(1, `curl -X POST ${alice.origin}/send_keys`, 'alice has asked; now bob has to answer')}
${step(2, `curl -X POST ${bob.origin}/send_keys`, 'both terminals show the same six digits: nobody sits between them')}
${step(3, `curl -d '{"text": "hello bob"}' ${alice.origin}/send_msg`, 'the message is on its way, sealed; bob waits for his person')}
${step(4, `curl -X POST ${bob.origin}/decrypt_msg`, "bob's terminal shows the text")}

alice's page  ${alice.pageLink}
bob's page    ${bob.pageLink}

Ctrl-C stops both.
`;
}

/** Returns whether a peer ended by itself. */
async function untilTold(peers: readonly RunningPeer[]): Promise<boolean> {
  const told = new AbortController();
  const { signal } = told;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(async (name) => {
    await once(process, name, { signal });
    return undefined;
  });
  const ends = peers.map(async ({ name, process: child }) => {
    await once(child, 'exit', { signal });
    return name;
  });
  const gone = await Promise.race([...signals, ...ends]);
  told.abort();
  await Promise.allSettled([...signals, ...ends]);
  if (gone !== undefined) console.error(`${gone} has stopped, so the other one stops as well.`);
  return gone !== undefined;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
