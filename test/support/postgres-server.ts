/** A PostgreSQL of a test's own, from Debian's package, in a folder that goes with the test. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  globSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { freePort } from './free-ports.ts';

const FIXTURES = fileURLToPath(new URL('../../bench/fixtures/', import.meta.url));
/** Who vouches for its certificate. */
export const AUTHORITY = join(FIXTURES, 'ca.pem');
const SECRETS = ['server.pem', 'server.key'];
const SUPERUSER = 'postgres';
const PASSWORD = 'of the superuser';
const STARTING_MS = 60_000;

/** Undefined where the package is not installed. */
export function findPostgres(): string | undefined {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1);
  return found === undefined ? undefined : dirname(found);
}

export class PostgresServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'sotto-pg-'));
  /** Asks everybody for a password, on loopback and on its socket. */
  readonly passwordFile = join(this.folder, 'pgpass');
  readonly port: number;
  readonly #programs: string;
  /** It refuses to run as root. */
  readonly #as: { readonly uid?: number; readonly gid?: number };
  #process: ChildProcess | undefined;

  private constructor(programs: string, port: number) {
    this.#programs = programs;
    this.port = port;
    this.#as = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  }

  static async create(programs: string): Promise<PostgresServer> {
    const server = new PostgresServer(programs, await freePort());
    const { folder } = server;
    const passwordFile = join(folder, 'superuser');
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    const { uid, gid } = server.#as;
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
    chmodSync(passwordFile, 0o644);
    const data = join(folder, 'data');
    const flags = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'];
    const how = ['--locale=C', '--no-sync', '-U', SUPERUSER, '-D', data];
    execFileSync(join(programs, 'initdb'), [...flags, ...how], { ...server.#as, stdio: 'pipe' });
    for (const name of SECRETS) {
      const file = join(folder, name);
      copyFileSync(join(FIXTURES, name), file);
      chmodSync(file, 0o600);
      if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
    }
    await server.start();
    return server;
  }

  /** Writes what PGPASSFILE names: one password for each user. */
  allow(passwords: Readonly<Record<string, string>>): void {
    const lines = Object.entries(passwords).map(([user, word]) => `*:*:*:${user}:${word}\n`);
    writeFileSync(this.passwordFile, lines.join(''), { mode: 0o600 });
  }

  async start(): Promise<void> {
    const deadline = performance.now() + STARTING_MS;
    for (;;) {
      // After a kill it refuses for a moment, until the last process of the one before has ended.
      if (this.#process === undefined || this.#process.exitCode !== null) this.#spawn();
      const error = await this.query('select 1').then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error === undefined) return;
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }

  #spawn(): void {
    const { folder, port } = this;
    const [certificate, key] = SECRETS.map((name) => join(folder, name));
    const here = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
    const settings = [...here, 'ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`];
    const flags = ['-D', join(folder, 'data'), '-p', `${port}`];
    const args = [...flags, ...settings.flatMap((setting) => ['-c', setting])];
    this.#process = spawn(join(this.#programs, 'postgres'), args, { ...this.#as, stdio: 'ignore' });
  }

  /** SIGINT is its own way to stop at once, and in order. */
  async stop(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'close');
    running.kill(signal);
    await ended;
  }

  /** As the superuser; a connection of its own each time. */
  async query<Row extends object>(sql: string, database = 'postgres'): Promise<Row[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: SUPERUSER,
      password: PASSWORD,
      database,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async remove(): Promise<void> {
    await this.stop('SIGINT');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));
}
