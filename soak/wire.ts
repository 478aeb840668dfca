/** `wire.ts good|bad SEED PORT TARGET`: a wire between two peers as a process. */
import { Random } from '../test/support/random.ts';
import { openWire } from './bad-wire.ts';

const [mood, seed, port, target = ''] = process.argv.slice(2);
await openWire({
  port: Number(port),
  target,
  random: new Random(Number(seed)),
  isBad: mood === 'bad',
  onFault: (fault) => process.send?.({ faults: { [fault]: 1 } }),
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
