/** What opens the data of a peer that does not run, or is about to: for commands that do it. */
import { loadConfig, type PeerConfig } from '../config.ts';
import type { Io } from './io.ts';
import { ask } from './passphrases.ts';

interface Values {
  readonly 'data-dir'?: string;
  readonly 'passphrase-file'?: string;
}

/** @throws {ConfigError} */
export async function configOf(values: Values, io: Io): Promise<PeerConfig> {
  const passed = ['data-dir', 'passphrase-file'] as const;
  const args = passed.flatMap((name) => (values[name] ? [`--${name}`, values[name]] : []));
  return await unlocked(loadConfig(args), io);
}

/** Where a passphrase protects the data and nobody gave it, it is typed by who sits there. */
export async function unlocked(config: PeerConfig, io: Io): Promise<PeerConfig> {
  if (config.passphrase !== undefined || !io.stdinIsTerminal) return config;
  // Only here: who sits nowhere needs none of it.
  const { needsPassphrase } = await import('../identity.ts');
  if (!needsPassphrase(config)) return config;
  return { ...config, passphrase: await ask('Passphrase of the data: ') };
}
