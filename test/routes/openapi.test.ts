/**
 * Goal: the description of the routes is true: it has every route, a running peer answers each
 * documented status as documented, and refuses in the documented way.
 * Method: the description is fetched from a real peer and read back into validators; then every
 * operation of it is called until each of its statuses was seen, and once wrongly.
 */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import t, { type Test } from 'tap';
import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { main } from '../../src/cli/index.ts';
import { PeerProcess, until } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const home = temporaryFolder(t);
const at = (name: string) => join(home, name);

interface Operation {
  readonly security?: object;
  readonly parameters: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema?: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>
  >;
}
interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: { readonly Problem: object } };
}

/** Lines of the form `POST /send_keys`, as the description has them. */
const operationsOf = ({ paths }: OpenApi) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  );

const validator = (schema: object) =>
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);

const flags = ['--trust', 'tofu'];
const alice = new PeerProcess({ name: 'alice', folder: at('alice'), flags });
const bob = new PeerProcess({ name: 'bob', folder: at('bob'), flags });
t.teardown(() => Promise.all([alice.stop('SIGKILL'), bob.stop('SIGKILL')]));
await Promise.all([alice.start(), bob.start()]);
const document: OpenApi = JSON.parse((await alice.call('GET', '/openapi.json')).text);

interface Call {
  readonly peer?: PeerProcess;
  readonly json?: object;
  readonly body?: Uint8Array;
  readonly type?: string;
  readonly row?: string;
  readonly query?: string;
  readonly accept?: string;
}

async function call(line: string, given: Call) {
  const { peer = alice, json, body, type, row, query = '', accept } = given;
  const [method, path = ''] = line.split(' ');
  const at = path
    .replace('covers/{name}', 'covers/cover.png')
    .replace('{name}', 'bob')
    .replace(/\{row\}|\{id\}/, row ?? '1')
    .replace('{file}', 'base.css');
  const sent = json === undefined ? type : 'application/json';
  const headers = {
    authorization: `Bearer ${peer.token}`,
    ...(sent !== undefined && { 'content-type': sent }),
    ...(accept !== undefined && { accept }),
  };
  const content = json === undefined ? (body ?? null) : JSON.stringify(json);
  const options: Parameters<typeof request>[1] = { headers, body: content };
  const response = await request(`${peer.origin}${at}${query}`, {
    ...options,
    method: method as Dispatcher.HttpMethod,
  });
  return response;
}

const seen = new Map<string, Set<string>>();
/** Operation, status and type of each answer that had a body. */
const answered = new Set<string>();

/** One call, held against what is documented for the status that came. */
async function tried(t: Test, line: string, given: Call = {}): Promise<unknown> {
  const operation = operationsOf(document).find(([name]) => name === line)?.[1];
  const response = await call(line, given);
  const status = String(response.statusCode);
  const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? '';
  const documented = operation?.responses[status];
  if (type === 'text/event-stream') response.body.destroy();
  const text = type === 'text/event-stream' ? '' : await response.body.text();
  if (documented === undefined) t.fail(`${line}: ${status} is not documented: ${text}`);
  seen.set(line, (seen.get(line) ?? new Set()).add(status));
  const types = documented?.content;
  if (types === undefined) {
    t.equal(text, '', `${line} ${status}: nothing`);
    return undefined;
  }
  t.ok(type in types, `${line} ${status}: ${type}`);
  answered.add(`${line} ${status} ${type}`);
  const { schema } = types[type] ?? {};
  if (schema === undefined) return text;
  const value = JSON.parse(text);
  const checked = validator(schema).safeParse(value);
  t.ok(checked.success, `${line} ${status}: ${checked.error?.message ?? 'as documented'}`);
  return value;
}

t.test('it is OpenAPI 3.1, by the schema that its makers publish', async (t) => {
  const validator = new Validator();
  t.strictSame(await validator.validate({ ...structuredClone(document) }), { valid: true });
  t.equal(validator.version, '3.1');
  const paths = { ...structuredClone(document.paths), '/show': { get: { responses: [] } } };
  t.equal(
    (await new Validator().validate({ ...document, paths })).valid,
    false,
    'and the schema does look',
  );
});

