/**
 * Rival (c): POST, durable SQLite insert, POST to the second process, durable insert there, 200.
 * Nothing is encrypted. Without an address to pass on to, it is the second process.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Database from 'better-sqlite3-multiple-ciphers';
import Koa from 'koa';
import { Pool } from 'undici';

const [file = ':memory:', next] = process.argv.slice(2);
const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('create table message (id integer primary key, body blob)');
const insert = database.prepare('insert into message (body) values (?)');
const pool = next === undefined ? undefined : new Pool(next, { connections: 4 });

const app = new Koa();
app.use(async (ctx) => {
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  insert.run(body);
  if (pool !== undefined) {
    const answer = await pool.request({ method: 'POST', path: '/', body });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`second process: ${answer.statusCode}`);
  }
  ctx.body = { ok: true };
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);
