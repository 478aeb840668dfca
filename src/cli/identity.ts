/** `sotto identity`: who this peer is, carried to another machine, and its passphrase changed. */
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { findDataFolder, readPassphraseFile } from '../config.ts';
import { readAtMost } from '../on-disk.ts';
import { assertPeerIn, findPeer, type PeerClient } from './client.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import { type Io, refuseExisting } from './io.ts';
import { configOf } from './opening.ts';
import { ask } from './passphrases.ts';

const IDENTITY_SIZE_MAX = 64 * 1024;

const OPTIONS = {
  'passphrase-file': { type: 'string', takes: 'FILE', about: 'opens the data, if it has one' },
  'new-passphrase-file': {
    type: 'string',
    takes: 'FILE',
    about: 'its first line protects what is written: the identity, or the data from now on',
  },
  'key-file': {
    type: 'boolean',
    about: 'with passphrase: none any more, a key file opens the data',
  },
  output: { type: 'string', short: 'o', takes: 'FILE', about: 'where export writes' },
} as const;

interface Values {
  readonly 'data-dir'?: string;
  readonly 'passphrase-file'?: string;
  readonly 'new-passphrase-file'?: string;
  readonly 'key-file'?: boolean;
  readonly output?: string;
}

export const identity = defineCommand({
  name: 'identity',
  summary: 'Show, export or import who this peer is; change its passphrase',
  usage: ['show', 'export -o FILE', 'import FILE', 'passphrase'],
  details: `Of a peer that runs, or of its data where none does; importing, and going over to a key file, need
them at rest. Passphrases come from files or are typed, never from the command line. An exported
identity is encrypted; who has it and its passphrase is this peer. Two peers must not run as one.`,
  examples: [
    'sotto identity show',
    'sotto identity export -o alice.identity --new-passphrase-file words.txt',
    'sotto identity import alice.identity --new-passphrase-file words.txt --data-dir ./moved',
    'sotto identity passphrase --passphrase-file old.txt --new-passphrase-file new.txt',
    'sotto identity passphrase --passphrase-file old.txt --key-file',
  ],
  verbs: ['show', 'export', 'import', 'passphrase'],
  positionalsMax: 2,
  options: OPTIONS,
  run: async ({ values, positionals: [verb = 'show', file], io }) => {
    const act = VERBS[verb];
    if (act === undefined)
      throw usageError('identity', `Which: ${Object.keys(VERBS).join(', ')}? Not ${verb}`);
    return await act(await keeperOf(values, verb, io), values, io, file);
  },
});

/** What a peer does with its identity: one that runs, or its data where none does. */
interface Keeper {
  show(): Promise<Shown>;
  /** Passphrases are wiped by who uses them. */
  write(passphrase: Uint8Array): Promise<string>;
  read(text: string, passphrase: Uint8Array): Promise<Shown>;
  /** Undefined: a key file opens the data from now on. */
  protect(passphrase: Uint8Array | undefined): Promise<void>;
}

const protectionSchema = z.object({ protected_by: z.string() });
const shownSchema = z.object({ public_key: z.string(), fingerprint: z.string() });
type Shown = z.output<typeof shownSchema>;

async function keeperOf(values: Values, verb: string, io: Io): Promise<Keeper> {
  const folder = findDataFolder(values['data-dir']);
  const peer = await findPeer(folder);
  if (peer !== undefined) return askPeer(peer, values['passphrase-file'], io);
  // What is opened is made, if it is not there; and a new identity is not the one to be kept.
  if (verb !== 'import') assertPeerIn(folder);
  const config = await configOf(values, io);
  const load = () => import('../identity.ts');
  return {
    show: async () => (await load()).showIdentity(config),
    write: async (passphrase) => (await load()).writeIdentity(config, passphrase),
    read: async (text, passphrase) => (await load()).readIdentity(config, text, passphrase),
    protect: async (passphrase) => (await load()).changePassphrase(config, passphrase),
  };
}