t.test('it is in the words for people, and nothing else is', async (t) => {
  t.equal(document.openapi, '3.1.0');
  const rows = [...readFileSync('docs/ROUTES.md', 'utf8').matchAll(/^\| `([A-Z]+ \/\S*)` \|/gm)];
  const forPeople = rows.map(([, line = '']) => line.replace(/:(\w+)/g, '{$1}'));
  t.strictSame(
    operationsOf(document)
      .map(([line]) => line)
      .sort(),
    forPeople.sort(),
  );
});

async function meet(t: Test): Promise<void> {
  for (const line of ['POST /send_keys', 'GET /send_keys', 'POST /dh-key-exchange']) {
    const to = { to: 'bob', address: bob.origin };
    const query = line.startsWith('GET') ? `?${new URLSearchParams(to)}` : '';
    await tried(t, line, query === '' ? { json: to } : { query });
  }
  const query = `?${new URLSearchParams({ to: 'bob', address: bob.origin })}`;
  await tried(t, 'GET /dh-key-exchange', { query });
  await tried(t, 'POST /send_keys', { peer: bob, json: { to: 'alice', address: alice.origin } });
  await until('both are paired', async () => {
    const { state } = await alice.contact('bob');
    return state === 'paired' ? true : undefined;
  });
  await tried(t, 'POST /send_keys', { json: { to: 'bob' } });
  await tried(t, 'GET /send_keys', { query: '?to=bob' });
  await tried(t, 'POST /dh-key-exchange', { json: { to: 'bob' } });
  await tried(t, 'GET /dh-key-exchange', { query: '?to=bob' });
  const shown = (await tried(t, 'GET /show')) as { contacts: { code?: string }[] };
  t.match(await alice.call('GET', '/show'), { status: 200 });
  await tried(t, 'POST /verify', { json: { code: shown.contacts[0]?.code, to: 'bob' } });
  await tried(t, 'GET /contacts');
}

async function talk(t: Test): Promise<void> {
  const png = readFileSync(at('cover.png'));
  await tried(t, 'POST /send_msg', { json: { text: 'hello', wait: 20 } });
  await tried(t, 'POST /send_msg', { body: png, type: 'image/png', query: '?name=a.png&wait=20' });
  const letter = await call('POST /send_msg', { json: { text: 'by hand', carrier: 'file' } });
  const carried = new Uint8Array(await letter.body.arrayBuffer());
  await tried(t, 'POST /send_msg', { json: { text: 'by hand too', carrier: 'file' } });
  await tried(t, 'GET /send_msg', { query: '?text=typed' });
  await tried(t, 'GET /send_msg', { query: '?text=typed&carrier=file' });
  await tried(t, 'POST /receive', { peer: bob, body: carried });
  const talk = (await tried(t, 'GET /messages', { peer: bob })) as { messages: { row: number }[] };
  const rows = talk.messages.map(({ row }) => row).sort((a, b) => a - b);
  await tried(t, 'POST /messages/{row}/open', { peer: bob, row: `${rows[0]}` });
  await tried(t, 'POST /decrypt_msg', { peer: bob });
  await tried(t, 'GET /decrypt_msg', { peer: bob });
  await tried(t, 'GET /messages/{row}', { peer: bob, row: `${rows[1]}` });

  const form = new FormData();
  form.append('text', 'hi');
  form.append('cover', new Blob([readFileSync(at('large.png'))]), 'large.png');
  form.append('answer', 'file');
  const inPicture = new Response(form);
  const pictured = await call('POST /send_msg', {
    body: new Uint8Array(await inPicture.arrayBuffer()),
    type: inPicture.headers.get('content-type') ?? '',
  });
  t.equal(pictured.headers['content-type'], 'image/png');
  answered.add('POST /send_msg 200 image/png');
  const picture = new Uint8Array(await pictured.body.arrayBuffer());
  await tried(t, 'POST /receive', { peer: bob, body: picture, type: 'image/png' });
  const kept = (await tried(t, 'GET /covers', { peer: bob })) as { covers: { id: number }[] };
  await tried(t, 'GET /covers/{id}', { peer: bob, row: `${kept.covers[0]?.id}` });
}

