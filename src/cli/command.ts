/** What a command is, how its arguments are read, and how its help is made. */
import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { explainFlags } from '../config.ts';
import { CommandError, EXIT, type ExitCode } from './errors.ts';
import type { Io } from './io.ts';

export interface CommandOption extends ParseArgsOptionDescriptor {
  /** What a value looks like in the help, for `type: 'string'`. */
  readonly takes?: string;
  readonly about: string;
}

type Options = Readonly<Record<string, CommandOption>>;

/** Every command takes these. */
const COMMON = {
  'data-dir': {
    type: 'string',
    takes: 'DIR',
    about: 'the data folder of the peer; SOTTO_DATA_DIR, else the usual place',
  },
  json: { type: 'boolean', about: 'the result as one line of JSON' },
  help: { type: 'boolean', short: 'h', about: 'this page' },
} as const satisfies Options;

type Parsed<O extends Options> = {
  readonly [Name in keyof O]?: O[Name]['type'] extends 'boolean'
    ? boolean
    : O[Name] extends { readonly multiple: true }
      ? string[]
      : string;
};

export interface Invocation<O extends Options = Options> {
  readonly values: Parsed<O & typeof COMMON>;
  readonly positionals: readonly string[];
  /** As typed, for a command that reads its own. */
  readonly args: readonly string[];
  readonly io: Io;
}

export interface Outcome {
  /** What `--json` prints. */
  readonly data?: unknown;
  /** What is printed otherwise. */
  readonly text?: string;
  readonly exitCode?: ExitCode;
}

/** A line of the options: the flag with what it takes, and what it is about. */
export type Row = readonly [string, string];

export interface Command {
  readonly name: string;
  /** One line of `sotto --help`. */
  readonly summary: string;
  /** After the command's name, one line for each way to call it. */
  readonly usage: readonly string[];
  /** Whole paragraphs for `--help`, and what to type. */
  readonly details?: string;
  readonly examples: readonly string[];
  /** Words that its first argument may be, where these are all. */
  readonly verbs?: readonly string[];
  readonly options: Options;
  /** Instead of `options`, for a command that reads its own arguments. */
  optionRows?(): readonly Row[];
  run(args: readonly string[], io: Io): Promise<Outcome>;
}

interface Definition<O extends Options> extends Omit<Command, 'run' | 'options' | 'optionRows'> {
  readonly options: O;
  /** At most so many arguments that are not options. */
  readonly positionalsMax: number;
  run(invocation: Invocation<O>): Promise<Outcome>;
}

export function defineCommand<const O extends Options>(definition: Definition<O>): Command {
  const { name, positionalsMax, run, options, ...rest } = definition;
  return {
    ...rest,
    name,
    options: { ...options, ...COMMON },
    run: async (args, io) => {
      const { values, positionals } = parse(name, args, { ...options, ...COMMON });
      if (positionals.length > positionalsMax) {
        throw usageError(
          name,
          `Too many arguments: ${positionals.slice(positionalsMax).join(' ')}`,
        );
      }
      return await run({ values: values as Parsed<O & typeof COMMON>, positionals, args, io });
    },
  };
}

export function usageError(name: string, message: string): CommandError {
  return new CommandError(
    EXIT.usage,
    `${message.replace(/(?<!\?)\.?$/, (end) => end || '.')} See \`sotto ${name} --help\`.`,
  );
}

function parse(name: string, args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw usageError(name, explainFlags(cause, Object.keys(options)));
  }
}

export function describe(command: Command): string {
  const { name, summary, usage, details, examples } = command;
  return [
    `${summary}.`,
    '',
    ...usage.map((line) => `  sotto ${name} ${line}`.trimEnd()),
    '',
    ...(details === undefined ? [] : [details, '']),
    'Options:',
    align(rowsOf(command)),
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
}

/** All that a command takes, as its help shows it. */
export function rowsOf({ options, optionRows }: Command): readonly Row[] {
  if (optionRows !== undefined) return optionRows();
  return Object.entries(options).map(([long, { takes, about, short }]) => [
    `--${long}${takes === undefined ? '' : ` ${takes}`}`,
    short === undefined || takes === undefined ? about : `${about}; -${short} for short`,
  ]);
}

function align(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  return rows.map(([flag, about]) => `  ${flag.padEnd(width)}${about}`).join('\n');
}
