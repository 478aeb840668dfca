/**
 * What a peer is told from outside: a file, then the environment, then flags, each overruling the
 * one before. One table says what there is; flags, variables, the file and the help follow from
 * it. The only reader of `process.env`.
 */
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

export interface PeerConfig {
  /** What others see this peer as until they rename it. */
  readonly name: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Absolute. */
  readonly dataFolder: string;
  /** The origin that other peers are told; undefined: from host and port, see `originOf`. */
  readonly address: string | undefined;
  /** Made at the start if they do not exist yet. */
  readonly contacts: readonly { readonly name: string; readonly address: string }[];
  /** Any caller on this machine may operate the peer. */
  readonly demo: boolean;
  /** Whether messages may be sent before people have compared: `tofu` marks, `verified` refuses. */
  readonly trust: 'tofu' | 'verified';
  readonly crypto: 'openssl' | 'noble';
  /** Plaintext to the terminal when `decrypt_msg` asks. */
  readonly printMessages: boolean;
  /** Names besides the loopback ones that Host may hold, in lower case. */
  readonly allowedHosts: readonly string[];
  readonly behindProxy: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Opens the store; undefined: a key file does. To be wiped by who uses it. */
  readonly passphrase: Uint8Array | undefined;
}

/** What was given cannot be used. The message names the setting, and where it came from. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Option<T> {
  readonly schema: z.ZodType<T>;
  /** What a value looks like in the help; undefined for a switch. */
  readonly takes: string | undefined;
  readonly repeated: boolean;
  /** Completes the sentence "PORT must be …". */
  readonly must: string;
  readonly about: string;
}

function option<T>(takes: string, schema: z.ZodType<T>, must: string, about: string): Option<T> {
  return { schema, takes, repeated: false, must, about };
}

function toggle(about: string): Option<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };
  const read = (value: unknown) => (typeof value === 'string' ? words[value] : value);
  return {
    schema: z.preprocess(read, z.boolean()),
    takes: undefined,
    repeated: false,
    must: 'be true or false',
    about,
  };
}

/** Flags and variables are text; a file has numbers. */
function integer(min: number, max: number) {
  const read = (value: unknown) =>
    typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return z.preprocess(read, z.int().min(min).max(max));
}

/** Flags are repeated, variables hold commas, a file has arrays. */
function list<T>(takes: string, item: z.ZodType<T>, must: string, about: string): Option<T[]> {
  const read = (value: unknown) => (typeof value === 'string' ? value.split(',') : value);
  const schema = z.preprocess(read, z.array(item));
  return { schema, takes, repeated: true, must, about: `${about}; may be repeated` };
}

const utf8Size = (text: string) => new TextEncoder().encode(text).length;
const nameSchema = z
  .string()
  .refine((name) => utf8Size(name) <= 64 && stripVTControlCharacters(name) === name)
  .regex(/^[^\p{C}]+$/u);
/** PROTOCOL §3.1: an origin with its port, and without path, query, user or trailing slash. */
const originSchema = z.string().refine((text) => {
  const url = URL.parse(text);
  return url?.protocol === 'http:' && text === `http://${url.hostname}:${url.port || 80}`;
});
const contactSchema = z
  .string()
  .transform((text) => ({
    name: text.split('=', 1)[0],
    address: text.slice(text.indexOf('=') + 1),
  }))
  .pipe(z.object({ name: nameSchema, address: originSchema }));