async function look(t: Test): Promise<void> {
  const png = readFileSync(at('cover.png'));
  await tried(t, 'GET /sensor');
  await tried(t, 'GET /sensor', { query: '?from=2026-01-01' });
  for (const accept of ['application/senml+json', 'text/csv']) {
    await tried(t, 'GET /sensor', { accept });
  }
  await tried(t, 'POST /pair');
  await tried(t, 'POST /pictures/capacity', { body: png, type: 'image/png' });
  await tried(t, 'POST /pictures/preview', { body: png, type: 'image/png', query: '?size=2' });
  const covers = join(alice.folder, 'covers');
  mkdirSync(covers, { recursive: true });
  copyFileSync(at('cover.png'), join(covers, 'cover.png'));
  await tried(t, 'GET /pictures/covers');
  await tried(t, 'GET /pictures/covers/{name}');
  for (const line of ['GET /identity', 'POST /backup', 'GET /metrics', 'GET /openapi.json']) {
    await tried(t, line);
  }
  await tried(t, 'POST /identity', { json: { passphrase: 'correct horse' } });
  await tried(t, 'POST /passphrase', { json: { passphrase: 'correct horse' } });
  for (const line of ['GET /', 'GET /web/{file}', 'GET /events', 'GET /healthz']) {
    await tried(t, line);
  }
  await tried(t, 'POST /session', { json: { token: alice.token } });
  await tried(t, 'DELETE /session');
  await tried(t, 'POST /packets', { body: Uint8Array.of(), type: 'application/octet-stream' });
  await tried(t, 'DELETE /contacts/{name}');
}

t.test('each documented status is answered as documented', async (t) => {
  const quiet = { print: () => {}, say: () => {}, paint: (_: unknown, text: string) => text };
  const io = { ...quiet, read: async () => new Uint8Array(), stdinIsTerminal: false };
  await main(['cover', '-o', at('cover.png'), '--pixels', '64'], io);
  await main(['cover', '-o', at('large.png'), '--pixels', '256'], io);
  await meet(t);
  await talk(t);
  await look(t);
  for (const [line, { responses }] of operationsOf(document)) {
    const documented = Object.keys(responses).filter((status) => status !== 'default');
    t.strictSame([...(seen.get(line) ?? [])].sort(), documented.sort(), `${line}: each status`);
    const { content = {} } = responses['200'] ?? {};
    const types = Object.keys(content).filter((type) => !answered.has(`${line} 200 ${type}`));
    t.strictSame(types, [], `${line}: each type`);
  }
});

t.test('the dashboard asks for what /metrics has, and for all of it that is ours', async (t) => {
  const board = readFileSync('packaging/grafana-dashboard.json', 'utf8');
  const { text } = await alice.call('GET', '/metrics');
  const there = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const panels: { title: string; targets?: { expr: string }[] }[] = JSON.parse(board).panels;
  const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const names = asked.flatMap((expr) => expr.match(/\b(sotto|process|nodejs)_\w+/g) ?? []);
  t.ok(names.length >= asked.length && asked.length > 10);
  t.strictSame(
    names.filter((name) => !there.has(name)),
    [],
  );
  const ours = [...there].filter((name) => name?.startsWith('sotto_'));
  t.strictSame(
    ours.filter((name) => !names.includes(name ?? '')),
    [],
  );
});

t.test('a refusal is a problem as documented', async (t) => {
  const { default: refused } = operationsOf(document)[0]?.[1].responses ?? {};
  t.ok(refused?.content?.['application/problem+json']);
  const problem = validator(document.components.schemas.Problem);
  const careful = await new PeerProcess({
    name: 'carol',
    folder: at('carol'),
    flags: ['--no-demo'],
  }).start();
  t.teardown(() => careful.stop('SIGKILL'));
  for (const [line, { security, parameters, requestBody }] of operationsOf(document)) {
    const [method = '', path = ''] = line.split(' ');
    const bare = path.replace(/\{\w+\}/, '1');
    if (security !== undefined) {
      const { status, json } = await careful.call(method, bare);
      t.equal(status, 401, `${line} without the token`);
      t.ok(problem.safeParse(json).success);
    }
    const takesFields =
      requestBody?.content['application/json'] !== undefined ||
      parameters.some((each) => each.in === 'query');
    if (!takesFields) continue;
    const headers = { authorization: `Bearer ${careful.token}` };
    const { status, json } = await careful.call(method, `${bare}?no_such_field=1`, { headers });
    t.equal(status, 400, `${line} with a field that it does not have`);
    t.ok(problem.safeParse(json).success && json.code === 'invalid_request');
  }
});
