/** How fast a full store reaches a PostgreSQL of its own, on this machine and this disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerProcess } from '../test/support/peer-process.ts';
import { findPostgres, PostgresServer } from '../test/support/postgres-server.ts';

const OWNER = 'pi';
const POLL_MS = 20;

/**
 * Readings a second, from the start of a peer on `folder`, where it has been named no place before,
 * until PostgreSQL has all; undefined where PostgreSQL is not installed.
 */
export async function forwardRate(folder: string, readings: number): Promise<number | undefined> {
  const programs = findPostgres();
  if (programs === undefined) return undefined;
  const server = await PostgresServer.create(programs);
  const address = `postgres://${OWNER}@127.0.0.1:${server.port}/readings`;
  const flags = ['--keep-readings', '0', '--log-level', 'warn', '--forward', address];
  const environment = { PGPASSFILE: server.passwordFile };
  const peer = new PeerProcess({ name: 'pi', folder, flags, environment });
  try {
    await server.query(`create role ${OWNER} login password 'of the bench'`);
    await server.query(`create database readings owner ${OWNER}`);
    server.allow({ [OWNER]: 'of the bench' });
    await peer.start();
    const began = performance.now();
    while ((await countOf(server)) < readings) await sleep(POLL_MS);
    return (1_000 * readings) / (performance.now() - began);
  } finally {
    await peer.stop('SIGKILL');
    await server.remove();
  }
}

async function countOf(server: PostgresServer): Promise<number> {
  const rows = await server
    .query<{ count: string }>('select count(*) from sotto_reading', 'readings')
    .catch(() => []);
  return Number(rows[0]?.count ?? 0);
}
