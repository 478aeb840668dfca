/** `sotto identity`: who this peer is, carried to another machine, and its passphrase changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadConfig, type PeerConfig, readPassphraseFile } from '../config.ts';
import { defineCommand, type Outcome, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';

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
  details: `For a peer that does not run. Passphrases come from files, never from the command line. An exported
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
  run: async ({ values, positionals: [verb = 'show', file] }) => {
    const act = VERBS[verb];
    if (act === undefined) throw usageError('identity', `There is no identity ${verb}.`);
    return await act(configOf(values), values, file);
  },
});

type Act = (config: PeerConfig, values: Values, file: string | undefined) => Promise<Outcome>;

const VERBS: Readonly<Record<string, Act>> = {
  show: async (config) => {
    const { showIdentity } = await import('../identity.ts');
    const data = await showIdentity(config);
    return { data, text: `public key   ${data.public_key}\nfingerprint  ${data.fingerprint}` };
  },
  export: async (config, values) => {
    if (values.output === undefined) throw usageError('identity', 'Where to? Give -o FILE.');
    const passphrase = newPassphrase(values);
    const { writeIdentity } = await import('../identity.ts');
    write(values.output, await writeIdentity(config, passphrase));
    return { data: { file: values.output }, text: `Written to ${values.output}.` };
  },
  import: async (config, values, file) => {
    if (file === undefined) throw usageError('identity', 'Which file?');
    const text = read(file);
    const { readIdentity } = await import('../identity.ts');
    const data = await readIdentity(config, text, newPassphrase(values));
    return { data, text: `This peer is ${data.fingerprint} now.` };
  },
  passphrase: async (config, values) => {
    const none = values['key-file'] === true;
    if (none === (values['new-passphrase-file'] !== undefined)) {
      throw usageError('identity', 'Give either --new-passphrase-file or --key-file.');
    }
    const { changePassphrase } = await import('../identity.ts');
    await changePassphrase(config, none ? undefined : newPassphrase(values));
    const text = none ? 'A key file opens the data now.' : 'The new passphrase opens the data now.';
    return { data: { passphrase: !none }, text };
  },
};

function configOf(values: Values): PeerConfig {
  const passed = ['data-dir', 'passphrase-file'] as const;
  return loadConfig(passed.flatMap((name) => (values[name] ? [`--${name}`, values[name]] : [])));
}

function newPassphrase(values: Values): Uint8Array {
  const file = values['new-passphrase-file'];
  if (file === undefined) throw usageError('identity', 'Give --new-passphrase-file FILE.');
  return readPassphraseFile(file);
}

function read(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length <= IDENTITY_SIZE_MAX) return text;
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
