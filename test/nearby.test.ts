/**
 * Goal: peers that want to be found are found, with name, address and fingerprint, until they stop;
 * who announces anything else is passed over; and nothing is announced unless asked for.
 * Method: real multicast on loopback, at a port of its own; then `sotto up --announce` and
 * `sotto nearby` on this machine's own network, where it has one.
 */
import { Bonjour } from 'bonjour-service';
import t from 'tap';
import { main } from '../src/cli/index.ts';
import { announce, lookAround } from '../src/nearby.ts';
import { freePort } from './support/free-ports.ts';
import { PeerProcess, until } from './support/peer-process.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const digits = (digit: string) => digit.repeat(30);
const failed = (cause: Error) => {
  throw cause;
};

t.test(
  'who announces itself is found until it stops; who says what no peer says is not',
  async (t) => {
    const network = { interface: '127.0.0.1', port: await freePort() };
    const here = {
      name: 'alice',
      fingerprint: digits('1'),
      port: 5000,
      address: 'http://pi.lan:5000',
    };
    const there = { name: 'bob', fingerprint: digits('2'), port: 5001, address: undefined };
    const silence = [announce(here, failed, network), announce(there, failed, network)] as const;

    const how = { ...network, bind: '0.0.0.0', loopback: true };
    const forger = new Bonjour(how, failed);
    t.teardown(() => forger.destroy());
    const fingerprint = digits('3');
    const good = { name: 'eve', fingerprint, address: 'http://127.0.0.1:1' };
    const forgeries = [
      { ...good, fingerprint: '123' },
      { ...good, address: 'https://127.0.0.1:1' },
      { ...good, address: 'http://127.0.0.1:1/path' },
      { ...good, name: 'eve\u001b[2J' },
      { ...good, name: 'e'.repeat(65) },
      {},
    ];
    for (const [index, txt] of forgeries.entries()) {
      forger.publish({ name: `forged-${index}`, type: 'sotto', port: 1, probe: false, txt });
    }

    const both = await until('both answer', async () => {
      const found = await lookAround(300, network);
      return found.length >= 2 ? found : undefined;
    });
    const { port: _, ...alice } = here;
    t.strictSame(both[0], alice);
    t.match(both[1], { name: 'bob', fingerprint: digits('2'), address: /^http:\/\/[\d.]+:5001$/ });
    t.equal(both.length, 2);

    await silence[0]();
    await until('one is gone', async () => {
      const found = await lookAround(300, network);
      return found.length === 1 && found[0]?.name === 'bob' ? true : undefined;
    });
    await silence[1]();
  },
);

t.test('the command finds a peer that was told to announce itself', async (t) => {
  const folder = temporaryFolder(t);
  const flags = ['--announce', '--address', 'http://pi.lan:5000'];
  const peer = await new PeerProcess({ name: 'found', folder, flags }).start();
  t.teardown(() => peer.stop('SIGKILL'));
  const line = await until('it says so', () =>
    peer.log.find((each) => each.includes('"announced"')),
  );
  const { fingerprint } = JSON.parse(line);
  const out: string[] = [];
  const io = {
    print: (text: string) => void out.push(text),
    say: () => {},
    paint: (_: unknown, text: string) => text,
    read: async () => new Uint8Array(),
    stdinIsTerminal: false,
  };
  const code = await main(['nearby', '--seconds', '2', '--json'], io);
  if (code !== 0 || out[0] === '[]') {
    t.comment('LEFT OUT: this machine has no network with multicast');
  } else {
    const own = JSON.parse(out[0] ?? '').filter((each: { name: string }) => each.name === 'found');
    t.strictSame(own, [{ name: 'found', fingerprint, address: 'http://pi.lan:5000' }]);
  }
  t.equal(await peer.stop(), 0, 'and it stops as ever');
});
