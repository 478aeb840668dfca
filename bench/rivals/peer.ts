/** One of our peers as the demonstration runs it, on a free port; tells its origin once it listens. */
import { loadConfig } from '../../src/config.ts';
import { createPeer } from '../../src/peer.ts';

const [name = 'peer', folder = ''] = process.argv.slice(2);
const args = ['--name', name, '--port', '0', '--data-dir', folder, '--demo', '--log-level', 'warn'];
const peer = createPeer(loadConfig(args, {}));
const { origin } = await peer.start();
process.send?.(origin);
