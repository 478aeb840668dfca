/**
 * Whom the device may reach through the bridge. What comes over the line is a stranger's word: it
 * must not lead the bridge to any host of the world.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { LinkError } from '../failures.ts';

const NEAR = new BlockList();
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  NEAR.addSubnet(net, bits, 'ipv4');
}
NEAR.addAddress('::1', 'ipv6');
NEAR.addSubnet('fc00::', 7, 'ipv6');
NEAR.addSubnet('fe80::', 10, 'ipv6');

/**
 * The origin that a bundle for `address` goes to. With `peers` only to those, an empty address
 * meaning the first; without, to any on this machine and the networks around it.
 * @throws {LinkError} that says which flag would allow it.
 */
export async function reach(address: string, peers: readonly string[]): Promise<string> {
  const to = address === '' ? peers[0] : address;
  if (to === undefined) throw new LinkError('rejected', 'the device names nobody: use --peer');
  if (peers.length > 0 ? peers.includes(to) : await isNear(to)) return to;
  throw new LinkError('rejected', `the device wants to reach ${to}: --peer ${to} would allow it`);
}

/** RFC 1918, RFC 4193, and what is no further than the next router. */
async function isNear(origin: string): Promise<boolean> {
  if (!/^http:\/\/[^/?#@\s]+:\d+$/.test(origin) || !URL.canParse(origin)) return false;
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, '');
  const found = await lookup(host, { all: true }).catch(() => []);
  const near = found.map(({ address }) => NEAR.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
  return near.length > 0 && near.every(Boolean);
}
