/**
 * For commands that work on the data of a peer also where none runs: then one runs for as long as
 * the command takes, on loopback, and nobody is told where.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findDataFolder, type PeerConfig } from '../config.ts';
import { clientOf, connect, findPeer, noPeer, type PeerClient } from './client.ts';
import type { Io } from './io.ts';
import { configOf } from './opening.ts';

/** What such a command takes besides. */
export const OPENING = {
  'passphrase-file': {
    type: 'string',
    takes: 'FILE',
    about: 'opens the data where no peer runs, if they have one',
  },
} as const;

interface Values {
  readonly 'data-dir'?: string;
  readonly 'passphrase-file'?: string;
  /** Goes on for long: that is for a peer that runs anyway. */
  readonly follow?: boolean;
}

export interface Reached {
  readonly peer: PeerClient;
  /** It runs for this command only. */
  readonly isPassing: boolean;
}

/** @throws {CommandError} `noPeer` @throws {StoreError} if the data do not open. */
export async function withPeer<T>(
  values: Values,
  io: Io,
  work: (reached: Reached) => Promise<T>,
): Promise<T> {
  const folder = findDataFolder(values['data-dir']);
  const running = await findPeer(folder);
  if (running !== undefined) return await work({ peer: running, isPassing: false });
  if (values.follow === true) await connect(folder, '--follow');
  if (!existsSync(join(folder, 'peer.db'))) throw noPeer(folder);
  // Only here: no other command has to wait until all of a peer is loaded.
  const { createPeer } = await import('../peer.ts');
  const silent = { print: () => undefined, printMessage: () => undefined };
  const passing = createPeer(await passingConfig(values, io), { terminal: silent });
  const { origin, token } = await passing.start();
  try {
    return await work({ peer: clientOf(origin, token), isPassing: true });
  } finally {
    await passing.stop();
  }
}

/** What a peer that runs for long is told to do by settings that a command may not have. */
const WITHOUT = {
  announce: false,
  forward: undefined,
  keepMessages_days: undefined,
  keepReadings_days: undefined,
  keepMessages_size: undefined,
  keepReadings_size: undefined,
};

async function passingConfig(values: Values, io: Io): Promise<PeerConfig> {
  return {
    ...(await configOf(values, io)),
    ...WITHOUT,
    host: '127.0.0.1',
    port: 0,
    isCallable: false,
    demo: false,
    logLevel: 'error',
  };
}
