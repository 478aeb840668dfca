/** Rival (b): Koa behind mutual TLS 1.3, JSON in and out, no store; a file is written and synced. */
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';

const fixture = (name: string) => readFile(new URL(`../fixtures/${name}`, import.meta.url));
const [file = '/dev/null'] = process.argv.slice(2);

const app = new Koa();
app.use(async (ctx) => {
  if (ctx.path === '/file') {
    const target = await open(file, 'w');
    for await (const chunk of ctx.req) await target.write(chunk);
    await target.sync();
    await target.close();
    ctx.body = { ok: true };
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  const { text } = JSON.parse(Buffer.concat(chunks).toString()) as { text: string };
  ctx.body = { ok: true, size: text.length };
});

const server = createServer(
  {
    key: await fixture('server.key'),
    cert: await fixture('server.pem'),
    ca: await fixture('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
  },
  app.callback(),
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);
