/** `sotto`: finds the command, runs it, and says how it ended. */
import { readFileSync } from 'node:fs';
import { ConfigError, didYouMean } from '../config.ts';
import { StoreError } from '../failures.ts';
import { nearest } from '../nearest.ts';
import { backup } from './backup.ts';
import { bridge } from './bridge.ts';
import { capacity } from './capacity.ts';
import { type Command, describe } from './command.ts';
import { completionOf } from './completion.ts';
import { contacts } from './contacts.ts';
import { cover } from './cover.ts';
import { covers } from './covers.ts';
import { doctor } from './doctor.ts';
import { CommandError, EXIT, type ExitCode } from './errors.ts';
import { fileFailure } from './file-failure.ts';
import { hide } from './hide.ts';
import { identity } from './identity.ts';
import { inbox } from './inbox.ts';
import { type Io, terminal } from './io.ts';
import { nearby } from './nearby.ts';
import { pair } from './pair.ts';
import { receive } from './receive.ts';
import { reveal } from './reveal.ts';
import { send } from './send.ts';
import { sensors } from './sensors.ts';
import { up } from './up.ts';
import { verify } from './verify.ts';

export const COMMANDS: readonly Command[] = [
  up,
  nearby,
  pair,
  verify,
  contacts,
  send,
  receive,
  inbox,
  covers,
  sensors,
  identity,
  backup,
  doctor,
  bridge,
  hide,
  reveal,
  capacity,
  cover,
  completionOf(() => COMMANDS),
];

/** Returns the exit code; never throws. */
export async function main(args: readonly string[], io: Io = terminal()): Promise<ExitCode> {
  const [name, ...rest] = args;
  // Behind -- stands what only looks like an option, such as a text to send.
  const end = args.indexOf('--');
  const options = new Set(end === -1 ? args : args.slice(0, end));
  const json = options.has('--json');
  try {
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      return showHelp(
        rest.find((word) => !word.startsWith('-')),
        io,
      );
    }
    if (name === '--version') {
      io.print(version());
      return EXIT.done;
    }
    const command = find(name);
    if (options.has('--help') || options.has('-h')) return showHelp(name, io);
    const { data, text, exitCode } = await command.run(rest, io);
    if (json && data !== undefined) io.print(JSON.stringify(data));
    else if (!json && text !== undefined && text !== '') io.print(text);
    return exitCode ?? EXIT.done;
  } catch (cause) {
    return fail(cause, json, io);
  }
}

function find(name: string): Command {
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) return command;
  if (name.startsWith('-')) {
    throw new CommandError(
      EXIT.usage,
      `A command comes first, ${name} behind it: \`sotto --help\`.`,
    );
  }
  const meant = nearest(
    name,
    COMMANDS.map((each) => each.name),
  );
  const words = `There is no command ${name}.${didYouMean(meant)} \`sotto --help\` lists them.`;
  throw new CommandError(EXIT.usage, words);
}

function showHelp(name: string | undefined, io: Io): ExitCode {
  io.print(name === undefined ? overview() : describe(find(name)));
  return EXIT.done;
}

/** Two folders up in a clone and in the package alike. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  return `sotto: two peers that meet, check each other's word, and talk unheard.

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join('\n')}

\`sotto COMMAND --help\` shows options and examples, \`sotto --version\` the version. Data goes to stdout, words to stderr.
Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 3 no peer runs,
4 the peer refused, 5 the other side has to act first, 6 the picture cannot hold it,
7 no message in the picture for this passphrase.`;
}

function fail(cause: unknown, json: boolean, io: Io): ExitCode {
  const error = toCommandError(cause);
  if (json) io.print(JSON.stringify({ error: error.message, code: error.code }));
  // Of our own mistakes the place matters more than the words.
  const words = error.code === 'internal' && cause instanceof Error ? cause.stack : undefined;
  io.say(`sotto: ${words ?? `${error.message} (${error.code})`}`);
  return error.exitCode;
}

function toCommandError(cause: unknown): CommandError {
  if (cause instanceof CommandError) return cause;
  if (cause instanceof ConfigError) {
    return new CommandError(EXIT.usage, cause.message, { cause, code: 'settings_wrong' });
  }
  if (cause instanceof StoreError) {
    return new CommandError(EXIT.failed, `${cause.message}.`, { cause, code: cause.failure });
  }
  const failure = fileFailure(cause);
  if (failure !== undefined) return failure;
  const message = cause instanceof Error ? cause.message : 'it failed';
  return new CommandError(EXIT.failed, message, { cause, code: 'internal' });
}
