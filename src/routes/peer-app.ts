/** The side that other peers call. Open to the network: everything here is bounded. */
import { METHODS } from 'node:http';
import { Router } from '@koa/router';
import Koa from 'koa';
import type { Log, Messenger } from '../messenger/index.ts';
import { hearOut } from './body.ts';
import { logBrokenAnswers } from './broken-answers.ts';
import { healthz } from './healthz.ts';
import type { Meters } from './meters.ts';
import { type PeerArrivals, packets } from './packets.ts';
import { problems } from './problem.ts';
import { logRequests } from './request-log.ts';

export interface PeerSide extends PeerArrivals {
  readonly messenger: Messenger;
  readonly log: Log;
  readonly meters: Meters;
}

export function createPeerApp({ messenger, log, meters, ...arrivals }: PeerSide): Koa {
  const router = new Router({ methods: METHODS });
  router.post('/packets', packets(messenger, arrivals));
  router.get('/healthz', healthz);
  const app = new Koa();
  logBrokenAnswers(app, log);
  app.use(logRequests(log)).use(meters.exchanges).use(hearOut).use(problems(log));
  app.use(router.routes()).use(router.allowedMethods());
  return app;
}
