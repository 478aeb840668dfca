/** Where a passphrase comes from: a file, a descriptor, or a person's fingers. */
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
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
  const terminal = new UnseenTerminal();
  try {
    const passphrase = await terminal.ask(question);
    if (passphrase === '') throw new CommandError(EXIT.usage, 'The passphrase is empty.');
    if (twice && (await terminal.ask('The same again: ')) !== passphrase) {
      throw new CommandError(EXIT.usage, 'The two passphrases differ; nothing was done.');
    }
    return new TextEncoder().encode(passphrase);
  } finally {
    terminal.close();
  }
}

function numberOf(descriptor: string): number {
  if (/^\d{1,6}$/.test(descriptor)) return Number(descriptor);
  const words = `--passphrase-fd takes the number of an open descriptor, not ${descriptor}.`;
  throw new CommandError(EXIT.usage, words);
}

/** Ends this process; other threads may take the signal later, and meanwhile nothing goes on. */
async function interrupted(): Promise<void> {
  process.kill(process.pid, 'SIGINT');
  await setTimeout(SIGNAL_TIME_MAX_MS);
}

const SIGNAL_TIME_MAX_MS = 10_000;

/** A terminal that shows nothing of what is typed, from its first question until it is closed. */
class UnseenTerminal {
  readonly #lines: Interface;
  readonly #typed: AsyncIterator<string>;
  #isInterrupted = false;

  constructor() {
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    this.#lines = createInterface({ input: process.stdin, output: silent, terminal: true });
    // What is typed ahead of a question is the answer to it.
    this.#typed = this.#lines[Symbol.asyncIterator]();
    this.#lines.on('SIGINT', () => {
      this.#isInterrupted = true;
      this.#lines.close();
    });
  }

  /** @throws {CommandError} `usage` at the end of what is typed. */
  async ask(question: string): Promise<string> {
    process.stderr.write(question);
    const { value, done } = await this.#typed.next();
    process.stderr.write('\n');
    if (this.#isInterrupted) await interrupted();
    if (done !== true) return value;
    const words = 'No passphrase was given; --passphrase-file FILE gives one, too.';
    throw new CommandError(EXIT.usage, words);
  }

  close(): void {
    this.#lines.close();
  }
}
