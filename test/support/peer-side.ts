/** The real server, as other peers call it, above a messenger that only remembers what it was asked. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import type { Messenger } from '../../src/messenger/index.ts';
import {
  ARRIVAL_LIMITS,
  type ArrivalLimits,
  Arrivals,
  closeServer,
  createHttpServer,
  createOperatorApp,
  createPeerApp,
  Meters,
  PICTURE_ARRIVAL_LIMITS,
  serve,
} from '../../src/routes/index.ts';
import { fakeMessenger } from './fake-messenger.ts';
import { call, silentLog } from './http.ts';
import { sideOf } from './operator.ts';

export const MiB = 1_048_576;
export const host = { host: 'peer.example' };
export const bundleType = { ...host, 'content-type': 'application/octet-stream' };

export async function peer(
  t: Test,
  overrides: Partial<Messenger> = {},
  limits: Partial<ArrivalLimits> = {},
  connectionsMax?: number,
) {
  const messenger = fakeMessenger(overrides);
  const meters = new Meters(messenger);
  const arrivals = new Arrivals({ ...ARRIVAL_LIMITS, ...limits }, () => 0);
  const log = silentLog;
  const secret = new Uint8Array(16);
  const guard = {
    mode: 'demo' as const,
    hosts: [],
    behindProxy: false,
    token: secret,
    session: secret,
    cookieName: 'c',
  };
  const server = createHttpServer(connectionsMax);
  const operatorApp = createOperatorApp({ ...sideOf(messenger), meters, guard });
  const pictureArrivals = new Arrivals({ ...PICTURE_ARRIVAL_LIMITS, burst: 8 }, () => 0);
  serve(server, createPeerApp({ messenger, log, meters, arrivals, pictureArrivals }), operatorApp);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => closeServer(server, 0));
  const { port } = server.address() as AddressInfo;
  return { port, asked: messenger.asked, meters, server };
}

export const post = (
  port: number,
  body: Uint8Array,
  headers: Record<string, string> = bundleType,
) => call(port, { method: 'POST', path: '/packets', headers, body });
