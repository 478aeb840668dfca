/** Serves a Koa app on loopback, and calls it with exactly the headers that a test names. */
import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import type { Test } from 'tap';

export const silentLog = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** Returns the port; the server ends with the test. */
export async function serve(t: Test, app: Koa): Promise<number> {
  const server = app.listen(0, '127.0.0.1');
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export interface Call {
  readonly method?: string;
  readonly path?: string;
  /** `host` has to be among them. */
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export async function call(port: number, { method, path, headers, body }: Call): Promise<Answer> {
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method: method ?? 'GET',
    path: path ?? '/',
    headers: headers ?? {},
    setHost: false,
  });
  // Once there is an answer, that the rest of a refused body could not be written is no news.
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  if (response === undefined) throw new Error('no response');
  const chunks: Uint8Array[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}
