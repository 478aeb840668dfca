/**
 * What a peer is told from outside: a file, then the environment, then flags, each overruling the
 * one before. options.ts says what there is. The only reader of `process.env`.
 */
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseJson } from './json.ts';
import { nearest } from './nearest.ts';
import { readAtMost } from './on-disk.ts';
import { OPTIONS, type Option } from './options.ts';
import { reasonOf } from './reasons.ts';

export { isOrigin } from './options.ts';

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
  /** Others are told where it listens, if `address` does not say. */
  readonly isCallable: boolean;
  /** Whoever asks on this network hears of it. */
  readonly announce: boolean;
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
  /** Messages go so long after they were opened, or have arrived; undefined: never. */
  readonly keepMessages_days: number | undefined;
  /** Readings that are older go; undefined: never. */
  readonly keepReadings_days: number | undefined;
  /**
   * Where readings go besides, as URLs without passwords, docs/SCALE.md; undefined: nowhere now, and
   * what waits goes on waiting.
   */
  readonly forward: readonly string[] | undefined;
  /** Bytes of messages that were opened, or have arrived; undefined: any. */
  readonly keepMessages_size: number | undefined;
  /** Bytes of readings; undefined: any. */
  readonly keepReadings_size: number | undefined;
  /** Opens the store; undefined: a key file does. To be wiped by who uses it. */
  readonly passphrase: Uint8Array | undefined;
}

/** What was given cannot be used. The message names the setting, and where it came from. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

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

const CONFIG_VARIABLE = 'SOTTO_CONFIG';
const PASSPHRASE_VARIABLE = 'SOTTO_PASSPHRASE';

/** A year and some: else a device that measures every ten seconds fills any disk. */
const KEEP_READINGS_DAYS = 400;
const MIB = 2 ** 20;

/** Of a configuration file, or of one with a passphrase; bytes. */
const SOURCE_SIZE_MAX = 2 ** 20;

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
  const host = values.host ?? '127.0.0.1';
  if (values.announce === true && values.address === undefined && isLoopback(host)) {
    const next = 'give --host, or --address where a proxy of yours takes calls';
    throw new ConfigError(`announce is of no use where nobody can call ${host}: ${next}.`);
  }
  return {
    name: values.name ?? hostname().slice(0, 64),
    host,
    port: values.port ?? 5000,
    dataFolder: dataFolder(values['data-dir'], environment),
    address: values.address,
    isCallable: true,
    announce: values.announce ?? false,
    contacts: values.contact ?? [],
    demo: values.demo ?? false,
    trust: values.trust ?? (values.demo === true ? 'tofu' : 'verified'),
    crypto: values.crypto ?? 'openssl',
    printMessages: values['print-messages'] ?? values.demo ?? false,
    allowedHosts: (values['allow-host'] ?? []).map((name) => name.toLowerCase()),
    behindProxy: values['behind-proxy'] ?? false,
    logLevel: values['log-level'] ?? 'info',
    keepMessages_days: values['keep-messages'] || undefined,
    keepReadings_days: (values['keep-readings'] ?? KEEP_READINGS_DAYS) || undefined,
    forward: values.forward ?? [],
    keepMessages_size: (values['keep-messages-mib'] ?? 0) * MIB || undefined,
    keepReadings_size: (values['keep-readings-mib'] ?? 0) * MIB || undefined,
    passphrase: readPassphrase(values, environment),
  };
}

export interface Explained {
  readonly name: string;
  /** Null: there is none. */
  readonly value: unknown;
  readonly from: string;
}

const isLoopback = (host: string) => /^(127\.|::1$|localhost$)/.test(host);

/** Every setting, and where it came from, for `sotto up --print-config`; holds no secret. */
export function explainConfig(
  args: readonly string[],
  environment: Environment = process.env,
): readonly Explained[] {
  const config = loadConfig(args, environment);
  config.passphrase?.fill(0);
  const settings = collect(args, environment);
  const inEffect = valuesOf(config);
  const explained = optionNames.map((name): Explained => {
    const { value = null, from = 'default' } = settings.get(name) ?? {};
    return { name, value: inEffect[name] ?? value, from };
  });
  if (environment[PASSPHRASE_VARIABLE] === undefined) return explained;
  return [...explained, { name: 'passphrase', value: '…', from: PASSPHRASE_VARIABLE }];
}

