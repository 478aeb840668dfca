/** What every route is: parse, one use case, reply. Refusals are thrown and become problems. */
import type { RouterContext } from '@koa/router';
import type { Messenger } from '../messenger/index.ts';
import type { Caller } from './guard.ts';
import { Problem } from './problem.ts';

export type RouteState = { caller: Caller };
export type RouteContext = RouterContext<RouteState>;
export type Route = (ctx: RouteContext, messenger: Messenger) => void | Promise<void>;

/** A number in the path, 1 or more. @throws {Problem} `not_found` */
export function numberIn(ctx: RouteContext, name: string): number {
  const text = ctx.params[name] ?? '';
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Problem('not_found');
  return Number(text);
}
