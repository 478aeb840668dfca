/** For routes whose reply holds plaintext or a secret: sitting on the same machine is no proof. */
import { Problem } from './problem.ts';
import type { RouteContext } from './route.ts';

/** @throws {Problem} `token_missing` */
export function needToken(ctx: RouteContext): void {
  if (!ctx.state.caller.authenticated) throw new Problem('token_missing');
}
