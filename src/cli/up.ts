/** `sotto up`: runs a peer until it is told to stop. */
import { ConfigError, explainConfig, loadConfig, optionRows } from '../config.ts';
import { StoreError } from '../failures.ts';
import type { Peer } from '../peer.ts';
import { findRunning, localOrigin } from '../presence.ts';
import { boundYoungHeap } from '../young-heap.ts';
import type { Command, Outcome } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';
import { unlocked } from './opening.ts';
import { reportToManager } from './service.ts';
import { runUntilTold, tellReady } from './until-told.ts';

export const up: Command = {
  name: 'up',
  summary: 'Run a peer until Ctrl-C',
  usage: ['[OPTIONS]'],
  details: `Prints a link that opens the page and lets its browser operate the peer. Plaintext and codes go
to stdout, everything else to stderr. Each option may also stand in the file named by --config,
as {"port": 5000}, or in the environment, as SOTTO_PORT=5000; a flag overrules the environment, and
that the file. A passphrase may also be in SOTTO_PASSPHRASE, never on the command line; on a terminal
it is asked for where the data need one.`,
  examples: [
    'sotto up',
    'sotto up --name alice --port 5000 --contact bob=http://192.168.1.7:5000',
    'sotto up --passphrase-file ~/.sotto-passphrase --print-config',
  ],
  optionRows: () => [
    ...optionRows(),
    ['--config FILE', 'settings from this file'],
    ['--print-config', 'show every setting, and where it came from, instead of running'],
    ['--json', 'with --print-config, as one line of JSON'],
    ['--help', 'this page'],
  ],
  options: {},
  run: async (args, io) => {
    const rest = args.filter((arg) => arg !== '--print-config' && arg !== '--json');
    if (args.includes('--print-config')) return printConfig(rest);
    await runUntilTold(async () => {
      const { peer, origin } = await start(rest, io);
      const reportStop = reportToManager(`Listening at ${origin}`, io);
      return async () => {
        reportStop();
        await peer.stop();
      };
    });
    return {};
  },
};

function printConfig(args: readonly string[]): Outcome {
  const settings = explainConfig(args);
  const lines = settings.map(
    ({ name, value, from }) => `${name} = ${JSON.stringify(value)}  # ${from}`,
  );
  return { data: settings, text: lines.join('\n') };
}

async function start(args: readonly string[], io: Io): Promise<{ peer: Peer; origin: string }> {
  const config = await unlocked(loadConfig(args), io);
  boundYoungHeap();
  // Only here: no other command has to wait until all of a peer is loaded.
  const { createPeer } = await import('../peer.ts');
  const peer = createPeer(config);
  const { name, origin, pageLink } = await peer.start().catch(async (cause: unknown) => {
    throw (await runsAlready(config.dataFolder, cause)) ?? cause;
  });
  io.say(`${name} listens at ${origin}. Its page, for you only: ${pageLink}`);
  tellReady({ origin, pageLink });
  return { peer, origin };
}

/** Who it is that holds the database or the port, if it is the peer of this folder and answers. */
async function runsAlready(folder: string, cause: unknown): Promise<CommandError | undefined> {
  const isHeld = cause instanceof StoreError && cause.failure === 'busy';
  if (!isHeld && !(cause instanceof ConfigError)) return undefined;
  const running = await findRunning(folder).catch(() => undefined);
  if (running === undefined) return undefined;
  const who = `A peer runs on ${folder} already, at ${localOrigin(running)}`;
  const words = `${who}: use it, or stop it first (process ${running.pid}).`;
  return new CommandError(EXIT.failed, words, { cause, code: 'busy' });
}
