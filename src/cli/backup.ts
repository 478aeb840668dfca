/** `sotto backup`: everything that a peer is, as one file, and back. */
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { findDataFolder, loadConfig } from '../config.ts';
import { StoreError } from '../failures.ts';
import { reasonOf } from '../reasons.ts';
import { assertPeerIn, findPeer } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import { type Io, openFile, refuseExisting } from './io.ts';
import { configOf } from './opening.ts';
import { metered } from './progress.ts';

interface Values {
  readonly 'data-dir'?: string;
  readonly 'passphrase-file'?: string;
}

export const backup = defineCommand({
  name: 'backup',
  summary: 'Copy everything that a peer is into one file, or restore it',
  usage: ['-o FILE', '--restore FILE'],
  details: `Of a running peer, or of one that does not run; nothing has to stop. The copy is encrypted as the
data folder is: by its passphrase, or with the key file inside, and then whoever has it can read it
(\`sotto identity passphrase\` sets one). After a restore nothing new is lost or taken for a repeat;
what waited to be sent when the copy was made may arrive twice, and what arrived after it is gone.
Stop the old peer for good first: two must not run as one.`,
  examples: [
    'sotto backup -o alice.tar',
    'sotto backup --restore alice.tar --data-dir ./alice-again',
  ],
  positionalsMax: 0,
  options: {
    output: { type: 'string', short: 'o', takes: 'FILE', about: 'the copy to write' },
    restore: { type: 'string', takes: 'FILE', about: 'unpack this copy into the data folder' },
    'passphrase-file': {
      type: 'string',
      takes: 'FILE',
      about: 'opens the data of a peer that does not run, if they have one',
    },
  },
  run: async ({ values, io }) => {
    const { output, restore } = values;
    if ((output === undefined) === (restore === undefined)) {
      throw usageError('backup', 'Give either -o FILE or --restore FILE.');
    }
    if (restore !== undefined) return await putBack(values, restore);
    return await copy(values, output ?? '', io);
  },
});

async function copy(values: Values, file: string, io: Io): Promise<Outcome> {
  refuseExisting(file);
  const folder = findDataFolder(values['data-dir']);
  const peer = await findPeer(folder);
  if (peer !== undefined) {
    await save(await peer.download('POST', '/backup'), file);
  } else {
    assertPeerIn(folder);
    const { backUp } = await import('../identity.ts');
    await backUp(await configOf(values, io), (tar) => save(tar, file));
  }
  io.say(`Keep ${file} as you would keep the peer itself.`);
  return { data: { file }, text: file };
}

/** Whole or not at all: half a backup is worse than none. */
async function save(tar: Readable, file: string): Promise<void> {
  const draft = `${file}.part`;
  try {
    const target = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(metered(tar, 'copying'), target);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    if (cause instanceof StoreError) throw cause;
    const words = `${file} was not written: ${reasonOf(cause)}. Look at its folder and the peer, then repeat.`;
    throw new CommandError(EXIT.failed, words, { cause });
  }
}

async function putBack(values: Values, file: string): Promise<Outcome> {
  const dir = values['data-dir'];
  const folder = findDataFolder(dir);
  const tar = openFile(file);
  const { restore } = await import('../identity.ts');
  await restore(loadConfig(dir === undefined ? [] : ['--data-dir', dir]), tar);
  return { data: { folder }, text: `Restored to ${folder}. \`sotto up\` runs it.` };
}