/** As the options would say it. */
function valuesOf(config: PeerConfig): Partial<Readonly<Record<OptionName, unknown>>> {
  return {
    ...config,
    'data-dir': config.dataFolder,
    contact: config.contacts.map(({ name, address }) => `${name}=${address}`),
    'print-messages': config.printMessages,
    'allow-host': config.allowedHosts,
    'behind-proxy': config.behindProxy,
    'keep-messages': config.keepMessages_days ?? 0,
    'keep-readings': config.keepReadings_days ?? 0,
    'keep-messages-mib': (config.keepMessages_size ?? 0) / MIB,
    'keep-readings-mib': (config.keepReadings_size ?? 0) / MIB,
    'log-level': config.logLevel,
  };
}

export interface ServiceManager {
  /** How often it wants to hear that all is well; undefined: never. */
  readonly every_ms: number | undefined;
}

/** systemd, where it started this process and waits for word of it: sd_notify(3). */
export function serviceManager(environment: Environment = process.env): ServiceManager | undefined {
  if (!environment['NOTIFY_SOCKET']) return undefined;
  const watchdog_ms = Number(environment['WATCHDOG_USEC'] ?? 0) / 1000;
  return { every_ms: watchdog_ms > 0 ? watchdog_ms / 2 : undefined };
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
  const file = flags.config ?? environment[CONFIG_VARIABLE];
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
    const words = explainFlags(cause, Object.keys(options));
    throw new ConfigError(`${words} \`sotto up --help\` lists what there is.`, { cause });
  }
}

/** What parseArgs has against them, and what may have been meant. */
export function explainFlags(cause: unknown, known: readonly string[]): string {
  const [first = ''] = cause instanceof Error ? cause.message.split('\n', 1) : ['Unusable flags'];
  const message = first.replace(/\.( .*)?$/, '');
  const typed = /^Unknown option '--([^'=]+)/.exec(message)?.[1] ?? '';
  const meant = nearest(typed, known);
  return `${message}.${didYouMean(meant === undefined ? undefined : `--${meant}`)}`;
}

/** A sentence of its own, with a space before it. */
export function didYouMean(word: string | undefined): string {
  return word === undefined ? '' : ` Did you mean ${word}?`;
}

function fromEnvironment(environment: Environment): [OptionName, Setting][] {
  const known = [...optionNames.map(variableOf), CONFIG_VARIABLE, PASSPHRASE_VARIABLE];
  for (const name of Object.keys(environment)) {
    // What is like none of ours may be another program's.
    const meant = name.startsWith('SOTTO_') && !known.includes(name) && nearest(name, known);
    if (meant) throw new ConfigError(`There is no setting ${name}.${didYouMean(meant)}`);
  }
  return optionNames.flatMap((name): [OptionName, Setting][] => {
    const value = environment[variableOf(name)];
    return value === undefined ? [] : [[name, { value, from: variableOf(name) }]];
  });
}

/** Each setting with its line, so that a person finds it. */
function fromFile(file: string): [OptionName, Setting][] {
  const text = new TextDecoder().decode(readOrExplain(file, 'configuration file'));
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseFile(file, text));
  if (!parsed.success) throw new ConfigError(`${file} must hold one JSON object of settings.`);
  return Object.entries(parsed.data).map(([name, value]) => {
    const from = `${file}:${lineOf(name, text)}`;
    if (isOptionName(name)) return [name, { value, from }];
    const hint = 'Its settings are the options of `sotto up --help`, without dashes.';
    const meant = didYouMean(nearest(name, optionNames));
    throw new ConfigError(`There is no setting "${name}" (from ${from}).${meant} ${hint}`);
  });
}

function parseFile(file: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ConfigError(`${file}: ${cause.message}.`, { cause });
  }
}

function lineOf(name: string, text: string): number {
  const key = JSON.stringify(name).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const before = new RegExp(`${key}\\s*:`).exec(text)?.index ?? 0;
  return text.slice(0, before).split('\n').length;
}

function check(settings: Settings): Values {
  const checked = [...settings].map(([name, { value, from }]) => {
    const { schema, must, isDelicate }: Option<unknown> = OPTIONS[name];
    const result = schema.safeParse(value);
    if (result.success) return [name, result.data];
    const given = isDelicate === true ? '' : `, not ${JSON.stringify(value)}`;
    throw new ConfigError(`${name} must ${must}${given} (from ${from}).`);
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
  const word = environment[PASSPHRASE_VARIABLE];
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
  const place = typeof source === 'number' ? `descriptor ${source}` : source;
  const words = `The ${what} cannot be read from ${place}`;
  try {
    const held = readAtMost(source, SOURCE_SIZE_MAX);
    if (held !== undefined) return held;
  } catch (cause) {
    throw new ConfigError(`${words}: ${reasonOf(cause)}.`, { cause });
  }
  throw new ConfigError(`${words}: it has more than ${SOURCE_SIZE_MAX} bytes.`);
}
