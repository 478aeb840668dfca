/** The side that the peer's own person operates. Every route says who may call it. */
import { METHODS } from 'node:http';
import type { Readable } from 'node:stream';
import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Log, Messenger } from '../messenger/index.ts';
import { backup } from './backup.ts';
import { hearOut } from './body.ts';
import { logBrokenAnswers } from './broken-answers.ts';
import { listContacts, removeContact } from './contacts.ts';
import { decryptMsg } from './decrypt-msg.ts';
import type { Events } from './events.ts';
import { type Access, type GuardConfig, guard } from './guard.ts';
import { changePassphrase, exportIdentity, type Keeper, showIdentity } from './identity.ts';
import { listMessages, messageContent, openMessage } from './messages.ts';
import type { Meters } from './meters.ts';
import { type Described, openApiRoute } from './openapi.ts';
import { page, pageFiles } from './page.ts';
import { pair } from './pair.ts';
import {
  coverCapacity,
  folderCover,
  listCovers,
  listFolderCovers,
  previewCover,
  restoredCover,
} from './pictures.ts';
import { problems } from './problem.ts';
import { receive } from './receive.ts';
import { logRequests } from './request-log.ts';
import type { Route, RouteState } from './route.ts';
import { sendKeys } from './send-keys.ts';
import { sendMsg, sendTyped } from './send-msg.ts';
import { sensor } from './sensor.ts';
import { endSession, openSession } from './session.ts';
import { show } from './show.ts';
import { verify } from './verify.ts';

export interface OperatorSide {
  readonly messenger: Messenger;
  readonly log: Log;
  readonly meters: Meters;
  readonly guard: GuardConfig;
  /** All data of this peer and their key, as a tar. @throws {StoreError} `busy`, `full` */
  readonly backup: () => Promise<Readable>;
  readonly events: Events;
  readonly keeper: Keeper;
}

/** Of the side that other peers call, for the description of all. */
const PEER_ROUTES: readonly Described[] = [
  ['POST', '/packets', 'peer'],
  ['GET', '/healthz', 'peer'],
];
const OPENAPI = ['GET', '/openapi.json', 'public'] as const;

type Method = 'GET' | 'POST' | 'DELETE';

export function createOperatorApp(side: OperatorSide): Koa {
  const router = new Router<RouteState>({ methods: METHODS });
  const all = routes(side);
  const described = all.map(([method, path, access]): Described => [method, path, access]);
  const openapi = openApiRoute([...PEER_ROUTES, ...described, OPENAPI]);
  for (const [method, path, access, route] of [...all, [...OPENAPI, openapi] as const]) {
    router.register(
      path,
      [method],
      [guard(access, side.guard), (ctx) => route(ctx, side.messenger)],
    );
  }
  const app = new Koa();
  logBrokenAnswers(app, side.log);
  app.use(logRequests(side.log)).use(hearOut).use(headers).use(problems(side.log));
  app.use(router.routes()).use(router.allowedMethods());
  return app;
}

function routes(side: OperatorSide): readonly [Method, string, Access, Route][] {
  const { meters, guard, events, keeper } = side;
  return [
    ['POST', '/send_keys', 'trigger', sendKeys],
    ['GET', '/send_keys', 'trigger', sendKeys],
    ['POST', '/dh-key-exchange', 'trigger', sendKeys],
    ['GET', '/dh-key-exchange', 'trigger', sendKeys],
    ['GET', '/show', 'public', show],
    ['POST', '/send_msg', 'trigger', sendMsg],
    ['GET', '/send_msg', 'trigger', sendTyped],
    ['POST', '/decrypt_msg', 'trigger', decryptMsg],
    ['GET', '/decrypt_msg', 'trigger', decryptMsg],
    ['POST', '/verify', 'trigger', verify],
    ['GET', '/sensor', 'read', sensor],
    ['GET', '/contacts', 'read', listContacts],
    ['DELETE', '/contacts/:name', 'trigger', removeContact],
    ['POST', '/pair', 'trigger', pair],
    ['POST', '/receive', 'trigger', receive],
    ['GET', '/messages', 'read', listMessages],
    ['GET', '/messages/:row', 'read', messageContent],
    ['POST', '/pictures/capacity', 'read', coverCapacity],
    ['POST', '/pictures/preview', 'read', previewCover],
    ['GET', '/pictures/covers', 'read', listFolderCovers],
    ['GET', '/pictures/covers/:name', 'read', folderCover],
    ['POST', '/backup', 'trigger', backup(side.backup)],
    ['POST', '/messages/:row/open', 'trigger', openMessage],
    ['GET', '/events', 'read', events.route],
    ['GET', '/identity', 'read', showIdentity(keeper)],
    ['POST', '/identity', 'trigger', exportIdentity(keeper)],
    ['POST', '/passphrase', 'trigger', changePassphrase(keeper)],
    ['GET', '/covers', 'read', listCovers],
    ['GET', '/covers/:id', 'read', restoredCover],
    ['GET', '/metrics', 'read', meters.route],
    ['GET', '/', 'public', page(guard)],
    ['GET', '/web/:file', 'public', pageFiles()],
    ['POST', '/session', 'public', openSession(guard)],
    ['DELETE', '/session', 'public', endSession(guard)],
  ];
}

const headers: Middleware = async (ctx, next) => {
  await next();
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Referrer-Policy', 'no-referrer');
  ctx.set('Cross-Origin-Resource-Policy', 'same-origin');
  ctx.set('Cache-Control', 'no-store');
};