const OPTIONS = {
  name: option(
    'NAME',
    nameSchema,
    'be 1 to 64 bytes of text',
    'what others see; else the name of this machine',
  ),
  host: option(
    'ADDRESS',
    z.string().regex(/^[^\s/]+$/),
    'be an address of this machine',
    'listen there; else 127.0.0.1',
  ),
  port: option(
    'PORT',
    integer(0, 65535),
    'be a number from 0 to 65535',
    '5000; 0 takes any free one',
  ),
  'data-dir': option(
    'DIR',
    z.string().min(1),
    'be a folder',
    'keys and messages, encrypted; else ~/.local/share/sotto',
  ),
  address: option(
    'ORIGIN',
    originSchema,
    'look like http://HOST:PORT',
    'where other peers find this one',
  ),
  contact: list(
    'NAME=ORIGIN',
    contactSchema,
    'look like bob=http://HOST:PORT',
    'a contact to begin with',
  ),
  demo: toggle('any caller on this machine operates; trust tofu; print messages'),
  trust: option(
    'HOW',
    z.enum(['tofu', 'verified']),
    'be tofu or verified',
    'tofu sends before people have compared, verified (default) refuses',
  ),
  'print-messages': toggle('print opened messages on the terminal'),
  'allow-host': list(
    'NAME',
    z.string().regex(/^[a-z0-9._-]+$|^\[[0-9a-f:.]+\]$/i),
    'be a host name without port',
    'also answer under this name',
  ),
  'behind-proxy': toggle('a reverse proxy of mine forwards requests'),
  'passphrase-file': option(
    'FILE',
    z.string().min(1),
    'be a file',
    'its first line opens the data',
  ),
  'passphrase-fd': option(
    'NUMBER',
    integer(0, 1023),
    'be the number of an open file descriptor',
    'the same, from a descriptor',
  ),
  crypto: option(
    'PROVIDER',
    z.enum(['openssl', 'noble']),
    'be openssl or noble',
    'openssl (default) or noble',
  ),
  'log-level': option(
    'LEVEL',
    z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    'be debug, info, warn, error or silent',
    'what goes to stderr; else info',
  ),
} as const satisfies Record<string, Option<unknown>>;

type OptionName = keyof typeof OPTIONS;
type Values = { readonly [Name in OptionName]?: z.output<(typeof OPTIONS)[Name]['schema']> };

/** A value as it was found, and where: for messages, and for `--print-config`. */
interface Setting {
  readonly value: unknown;
  readonly from: string;
}
type Settings = ReadonlyMap<OptionName, Setting>;

const optionNames = Object.keys(OPTIONS) as readonly OptionName[];
const isOptionName = (name: string): name is OptionName => name in OPTIONS;
const variableOf = (name: string) => `SOTTO_${name.toUpperCase().replaceAll('-', '_')}`;

/** @throws {ConfigError} for anything unknown, unreadable, out of range or contradictory. */
export function loadConfig(
  args: readonly string[],
  environment: Environment = process.env,
): PeerConfig {
  const settings = collect(args, environment);
  const values = check(settings);
  if (values.demo === true && values['behind-proxy'] === true) {
    throw new ConfigError(
      'demo and behind-proxy exclude each other: through a proxy everybody would be local.',
    );
  }
  return {
    name: values.name ?? hostname().slice(0, 64),
    host: values.host ?? '127.0.0.1',
    port: values.port ?? 5000,
    dataFolder: dataFolder(values['data-dir'], environment),
    address: values.address,
    contacts: values.contact ?? [],
    demo: values.demo ?? false,
    trust: values.trust ?? (values.demo === true ? 'tofu' : 'verified'),
    crypto: values.crypto ?? 'openssl',
    printMessages: values['print-messages'] ?? values.demo ?? false,
    allowedHosts: (values['allow-host'] ?? []).map((name) => name.toLowerCase()),
    behindProxy: values['behind-proxy'] ?? false,
    logLevel: values['log-level'] ?? 'info',
    passphrase: readPassphrase(values, environment),
  };
}

/** Where each setting came from, for `sotto up --print-config`; holds no secret. */
export function explainConfig(
  args: readonly string[],
  environment: Environment = process.env,
): readonly { readonly name: string; readonly value: unknown; readonly from: string }[] {
  const settings = collect(args, environment);
  check(settings);
  return [...settings].map(([name, { value, from }]) => ({ name, value, from }));
}

/** For commands that look for a running peer. */
export function findDataFolder(given: string | undefined, environment: Environment = process.env) {
  return dataFolder(given ?? environment[variableOf('data-dir')], environment);
}

