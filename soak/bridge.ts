/**
 * `bridge.ts good|bad SEED PORT SERIAL PEER`: the bridge as a process, on a line that, if bad,
 * drops, flips, repeats, delays and throttles.
 */
import './holding.ts';
import { startBridge } from '../src/bridge/index.ts';
import { openTty } from '../src/link/index.ts';
import { badLine, noHarm } from '../test/hardware/noise.ts';
import { Random } from '../test/support/random.ts';

const [mood, seed, port, serial = '', peer = ''] = process.argv.slice(2);
const harm = noHarm();
await startBridge({
  ...{ serial, baud: 115_200, host: '127.0.0.1', port: Number(port), peers: [peer] },
  say: () => undefined,
  open: mood === 'bad' ? badLine(new Random(Number(seed)), harm, true) : openTty,
});
setInterval(() => {
  const { passed: _, ...faults } = harm;
  process.send?.({ faults });
  Object.assign(harm, noHarm());
}, 500);
process.on('disconnect', () => process.exit());
process.send?.('ready');
