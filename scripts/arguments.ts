/** The arguments of a script, or one sentence about what is wrong with them and what it takes. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends the process where they cannot be read. @param usage how the script is called. */
export function argumentsOf<T extends NonNullable<ParseArgsConfig['options']>>(
  usage: string,
  options: T,
) {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (cause) {
    return refuse(usage, cause instanceof Error ? cause.message.replace(/\. .*$/s, '') : '');
  }
}

/** @param what is wrong. */
export function refuse(usage: string, what: string): never {
  console.error(`${what}. It is called so: ${usage}`);
  process.exit(2);
}
