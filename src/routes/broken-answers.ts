/** Answers that broke off after their head had gone out: too late for a problem, not for the log. */
import type Koa from 'koa';
import type { Log } from '../messenger/index.ts';

/** A client that leaves is no news. */
const LEFT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Koa itself would print a stack. */
export function logBrokenAnswers(app: Koa, log: Log): void {
  app.on('error', (error: Error & { readonly code?: string }) => {
    const code = error.code ?? error.name;
    if (!LEFT.has(code)) log.warn('answer_broke_off', { code });
  });
}
