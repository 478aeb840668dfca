/** `sotto nearby`: which peers of this network let themselves be found. */
import type { Nearby } from '../nearby.ts';
import { reasonOf } from '../reasons.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import { printable } from './io.ts';
import { during } from './progress.ts';

const SECONDS = '3';

export const nearby = defineCommand({
  name: 'nearby',
  summary: 'Find peers on this network',
  usage: ['[--seconds N]'],
  details: `Finds those that run with --announce, by mDNS; needs no peer here. Anybody on a network can claim any
name: pair, and compare, before you trust one.`,
  examples: ['sotto nearby', 'sotto nearby --seconds 10 --json'],
  positionalsMax: 0,
  options: {
    seconds: {
      type: 'string',
      takes: 'N',
      about: `how long to wait for answers, 0 … 60; ${SECONDS}`,
    },
  },
  run: async ({ values, io }) => {
    const { seconds = SECONDS } = values;
    if (!/^\d{1,2}$/.test(seconds) || Number(seconds) > 60) {
      throw usageError('nearby', `--seconds takes a number up to 60, not ${seconds}`);
    }
    // Only here: no other command needs it.
    const { lookAround } = await import('../nearby.ts');
    const looking = lookAround(Number(seconds) * 1000).catch((cause: unknown) => {
      const words = `Nobody can be asked here, ${reasonOf(cause)}: mDNS needs a network with multicast.`;
      throw new CommandError(EXIT.failed, words, { cause });
    });
    const found = await during('looking around', looking);
    if (found.length === 0) io.say('Nobody. Peers are found that run with `sotto up --announce`.');
    return { data: found, text: found.map(line).join('\n') };
  },
});

function line({ name, address, fingerprint }: Nearby): string {
  return `${printable(name)}  ${address}  ${fingerprint}`;
}
