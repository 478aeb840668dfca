/** Where a passphrase comes from: a file, a descriptor, or a person's fingers. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { readPassphraseFile } from '../config.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';

export const PASSPHRASE_OPTIONS = {
  'passphrase-file': { type: 'string', takes: 'FILE', about: 'its first line is the passphrase' },
  'passphrase-fd': { type: 'string', takes: 'NUMBER', about: 'the same, from a descriptor' },
} as const;

export interface PassphraseValues {
  readonly 'passphrase-file'?: string;
  readonly 'passphrase-fd'?: string;
}

/**
 * From the options, or typed unseen; `twice` where a slip of a finger would lose what it protects.
 * To be wiped by who uses it. @throws {CommandError} `usage` @throws {ConfigError}
 */
export async function readPassphrase(
  values: PassphraseValues,
  io: Io,
  { twice = false }: { readonly twice?: boolean } = {},
): Promise<Uint8Array> {
  const [file, descriptor] = [values['passphrase-file'], values['passphrase-fd']];
  if (file !== undefined && descriptor !== undefined) {
    throw new CommandError(EXIT.usage, 'Give the passphrase in one way only.');
  }
  if (file !== undefined) return readPassphraseFile(file);
  if (descriptor !== undefined) return readPassphraseFile(numberOf(descriptor));
  if (!io.stdinIsTerminal) {
    throw new CommandError(EXIT.usage, 'Give --passphrase-file FILE or --passphrase-fd NUMBER.');
  }
  return await ask('Passphrase: ', { twice });
}

/** On a terminal, typed unseen. To be wiped by who uses it. @throws {CommandError} `usage` */
export async function ask(question: string, { twice = false } = {}): Promise<Uint8Array> {
  const passphrase = await askUnseen(question);
  if (passphrase === '') throw new CommandError(EXIT.usage, 'The passphrase is empty.');
  if (twice && (await askUnseen('The same again: ')) !== passphrase) {
    throw new CommandError(EXIT.usage, 'The two passphrases differ; nothing was done.');
  }
  return new TextEncoder().encode(passphrase);
}

function numberOf(descriptor: string): number {
  if (/^\d{1,6}$/.test(descriptor)) return Number(descriptor);
  const words = `--passphrase-fd takes the number of an open descriptor, not ${descriptor}.`;
  throw new CommandError(EXIT.usage, words);
}

async function askUnseen(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  let isInterrupted = false;
  terminal.on('SIGINT', () => {
    isInterrupted = true;
    terminal.close();
  });
  process.stderr.write(question);
  try {
    const closed = new Promise<undefined>((resolve) =>
      terminal.once('close', () => resolve(undefined)),
    );
    const typed = await Promise.race([terminal.question('').catch(() => undefined), closed]);
    if (isInterrupted) {
      process.stderr.write('\n');
      process.kill(process.pid, 'SIGINT');
    }
    if (typed === undefined)
      throw new CommandError(
        EXIT.usage,
        'No passphrase was given; --passphrase-file FILE gives one, too.',
      );
    return typed;
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
