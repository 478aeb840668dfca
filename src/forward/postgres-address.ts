/** `postgres://USER@HOST:PORT/DATABASE`, as options.ts lets it through: without a password. */
import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { reasonOf } from '../reasons.ts';
import { ForwardError } from './place.ts';

const PORT = 5432;
const CONNECT_MS = 10_000;
/** The server ends a statement first, so that it does not go on after we have given up. */
const STATEMENT_MS = 30_000;
const QUERY_MS = 35_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

export interface Address {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Undefined: PGUSER, or who runs this process. */
  readonly user: string | undefined;
  readonly isEncrypted: boolean;
  /** Instead of the certificates that Node trusts. */
  readonly rootCertificate: string | undefined;
}

export function parseAddress(address: string): Address {
  const url = new URL(address);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  const isHere = host === '' || host.startsWith('/') || LOOPBACK.test(host);
  const rootCertificate = url.searchParams.get('sslrootcert') ?? undefined;
  const usual = isHere && rootCertificate === undefined ? 'disable' : 'verify-full';
  return {
    host: host === '' ? 'localhost' : host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || PORT),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
    isEncrypted: (url.searchParams.get('sslmode') ?? usual) !== 'disable',
    rootCertificate,
  };
}

/** The password comes from PGPASSWORD or PGPASSFILE, which the library reads itself. */
export function clientConfig(address: Address): ClientConfig {
  const { host, port, database, user, isEncrypted, rootCertificate: file } = address;
  const ca = file === undefined ? {} : { ca: readCertificate(file) };
  return {
    host,
    port,
    database,
    ...(user !== undefined && { user }),
    ssl: isEncrypted && { rejectUnauthorized: true, host, ...ca },
    application_name: 'sotto',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
  };
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const words = `sslrootcert ${file} cannot be read, ${reasonOf(cause)}: correct it.`;
    throw new ForwardError(words, { cause });
  }
}