/** @param file holds the passphrase that opens its data now, if one does. */
function askPeer(peer: PeerClient, file: string | undefined, io: Io): Keeper {
  const stopped = (what: string) =>
    new CommandError(EXIT.usage, `${what} while the peer runs is not possible: stop it first.`);
  const current = async () => {
    if (file !== undefined) return readPassphraseFile(file);
    const { protected_by } = await peer.get('/identity', protectionSchema);
    const isAsked = protected_by === 'passphrase' && io.stdinIsTerminal;
    return isAsked ? await ask('Passphrase of the data: ') : undefined;
  };
  const secrets = async (passphrase: Uint8Array) => {
    const opening = await current();
    return { ...(opening && { current: take(opening) }), passphrase: take(passphrase) };
  };
  return {
    show: () => peer.get('/identity', shownSchema),
    write: async (passphrase) =>
      await text(await peer.download('POST', '/identity', await secrets(passphrase))),
    read: async () => {
      throw stopped('Importing an identity');
    },
    protect: async (passphrase) => {
      if (passphrase === undefined) throw stopped('Going over to a key file');
      await peer.post('/passphrase', await secrets(passphrase), z.null());
    },
  };
}

/** As text, which a request has to be. */
function take(passphrase: Uint8Array): string {
  const word = new TextDecoder().decode(passphrase);
  passphrase.fill(0);
  return word;
}

type Act = (keeper: Keeper, values: Values, io: Io, file: string | undefined) => Promise<Outcome>;

const VERBS: Readonly<Record<string, Act>> = {
  show: async (keeper) => {
    const { public_key, fingerprint } = await keeper.show();
    const lines = `public key   ${public_key}\nfingerprint  ${grouped(fingerprint)}`;
    return { data: { public_key, fingerprint }, text: lines };
  },
  export: async (keeper, values, io) => {
    if (values.output === undefined) throw usageError('identity', 'Where to? Give -o FILE.');
    refuseExisting(values.output);
    const passphrase = await newPassphrase(values, io, 'Passphrase for the file: ', {
      twice: true,
    });
    write(values.output, await keeper.write(passphrase));
    return { data: { file: values.output }, text: `Written to ${values.output}.` };
  },
  import: async (keeper, values, io, file) => {
    if (file === undefined) throw usageError('identity', 'Which file?');
    const identity = read(file);
    const passphrase = await newPassphrase(values, io, 'Passphrase of the file: ');
    const data = await keeper.read(identity, passphrase);
    return { data, text: `This peer is ${grouped(data.fingerprint)} now.` };
  },
  passphrase: async (keeper, values, io) => {
    const none = values['key-file'] === true;
    const isGiven = values['new-passphrase-file'] !== undefined;
    if (none ? isGiven : !isGiven && !io.stdinIsTerminal) {
      throw usageError('identity', 'Give either --new-passphrase-file or --key-file.');
    }
    const next = 'New passphrase: ';
    await keeper.protect(none ? undefined : await newPassphrase(values, io, next, { twice: true }));
    const text = none ? 'A key file opens the data now.' : 'The new passphrase opens the data now.';
    return { data: { passphrase: !none }, text };
  },
};

/** In fives, as people read digits to each other. */
const grouped = (digits: string) => digits.match(/.{1,5}/g)?.join(' ') ?? '';

async function newPassphrase(
  values: Values,
  io: Io,
  question: string,
  typed: { readonly twice?: boolean } = {},
): Promise<Uint8Array> {
  const file = values['new-passphrase-file'];
  if (file !== undefined) return readPassphraseFile(file);
  if (io.stdinIsTerminal) return await ask(question, typed);
  throw usageError('identity', 'Give --new-passphrase-file FILE.');
}

function read(file: string): string {
  try {
    const held = readAtMost(file, IDENTITY_SIZE_MAX);
    if (held !== undefined) return new TextDecoder().decode(held);
  } catch (cause) {
    throw new CommandError(EXIT.usage, `${file} cannot be read.`, { cause });
  }
  throw new CommandError(EXIT.usage, `${file} is too large to be an identity.`);
}

/** Never over a file that is there. */
function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const hint = 'is it there already, or its folder missing?';
    throw new CommandError(EXIT.usage, `${file} cannot be written: ${hint}`, { cause });
  }
}
