/** The operator side on loopback, above a messenger that only remembers what it was asked. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { Test } from 'tap';
import type { Messenger } from '../../src/messenger/index.ts';

import {
  createOperatorApp,
  Events,
  type GuardConfig,
  type Keeper,
  Meters,
} from '../../src/routes/index.ts';
import { type Asked, fakeMessenger, noBackup } from './fake-messenger.ts';

import { type Answer, call, serve, silentLog } from './http.ts';

export const bytes = (text: string) => new TextEncoder().encode(text);
export const guard: GuardConfig = {
  mode: 'demo',
  hosts: [],
  behindProxy: false,
  token: bytes('right-token'),
  session: bytes('right-session'),
  cookieName: 'sotto_5000',
};
export const withToken = { authorization: 'Bearer right-token' };
export const json = { 'content-type': 'application/json' };
export const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** Protects nothing, and remembers nothing. */
const keeper: Keeper = {
  protection: () => 'key file',
  changePassphrase: async () => undefined,
  exportIdentity: async () => 'sealed',
};

/** What an operator's side needs, around a messenger. */
export function sideOf(messenger: Messenger) {
  const meters = new Meters(messenger);
  const events = new Events(messenger);
  return { messenger, meters, guard, keeper, events, log: silentLog, backup: noBackup };
}

export interface Peer {
  readonly asked: Asked[];
  ask(line: string, headers?: OutgoingHttpHeaders, body?: string | Uint8Array): Promise<Answer>;
}

export async function peer(
  t: Test,
  overrides: Partial<Messenger> = {},
  mode: GuardConfig['mode'] = 'demo',
): Promise<Peer> {
  const messenger = fakeMessenger(overrides);
  const app = createOperatorApp({ ...sideOf(messenger), guard: { ...guard, mode } });
  const port = await serve(t, app);
  return {
    asked: messenger.asked,
    ask(line, headers = {}, body = '') {
      const [method = '', path = ''] = line.split(' ');
      const sent = { host: `localhost:${port}`, ...headers };
      return call(port, { method, path, headers: sent, body });
    },
  };
}
