/**
 * Every setting of a peer: what its value must be, how it is written, what it is about. Flags,
 * variables, the file and the help follow from this table.
 */
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

export interface Option<T> {
  readonly schema: z.ZodType<T>;
  /** What a value looks like in the help; undefined for a switch. */
  readonly takes: string | undefined;
  readonly repeated: boolean;
  /** Completes the sentence "PORT must be …". */
  readonly must: string;
  readonly about: string;
  /** A value that was refused may hold a secret: it is not quoted. */
  readonly isDelicate?: boolean;
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
  .regex(/^[^\p{C}\u2028\u2029]+$/u)
  .refine((name) => name.trim() === name);
/** PROTOCOL §3.1: an origin with its port, and without path, query, user or trailing slash. */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'http:' && text === `http://${url.hostname}:${url.port || 80}`;
}
const originSchema = z.string().refine(isOrigin);
const contactSchema = z
  .string()
  .transform((text) => ({
    name: text.split('=', 1)[0],
    address: text.slice(text.indexOf('=') + 1),
  }))
  .pipe(z.object({ name: nameSchema, address: originSchema }));

/** A place that readings are forwarded to. What forward/ cannot do is refused before the start. */
const postgresSchema = z.string().refine((text) => {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== '') return false;
  const { searchParams: given } = url;
  const known = [...given.keys()].every((name) =>
    ['host', 'sslmode', 'sslrootcert'].includes(name),
  );
  const sslmode = given.get('sslmode') ?? 'verify-full';
  const isSecure = sslmode === 'verify-full' || sslmode === 'disable';
  return url.password === '' && known && isSecure && /^\/[^/]+$/.test(url.pathname);
});
const mqttSchema = z.string().refine((text) => {
  const url = URL.parse(text);
  if (url === null || !/^mqtts?:$/.test(url.protocol) || url.hash !== '') return false;
  const known = [...url.searchParams.keys()].every((name) =>
    ['passwordfile', 'ca', 'discovery'].includes(name),
  );
  const isTopic = /^[A-Za-z0-9_/-]*$/.test(url.searchParams.get('discovery') ?? '');
  return (
    url.password === '' && known && isTopic && url.hostname !== '' && /^\/?$/.test(url.pathname)
  );
});

export const OPTIONS = {
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
  announce: toggle('let peers on this network find this one by mDNS, with name and fingerprint'),
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
  'keep-messages': option(
    'DAYS',
    integer(0, 36_500),
    'be a number of days, 0 for ever',
    'delete messages so long after they were opened or have arrived; else never',
  ),
  'keep-readings': option(
    'DAYS',
    integer(0, 36_500),
    'be a number of days, 0 for ever',
    'delete readings that are older; else 400, 0 keeps them for ever',
  ),
  forward: {
    ...list(
      'URL',
      z.union([postgresSchema, mqttSchema]),
      'look like postgres://USER@HOST:PORT/DATABASE, with ?host=FOLDER of a socket, ' +
        '?sslmode=disable or verify-full, or ?sslrootcert=FILE; or like mqtts://USER@HOST:PORT or ' +
        'mqtt://…, with ?passwordfile=FILE, ?ca=FILE, or ?discovery=PREFIX, which may be empty; ' +
        'a password never stands in it, but in the file named there, or, for PostgreSQL, in ' +
        'PGPASSWORD or the file that PGPASSFILE names',
      'readings also go there: postgres://USER@HOST/DATABASE, mqtts://USER@HOST',
    ),
    isDelicate: true,
  },
  'keep-messages-mib': option(
    'MIB',
    integer(0, 1_000_000),
    'be a number of MiB, 0 for any',
    'delete the oldest of these messages while they take more; else never',
  ),
  'keep-readings-mib': option(
    'MIB',
    integer(0, 1_000_000),
    'be a number of MiB, 0 for any',
    'delete the oldest readings while they take more; else never',
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
