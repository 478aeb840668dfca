/** The side that other peers call. Open to the network: everything here is bounded. */
import { METHODS, type RequestListener } from 'node:http';
import { Router } from '@koa/router';
import Koa from 'koa';
import type { Log, Messenger } from '../messenger/index.ts';
import { hearOut } from './body.ts';
import { logBrokenAnswers } from './broken-answers.ts';
import { type Failures, isBundle, serveBundle } from './bundles.ts';
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

/** A Koa application, and in front of it the short way of a bundle that all is well with. */
export function createPeerApp(side: PeerSide): RequestListener {
  const { messenger, log, meters } = side;
  const failures: Failures = new WeakMap();
  const router = new Router({ methods: METHODS });
  router.post('/packets', packets(messenger, side));
  router.get('/healthz', healthz);
  const app = new Koa();
  logBrokenAnswers(app, log);
  app.use(logRequests(log)).use(meters.exchanges).use(hearOut).use(problems(log));
  app.use((ctx, next) => {
    const failure = failures.get(ctx.req);
    if (failure !== undefined) throw failure.cause;
    return next();
  });
  app.use(router.routes()).use(router.allowedMethods());
  const onOther = app.callback();
  return (request, response) => {
    if (isBundle(request)) void serveBundle(request, response, { ...side, failures, onOther });
    else void onOther(request, response);
  };
}