/** https://no-color.org: any value but the empty one. */
export function wantsColor(environment: Environment = process.env): boolean {
  return (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
}

/** The origin under which a listening peer can be called; undefined behind a wildcard address. */
export function originOf(host: string, port: number): string | undefined {
  if (host === '0.0.0.0' || host === '::') return undefined;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The table for `sotto up --help`: each flag and what it is about. */
export function optionRows(): readonly (readonly [string, string])[] {
  return optionNames.map((name) => {
    const { takes, about } = OPTIONS[name];
    return [`--${name}${takes === undefined ? '' : ` ${takes}`}`, about];
  });
}

function collect(args: readonly string[], environment: Environment): Settings {
  const flags = fromFlags(args);
  const file = flags.config ?? environment['SOTTO_CONFIG'];
  return new Map([
    ...(file === undefined ? [] : fromFile(file)),
    ...fromEnvironment(environment),
    ...flags.settings,
  ]);
}

function fromFlags(args: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean }> = {
    config: { type: 'string' },
  };
  for (const name of optionNames) {
    const { takes, repeated } = OPTIONS[name];
    options[name] = { type: takes === undefined ? 'boolean' : 'string', multiple: repeated };
  }
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowNegative: true });
    const { config, ...rest } = values;
    const settings = Object.entries(rest).flatMap(([name, value]): [OptionName, Setting][] =>
      isOptionName(name) ? [[name, { value, from: `--${name}` }]] : [],
    );
    return { config: config === undefined ? undefined : String(config), settings };
  } catch (cause) {
    const message =
      cause instanceof Error ? cause.message.replace(/\. .*$/s, '') : 'Unusable flags';
    throw new ConfigError(`${message}. \`sotto up --help\` lists what there is.`, { cause });
  }
}

function fromEnvironment(environment: Environment): [OptionName, Setting][] {
  return optionNames.flatMap((name): [OptionName, Setting][] => {
    const value = environment[variableOf(name)];
    return value === undefined ? [] : [[name, { value, from: variableOf(name) }]];
  });
}

function fromFile(file: string): [OptionName, Setting][] {
  const parsed = z.record(z.string(), z.unknown()).safeParse(readJsonFile(file));
  if (!parsed.success) throw new ConfigError(`${file} must hold one JSON object of settings.`);
  return Object.entries(parsed.data).map(([name, value]) => {
    if (isOptionName(name)) return [name, { value, from: file }];
    throw new ConfigError(`${file} has a setting "${name}", which there is not.`);
  });
}

function readJsonFile(file: string): unknown {
  const text = new TextDecoder().decode(readOrExplain(file, 'configuration file'));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function check(settings: Settings): Values {
  const checked = [...settings].map(([name, { value, from }]) => {
    const { schema, must } = OPTIONS[name];
    const result = schema.safeParse(value);
    if (result.success) return [name, result.data];
    throw new ConfigError(`${name} must ${must}, not ${JSON.stringify(value)} (from ${from}).`);
  });
  return Object.fromEntries(checked);
}

function dataFolder(given: string | undefined, environment: Environment): string {
  const shared = environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  return resolve(given ?? join(shared, 'sotto'));
}

/** Never an argument: those are for everybody to read. One line break at the end is dropped. */
function readPassphrase(values: Values, environment: Environment): Uint8Array | undefined {
  const source = values['passphrase-file'] ?? values['passphrase-fd'];
  const word = environment['SOTTO_PASSPHRASE'];
  const ways = [values['passphrase-file'], values['passphrase-fd'], word];
  if (ways.filter((way) => way !== undefined).length > 1) {
    throw new ConfigError('Give the passphrase in one way only.');
  }
  if (source === undefined && word === undefined) return undefined;
  return source === undefined
    ? firstLine(new TextEncoder().encode(word))
    : readPassphraseFile(source);
}

/** The first line of a file or descriptor. To be wiped by who uses it. @throws {ConfigError} */
export function readPassphraseFile(source: string | number): Uint8Array {
  return firstLine(readOrExplain(source, 'passphrase'));
}

/** Wipes what it was given. */
function firstLine(given: Uint8Array): Uint8Array {
  const end = given.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const passphrase = Uint8Array.from(end === -1 ? given : given.subarray(0, end));
  given.fill(0);
  if (passphrase.length === 0) throw new ConfigError('The passphrase is empty.');
  return passphrase;
}

function readOrExplain(source: string | number, what: string): Uint8Array {
  try {
    return readFileSync(source);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const place = typeof source === 'number' ? `descriptor ${source}` : source;
    throw new ConfigError(`The ${what} cannot be read from ${place} (${code}).`, { cause });
  }
}
