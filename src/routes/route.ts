/** What every route is: parse, one use case, reply. Refusals are thrown and become problems. */
import type { RouterContext } from '@koa/router';
import type { Messenger } from '../messenger/index.ts';
import type { Caller } from './guard.ts';

export type RouteState = { caller: Caller };
export type RouteContext = RouterContext<RouteState>;
export type Route = (ctx: RouteContext, messenger: Messenger) => void | Promise<void>;
