/**
 * `npm start`: alice and bob on this machine, until Ctrl-C, with what to paste to try them. With
 * `--serial FILE` the device on that line is bob, and alice takes its pairing code here.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { wantsColor } from '../src/config.ts';
import { readLogLine } from '../src/log-line.ts';
import {
  heedSignals,
  type Listener,
  parsePairOptions,
  type RunningPeer,
  StartError,
  startPair,
  stopPeers,
} from './two-peers.ts';

const COLORS = { alice: 'cyan', bob: 'magenta' } as const;
/** Longer than alice waits for the device. */
const PAIR_MS = 20_000;
const colored = process.stdout.isTTY === true && wantsColor();

export async function main(args: readonly string[]): Promise<number> {
  const told = heedSignals();
  try {
    const options = parsePairOptions(args);
    const peers = await startPair(options, print, told);
    const codes = options.serial === undefined ? undefined : takeCodes(...peers);
    console.log(guide(...peers, options.serial));
    const gone = await firstToEnd(peers, told);
    if (gone !== undefined) console.error(`${gone} has stopped, so the other one stops as well.`);
    codes?.close();
    await stopPeers(peers);
    return gone === undefined ? 0 : 1;
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    if (told.aborted) return 0; // Ctrl-C while they were starting is no failure.
    console.error(cause.message);
    return 1;
  }
}

/** Plaintext and codes stand out, logs step back. */
const print: Listener = (name, stream, line) => {
  const mark = paint(COLORS[name === 'alice' ? 'alice' : 'bob'], `${name.padEnd(5)} │`);
  if (stream === 'out') console.log(`${mark} ${paint('bold', line)}`);
  else console.error(`${mark} ${paint('dim', readLogLine(line)?.words ?? line)}`);
};

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colored ? styleText(style, text, { validateStream: false }) : text;
}

function guide(alice: RunningPeer, bob: RunningPeer, serial: string | undefined): string {
  const step = (number: number, command: string, then: string) =>
    `  ${paint('bold', `${number}.`)} ${command}\n     ${paint('dim', then)}`;
  const device = `
bob is the device on ${serial}. Unless they are paired: type ${paint('bold', 'pair')} at the device's own
console, or press BOOT, then paste the code that it shows here, and Enter.
`;
  const isDevice = serial !== undefined;
  const then = isDevice
    ? ['the device answers by itself: keys are fresh', 'the device renews them from its side']
    : [
        'alice has asked; now bob has to answer',
        'both terminals show the same six digits: nobody sits between them',
      ];
  return `
Both peers are running. ${isDevice ? device : ''}${isDevice ? 'Then paste' : 'Paste'} these, one after the other:

${step(1, `curl -X POST ${alice.origin}/send_keys`, then[0] ?? '')}
${step(2, `curl -X POST ${bob.origin}/send_keys`, then[1] ?? '')}
${step(3, `curl -d '{"text": "hello bob"}' ${alice.origin}/send_msg`, 'the message is on its way, sealed; bob waits for his person')}
${step(4, `curl -X POST ${bob.origin}/decrypt_msg`, isDevice ? "the device's own console shows the text" : "bob's terminal shows the text")}

alice's page  ${alice.pageLink}
${isDevice ? `readings      ${alice.origin}/sensor` : `bob's page    ${bob.pageLink}`}

Ctrl-C stops both.
`;
}

/** Each line typed or pasted here is a pairing code for alice; no argument ever holds one. */
function takeCodes(alice: RunningPeer, bob: RunningPeer) {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() !== '') void pair(alice, bob, line.trim()).then(console.log, console.error);
  });
  return lines;
}

async function pair(alice: RunningPeer, bob: RunningPeer, code: string): Promise<string> {
  const response = await fetch(`${alice.origin}/send_keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: 'bob', address: bob.origin, code }),
    signal: AbortSignal.timeout(PAIR_MS),
  }).catch((cause: unknown) => `alice does not answer (${String(cause)})`);
  if (typeof response === 'string') return response;
  const answer = (await response.json()) as { readonly detail?: string };
  return `${response.status === 200 ? 'Paired: ' : ''}${answer.detail ?? response.status}`;
}

/** The name of a peer that ended by itself; undefined when we were told to stop both. */
async function firstToEnd(
  peers: readonly RunningPeer[],
  told: AbortSignal,
): Promise<string | undefined> {
  const ends = peers.map(async ({ name, process: child }) => {
    await once(child, 'exit', { signal: told });
    return name;
  });
  try {
    return await Promise.race(ends);
  } catch (cause) {
    if (!told.aborted) throw cause;
    return undefined;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
