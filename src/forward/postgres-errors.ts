/** What PostgreSQL, or the way to it, says: in words that tell what to do. */
import { ForwardError } from './place.ts';
import type { Address } from './postgres-address.ts';

type Words = (address: Address) => string;

const PASSWORD = 'give it in PGPASSWORD, or in a file of mode 0600 that PGPASSFILE names';
/** OpenSSL's reasons, and Node's own for a name that is not in it. */
const DISTRUST = /CERT|SIGNATURE|ISSUER|ALTNAME/;
const waits = 'readings wait here until it is back';

/** By SQLSTATE, PostgreSQL's appendix A, or Node's own code. The first that begins so counts. */
const WORDS: readonly (readonly [string, Words])[] = [
  ['28P01', ({ user }) => `refuses the password of ${user ?? 'this user'}: ${PASSWORD}`],
  ['28', ({ user }) => `does not let ${user ?? 'this user'} in: see its pg_hba.conf`],
  ['3D000', ({ database }) => `has no database ${database}: make it with createdb ${database}`],
  [
    '42501',
    ({ user }) =>
      `has no rights for ${user ?? 'this user'}: its owner makes the tables of docs/SCALE.md and grants them`,
  ],
  ['42', () => 'has other tables of our names: compare them with docs/SCALE.md'],
  ['22P05', ({ database }) => `cannot write our names: make ${database} with encoding UTF8`],
  ['53', () => `is out of space, memory or connections; ${waits}`],
  ['57', () => `is starting, stopping or out of time; ${waits}`],
  ['ECONNREFUSED', () => `does not answer: is it running, and is that its port? ${waits}`],
  ['ENOENT', () => `has no socket there: is it running? ${waits}`],
  ['ENOTFOUND', () => 'is not known by this name: correct it'],
  ['EAI_AGAIN', () => `cannot be looked up by name now; ${waits}`],
];

export function postgresError(cause: unknown, address: Address): ForwardError {
  if (cause instanceof ForwardError) return cause;
  const { host, port } = address;
  const who = `PostgreSQL at ${host.startsWith('/') ? host : `${host}:${port}`}`;
  return new ForwardError(`${who} ${reasonOf(cause, address)}.`, { cause });
}

/** The library's own text only where it cannot hold what somebody measured. */
function reasonOf(cause: unknown, address: Address): string {
  const error = firstOf(cause);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = WORDS.find(([start]) => code !== '' && code.startsWith(start));
  if (known !== undefined) return known[1](address);
  if (DISTRUST.test(code)) {
    return `shows a certificate that cannot be trusted (${code}): name who vouches for it by ?sslrootcert=FILE`;
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/password must be a string/.test(text)) return `asks for a password: ${PASSWORD}`;
  if (/does not support SSL/.test(text)) {
    return 'speaks no TLS: set it up there, or say ?sslmode=disable if the way is yours alone';
  }
  if (code.length === 5) return `refused (SQLSTATE ${code})`;
  return `cannot be reached (${code === '' ? text : code}); ${waits}`;
}

/** A name with several addresses fails with several errors. */
function firstOf(cause: unknown): unknown {
  return cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
}
