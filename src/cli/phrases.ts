import { z } from 'zod';

/**
 * A peer speaks of its routes, because whoever calls them has them before his eyes. Whoever types
 * commands is told the command that does the same.
 */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/POST \/verify \{"to": "([^"]*)", "code": "(\d+)"\}/g, '`sotto verify $2 --to "$1"`'],
  [/POST \/send_keys \{"to": "([^"]*)", "again": true\}/g, '`sotto pair --to "$1" --again`'],
  [/POST \/send_keys with \{[^}]*\}/g, '`sotto pair --to NAME --address http://HOST:PORT`'],
  [/has to POST \/send_keys/g, 'has to run `sotto pair --to NAME`'],
  [/a new one needs an address in POST \/send_keys/g, 'a new one needs --address'],
  [/POST \/send_keys/g, '`sotto pair --to NAME`'],
  [/POST \/verify/g, '`sotto verify CODE`'],
  [/POST \/decrypt_msg/g, '`sotto inbox`'],
  [/POST \/pictures\/capacity/g, '`sotto capacity`'],
  [/GET \/covers/g, '`sotto covers`'],
  [/GET \/messages/g, '`sotto inbox --last 20`'],
  [/(GET )?\/show\b/g, '`sotto contacts`'],
  [/with "again": true/g, 'with --again'],
  [/"force"(: true)?/g, '--force'],
  [/with "to"/g, 'with --to'],
  [/as "current"/g, 'by --passphrase-file'],
];

/** Of an answer's fields those that a person reads, also with --json. */
export const words = z.string().transform(asCommands);

export function asCommands(words: string): string {
  return PHRASES.reduce((text, [route, command]) => text.replace(route, command), words);
}
